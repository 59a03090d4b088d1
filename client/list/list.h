/* platesieve list: an agency's hot lists. */
#ifndef CLIENT_LIST_LIST_H
#define CLIENT_LIST_LIST_H

#include <platesieve/platesieve.h>

#include "client/tokens/epochs.h"

/* What a gate says about one list, as far as a push needs it. */
struct list_info {
    char id[LIMIT_NAME_MAX + 1], agency[LIMIT_NAME_MAX + 1];
    enum platesieve_grade grade; /* the weakest */
    uint32_t revision;
    uint64_t entries;
    uint32_t age_limit_s; /* 0: the gate did not say */
    int64_t committed_ms; /* when the revision was committed; 0: there is none yet */
    struct epoch_pins pins; /* the key ids that the gate named with the epochs */
    size_t covered_count;
    char covered[LIMIT_EPOCHS_KNOWN][LIMIT_EPOCH_ID_MAX + 1]; /* epochs for which all entries have tokens */
};

/* GET /v1/lists/{id}; an exit code; says what is wrong. */
int list_fetch(struct http *gate, const char *id, struct list_info *info) MUST_USE;
/* Takes the one argument that names a list into *LIST, or ends with a usage error; for an argp_parser_t. */
void list_argument(const struct argp_state *state, const char **list, const char *argument);
bool list_info_parse(json_t *json, struct list_info *info) MUST_USE;
/* Prints one list object as a block for people, or as JSON. */
bool list_print(json_t *json, bool as_json);

/* rules.c: what list_print() shows besides; the end of its first line, and lines of their own. */
void list_print_state(json_t *list);
void list_print_alarms(json_t *list);
void list_print_waiting(json_t *list);
/* On standard error: that it waits for a second person, if it does. */
void list_say_waiting(json_t *list);

int command_list_create(struct settings *settings, int argc, char **argv);
int command_list_show(struct settings *settings, int argc, char **argv);
int command_list_set(struct settings *settings, int argc, char **argv);
int command_list_approve(struct settings *settings, int argc, char **argv);
int command_list_refuse(struct settings *settings, int argc, char **argv);
int command_list_cap(struct settings *settings, int argc, char **argv);
int command_list_suspend(struct settings *settings, int argc, char **argv);
int command_list_resume(struct settings *settings, int argc, char **argv);
int command_list_flags(struct settings *settings, int argc, char **argv);
int command_list_share(struct settings *settings, int argc, char **argv);
int command_list_shares(struct settings *settings, int argc, char **argv);
int command_list_unshare(struct settings *settings, int argc, char **argv);
int command_list_suppress(struct settings *settings, int argc, char **argv);
int command_list_suppressions(struct settings *settings, int argc, char **argv);
int command_list_unsuppress(struct settings *settings, int argc, char **argv);
int command_list_push(struct settings *settings, int argc, char **argv);
int command_list_add(struct settings *settings, int argc, char **argv);
int command_list_remove(struct settings *settings, int argc, char **argv);
int command_list_tokens(struct settings *settings, int argc, char **argv);
int command_list_profile(struct settings *settings, int argc, char **argv);
int command_list_recipients(struct settings *settings, int argc, char **argv);

#endif
