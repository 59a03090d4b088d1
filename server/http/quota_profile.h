/* What an identity may ask for, from its own figures: the sections [quota NAME] of gate.conf and keys.conf.

   A lane's figures say how much it reads; what may be asked follows: reads x candidates x texts of the wanted grades x
   epochs that are open at one time.  An agency's say how much is on its lists: tokens x epochs that it tokenises for x
   pushes a day, and a quarter more for what is sent twice.  docs/threat-model.md has what that leaves to a thief. */
#ifndef SERVER_HTTP_QUOTA_PROFILE_H
#define SERVER_HTTP_QUOTA_PROFILE_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/http.h"

/* What is counted, for each side two counters; the first is the one that the total is taken of. */
enum quota_side { QUOTA_AT_GATE, QUOTA_AT_KEYS };
enum quota_counter {
    QUOTA_TOKENS = 0, /* at a gate: looked up, or uploaded */
    QUOTA_READS = 1,
    QUOTA_EVALUATIONS = 0, /* at a key server */
    QUOTA_KEYS = 1,        /* epoch keys that were fetched */
};
#define QUOTA_COUNTERS 2

enum quota_window { QUOTA_MINUTE, QUOTA_DAY };
#define QUOTA_WINDOWS 2

#define QUOTA_COUNT_MAX ((UINT64_C(1) << 38) - 1) /* of one window; as a limit it says: none */

struct quota_limits {
    uint64_t most[QUOTA_WINDOWS][QUOTA_COUNTERS]; /* 1 to QUOTA_COUNT_MAX */
};

struct quota_profile {
    char name[LIMIT_NAME_MAX + 1];
    bool agency;
    /* a lane's */
    unsigned long long reads_a_day, reads_a_minute, candidates;
    unsigned grades; /* bit per grade */
    /* an agency's */
    unsigned long long tokens, pushes;
    /* of both */
    unsigned long long epochs, key_fetches; /* key_fetches: of each epoch's key in a day */
    bool figures_of_lane, figures_of_agency; /* which were given: only those of one kind fit together */
};

struct quota_profiles {
    unsigned long long total_a_day; /* 0: worked out (quota_watch.c) */
    size_t count;
    struct quota_profile list[LIMIT_QUOTA_PROFILES]; /* the first two are "lane" and "agency" */
};

#define QUOTA_PROFILE_LANE 0
#define QUOTA_PROFILE_AGENCY 1

/* The two that are always there, with their defaults. */
void quota_profiles_begin(struct quota_profiles *profiles);
/* KEY = VALUE of section [quota NAME]; false when NAME, KEY or VALUE is not acceptable.  A profile begins with the
   defaults of a lane, or, once an agency's figure is given or when it is called "agency", those of an agency. */
bool quota_profile_set(struct quota_profiles *profiles, const char *name, const char *key, const char *value);
/* NULL, or what is wrong with them. */
const char *quota_profiles_problem(const struct quota_profiles *profiles);
/* May NAME be registered for somebody of ROLE?  Lanes and agencies have profiles of their kinds, others "none". */
bool quota_profile_fits(const struct quota_profiles *profiles, enum role role, const char *name);
/* Position of the profile called NAME, or -1. */
int quota_profile_find(const struct quota_profiles *profiles, const char *name);
/* What follows from PROFILE on SIDE.  KEYS_A_DAY: epochs whose key can be had in the course of a day; key servers. */
void quota_profile_limits(const struct quota_profile *profile, enum quota_side side, uint64_t keys_a_day,
                          struct quota_limits *limits);
/* "tokens", "reads", "evaluations", "keys". */
const char *quota_counter_name(enum quota_side side, unsigned counter);
const char *quota_window_name(enum quota_window window); /* "minute", "day" */

#endif
