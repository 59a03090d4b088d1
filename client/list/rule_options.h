/* A list's rules on the command line, into the body of a request: the same for `list create` and `list set`. */
#ifndef CLIENT_LIST_RULE_OPTIONS_H
#define CLIENT_LIST_RULE_OPTIONS_H

#include "client/client.h"

enum {
    RULE_OPTION_CATEGORY = 0x300,
    RULE_OPTION_PRIORITY,
    RULE_OPTION_GRADE,
    RULE_OPTION_COVERT,
    RULE_OPTION_OPEN,
    RULE_OPTION_SITE,
    RULE_OPTION_ALL_SITES,
    RULE_OPTION_COOLDOWN,
    RULE_OPTION_RETENTION,
    RULE_OPTION_INSTRUCTION,
    RULE_OPTION_AGE_LIMIT,
    RULE_OPTION_ENDS,
    RULE_OPTION_CALIBRATION,
    RULE_OPTION_NO_CALIBRATION
};

/* Rows of a table of argp. */
#define RULE_OPTIONS \
    { "category", RULE_OPTION_CATEGORY, "TEXT", 0, "What the list is about, such as stolen", 0 }, \
    { "priority", RULE_OPTION_PRIORITY, "N", 0, "0 to 100; a lane shows higher ones first (50)", 0 }, \
    { "grade", RULE_OPTION_GRADE, "GRADE", 0, "Weakest match that counts: full, plate, similar or near (plate)", 0 }, \
    { "covert", RULE_OPTION_COVERT, NULL, 0, "The lane is not told of hits", 0 }, \
    { "calibration", RULE_OPTION_CALIBRATION, NULL, 0, "For lanes to try themselves with: at most 16 plates that cannot exist", 0 }, \
    { "site", RULE_OPTION_SITE, "SITE", 0, "Use the list at this site only; may be given again", 0 }, \
    { "cooldown", RULE_OPTION_COOLDOWN, "SECONDS", 0, "A plate read again in the same lane within this time is one hit (300)", 0 }, \
    { "retention", RULE_OPTION_RETENTION, "DAYS", 0, "Hits are kept this long (30)", 0 }, \
    { "instruction", RULE_OPTION_INSTRUCTION, "TEXT", 0, "What the officer at the lane is told", 0 }, \
    { "age-limit", RULE_OPTION_AGE_LIMIT, "SECONDS", 0, "Hits from a list older than this are marked for verification (86400)", 0 }, \
    { "ends", RULE_OPTION_ENDS, "WHEN", 0, "The list ends by itself: a time, 30d (days from now), now or never; covert and near lists must", 0 }

/* Takes KEY if it is one of these, into BODY: 0, or ARGP_ERR_UNKNOWN.  Usage errors through STATE. */
error_t rule_option(int key, const char *argument, const struct argp_state *state, json_t *body);

#endif
