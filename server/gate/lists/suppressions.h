/* Suppressions: entries that raise no hits at one lane for a while, because their agency said so.  A set is made whole at each load of the
   lists, is part of a catalogue, and never changes but for its counts; it is asked on matches only. */
#ifndef SERVER_GATE_LISTS_SUPPRESSIONS_H
#define SERVER_GATE_LISTS_SUPPRESSIONS_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/reason.h"

struct suppression {
    uint32_t number;   /* in the database */
    uint32_t list;     /* the list's, there */
    uint64_t entry;    /* key */
    int64_t until_ms;  /* from then on it counts no more */
    char site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1];
};

struct suppressions;
struct suppressed; /* one of them, as a match finds it */

/* A set with room for COUNT; NULL without memory. */
struct suppressions *suppressions_create(size_t count);
void suppressions_free(struct suppressions *suppressions); /* NULL is fine */
/* While nobody reads it.  False when it is full. */
bool suppressions_add(struct suppressions *suppressions, const struct suppression *suppression);

/* The one in force for that entry at that lane, or NULL; NULL is fine for the set, too.  Any thread. */
struct suppressed *suppressions_find(const struct suppressions *suppressions, uint32_t list, uint64_t entry, const char *site, const char *lane,
                                     int64_t now_ms);
/* One more match that it kept silent.  Any thread. */
void suppressed_count(struct suppressed *suppressed);

/* -- what is counted, on its way to the database ------------------------------------------------------------------------------- */

/* Matches by number of the suppression; zero to begin with.  One thread at a time. */
struct suppressed_counts {
    size_t count;
    uint32_t numbers[LIMIT_SUPPRESSIONS];
    uint64_t matches[LIMIT_SUPPRESSIONS];
};
/* Takes the counts out of the set (NULL is fine), while others may go on counting; those for which there is no room are lost. */
void suppressions_take_counts(const struct suppressions *suppressions, struct suppressed_counts *counts);

#endif
