/* Matches of one request, between check.c, match.c and text.c.  For nobody else. */
#ifndef SERVER_GATE_CHECK_MATCH_H
#define SERVER_GATE_CHECK_MATCH_H

#include "server/gate/check/batch.h"

struct match { /* one read and one entry, at its strongest */
    const struct catalogue_list *list;
    uint32_t entry;              /* number in catalogue.entries */
    uint8_t read, candidate, grade, epoch; /* epoch: position in catalogue.epochs */
    uint8_t tag[PLATESIEVE_TAG_BYTES];
    uint8_t hit[PLATESIEVE_HIT_ID_BYTES]; /* once the cooldown was asked */
};

struct silent_match { /* one that its agency suppressed at this lane */
    struct suppressed *suppressed;
    uint8_t read;
};

struct matches {
    const struct catalogue *catalogue;
    const struct site_view *view;
    const struct peer *peer;
    int64_t now_ms;
    uint32_t now_s;
    const struct check_job *job; /* that is looked up */
    size_t count, room, read_start; /* read_start: the first match of job->read */
    struct match *list;          /* malloc'ed; in order of their reads */
    size_t silent_count, silent_room;
    struct silent_match *silent; /* malloc'ed; each read and entry once */
    enum reason reason;          /* REASON_BUSY: no memory, or over LIMIT_CHECK_SIGHTINGS */
};

/* Adds those that were kept silent to the counts of their suppressions. */
void matches_count_silent(const struct matches *matches);
void matches_free(struct matches *matches);

/* For index_lookup(), CONTEXT a struct matches: keeps RECORD if it counts here and now.  One match for each read and entry, and at most
   LIMIT_MATCHES_PER_LIST of a list for one read: the strongest grade first, then the better candidate. */
bool matches_add(void *context, const struct index_match *record);

/* The order of alerts: strongest grade, highest priority, best candidate; then fixed by list and entry. */
int match_compare_alerts(const void *a, const void *b);

struct answer_read {
    char id_text[PLATESIEVE_TOKEN_TEXT];
    uint16_t alert_count;   /* 0: clear, to the lane's eyes */
    const struct match *alerts; /* open ones, in order, at most LIMIT_ALERTS */
};

struct check_answer {
    const struct catalogue *catalogue;
    const struct site_view *view;
    int64_t now_ms;
    struct check_counts counts;
    struct match *matches;  /* owned */
    size_t read_count;
    struct answer_read reads[];
};

#endif
