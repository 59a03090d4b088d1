/* Between the files of follow; for nobody else.

   Four threads.  The follower reads PostgreSQL and alone writes index, entries, segments and the book of epochs.
   The keeper of time remakes the views once a second and exactly when an epoch opens or closes, however long a load
   takes.  The asker waits for the key server, the tidier for PostgreSQL's housekeeping; neither touches what is in
   memory. */
#ifndef SERVER_GATE_FOLLOW_INTERNAL_H
#define SERVER_GATE_FOLLOW_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/gate/db/load.h"
#include "server/gate/follow/follow.h"
#include "server/gate/follow/segments.h"
#include "server/gate/keys/client.h"
#include "server/gate/keys/epoch_book.h"

#define FOLLOW_POLL_MS 200
#define FOLLOW_RETRY_MS 1000
#define FOLLOW_EXCESSES 16
#define FOLLOW_REFRESH_MS 1000         /* for the ages in answers */
#define FOLLOW_EXPIRED_S 86400         /* so long an expired entry is kept: a wrong clock may be put right */

struct coverage_row {
    uint32_t list;                     /* position in the catalogue */
    uint64_t epoch;                    /* number */
    bool whole;
};

struct follow_list {                   /* by position in the catalogue */
    char agency[LIMIT_NAME_MAX + 1], id[LIMIT_NAME_MAX + 1];
    uint32_t number;                   /* in the database; 0: it is not there */
    bool served;                       /* a good state of it is in memory: */
    bool covert;
    uint64_t edition, noted;           /* noted: that it was served */
    uint32_t base_segment;
    uint8_t mac[LIST_MAC_BYTES], link[LIST_MAC_BYTES];
    uint64_t bad_epochs;               /* bit by number % 64: its slots there are not what a gate stored */
    enum list_trouble trouble, told;   /* told: as the log has it */
    uint8_t tried[LIST_MAC_BYTES];     /* of the row that was looked at last, */
    unsigned attempts;                 /* and refused so often, */
    int64_t retry_ms;                  /* and not again before then, in ticks */
    bool seen, taken, chained;         /* in this round: it has a row, which will be shown; its segments are believed */
};

struct ended_epoch {
    uint64_t number;
    char id[LIMIT_EPOCH_ID_MAX + 1];
    bool told;                         /* the database knows */
};

/* Lists, by position, that were said to lack tokens for an epoch. */
struct gap_marks {
    uint64_t epoch;                    /* number */
    uint8_t lists[LIMIT_LISTS / 8];
};

struct follow {
    struct follow_settings settings;   /* its strings are these: */
    char *strings[6];
    struct keys_client *keys;
    struct entries *entries;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool ending;                /* set under the lock */
    struct follow_status status;
    struct keys_told told;             /* the latest */
    bool answered;                     /* and not taken in yet */
    bool asked;                        /* just now, whatever came of it */
    bool refresh;                      /* the views are to be remade now */

    pthread_mutex_t publishing;        /* held from copying the current catalogue to replacing it */
    struct catalogue *current;         /* never NULL; read under RCU */
    struct catalogue *published;       /* the same, or NULL until lists were loaded */

    struct keys_told asking;           /* of the asker alone */

    /* of the follower alone */
    struct keys_told hearing;
    struct epoch_book book;
    bool book_published, book_saved;
    struct booked_epoch *over;         /* LIMIT_EPOCHS_KNOWN: out of the book, and perhaps still in the current
                                          catalogue */
    size_t over_count;
    uint64_t ratcheted, over_last;     /* numbers + 1; 0: none */
    size_t ended_count;                /* epochs that the key server calls destroyed, the latest last */
    struct ended_epoch ended[LIMIT_EPOCHS_KNOWN];
    int64_t told_ms;                   /* epochs that opened or closed until then were said on the log */
    struct gap_marks gap_space[2][LIMIT_EPOCHS_KNOWN], *gaps; /* of this round and of the one before */
    size_t gap_count;
    int64_t watch_ms;                  /* when coverage is looked at again */
    int64_t disk_retry_ms;
    struct segments segments;
    struct follow_list *lists;
    size_t list_count;
    int64_t lists_retry_ms;            /* when refused lists are looked at again; 0: never */
    struct coverage_row *coverage;     /* as the database had it at the last load */
    size_t coverage_count;
    struct suppressions *suppressions; /* of the current catalogue */
    uint64_t version;                  /* of the lists' head that is in memory; 0: none */
    size_t excess_count;               /* lists that are to be suspended in the database */
    struct excess_report excesses[FOLLOW_EXCESSES];
    int64_t excess_retry_ms;
    int64_t load_retry_ms, sweep_ms;   /* sweep_ms: when the next is due; 0: none */

    pthread_mutex_t counting;          /* of suppressed */
    struct suppressed_counts suppressed; /* matches that made no hit: counted by sets that are gone ... */
    struct suppressed_counts sending;    /* ... and on their way to the database; of the tidier alone */

    pthread_t follower, keeper, asker, tidier;
    unsigned threads;                  /* started, in this order */
};

/* -- follow.c ------------------------------------------------------------------------------------------------------ */

int64_t follow_now_ms(const struct follow *follow);
int64_t follow_ticks_ms(void); /* for durations */
/* Waits for MS, or until *FLAG (may be NULL; under the lock) is set, which is then cleared.  False when all is to
   end. */
bool follow_pause(struct follow *follow, int64_t ms, bool *flag);
/* Sets *FLAG under the lock and wakes whoever waits for it. */
void follow_signal(struct follow *follow, bool *flag);
/* Sets a member of the status; a change remakes the views, which say `degraded`. */
void follow_note(struct follow *follow, bool *member, bool value);
/* The same for the number of lists in trouble. */
void follow_count_troubles(struct follow *follow, unsigned troubles);

/* -- publish.c ---------------------------------------------------------------------------------------------- */

struct publication {
    size_t lists, epochs, segments;    /* of the next catalogue */
    struct result (*edit)(void *context, struct catalogue *next);
    void *context;
    bool show;                         /* from now on checks may see it */
};

/* Fills in how many lists, epochs and segments the current catalogue has. */
void follow_count(const struct follow *follow, struct publication *publication);
/* Makes and publishes the next catalogue: a copy of the current one, edited; a NULL publication only remakes the
   views.  When it returns, nobody reads the one before any more.  REASON_BUSY without memory; nothing has changed
   then. */
struct result follow_publish(struct follow *follow, const struct publication *publication);
void *follow_keep_time(void *follow);

/* -- keys.c ------------------------------------------------------------------------------------------------- */

void *follow_ask_keys(void *follow);
/* Makes one answer of what the servers told (follow->hearing), and notes who contradicts the others.  True when some
   contradict each other and nobody can say who is right. */
bool follow_hear(struct follow *follow, struct keys_answer *answer);

/* -- epochs.c ----------------------------------------------------------------------------------------------- */

/* Takes in what the key server said, opens and destroys, prepares the database; publishes if anything changed. */
void follow_epochs(struct follow *follow);
/* Writes coverage (of loaded epochs) into NEXT. */
void follow_fill_coverage(const struct follow *follow, struct catalogue *next);
void follow_free_epoch(struct booked_epoch *epoch);

/* -- excess.c ----------------------------------------------------------------------------------------------- */

/* Suspends lists that hit too much: in the catalogue, and, as soon as it can be told, in the database. */
void follow_excess(struct follow *follow);

/* -- load.c ------------------------------------------------------------------------------------------------- */

/* Brings memory to the database's state, as of one snapshot; all or nothing. */
struct result follow_load(struct follow *follow);

/* -- sweep.c ------------------------------------------------------------------------------------------------ */

/* Drops what no catalogue makes visible any more: slots, entries, segments. */
void follow_sweep(struct follow *follow);
/* The same within a load, for what it brought and refused; what else it brought stays.  False without memory: the load must fail then. */
bool follow_sweep_refused(struct follow *follow);
/* One is wanted in so many milliseconds, or earlier. */
void follow_sweep_in(struct follow *follow, int64_t ms);

/* -- watch.c ------------------------------------------------------------------------------------------------ */

/* Says on the log which lists lack tokens for an epoch that is open or opens soon; once a second at most. */
void follow_watch(struct follow *follow);

/* -- tidy.c ------------------------------------------------------------------------------------------------- */

void *follow_tidy(void *follow);

#endif
