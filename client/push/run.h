/* Between the files of a push: push.c (the order of things), stream.c (the rows), commit.c (their end), delta.c (what
   changed), summary.c (what is said of it).  For nobody else. */
#ifndef CLIENT_PUSH_RUN_H
#define CLIENT_PUSH_RUN_H

#include <sys/stat.h>

#include "client/push/push.h"
#include "client/push/state.h"

#define PUSH_KEY_IDS_BYTES (64 + LIMIT_ENTRY_EPOCHS * (LIMIT_EPOCH_ID_MAX + PLATESIEVE_TOKEN_TEXT + 4))

/* How the list becomes what the file says. */
enum push_way {
    PUSH_WHOLE,  /* all rows are sent; of `list push`: the list is replaced */
    PUSH_DELTA,  /* what changed since the last push is sent */
    PUSH_GIVING, /* after a change: tokens for more epochs, to all entries */
};

/* What became of the rows. */
struct push_counts {
    uint64_t rows, entries, repeated, without_full, without_near, suffixed, hashed, partial;
    struct row_counts faults;     /* of rows that were left out */
    uint64_t unchanged, changed, added, removed; /* of a delta */
};

/* Everything that one push holds. */
struct push {
    struct settings *settings;
    const struct push_options *options;
    struct identity identity;
    struct http *gate, *keys;
    struct key_servers *servers;
    struct list_info info;
    struct epochs epochs;         /* that tokens can be made for */
    struct reference_key *reference_key;
    struct push_scratch *scratch;
    int fd;
    struct profile profile;
    struct import *import;
    struct stat file;             /* as it was when it was opened */
    int64_t as_of_ms;             /* what had ended then is left out */
    uint64_t remarked_line;       /* up to there rows were remarked on, by a reading before */
    struct remarks remarks;
    int64_t begin_ms;
    struct push_counts counts;

    /* the revision in hand */
    enum push_mode mode;          /* of its lines */
    enum push_way way;
    struct epochs now;            /* that its lines have tokens for; keys belong to `epochs` */
    char key_ids[PUSH_KEY_IDS_BYTES];
    struct seen *seen;
    struct push_revision revision;
    bool open;
    struct push_totals totals;

    /* what is remembered */
    int lock;
    char state_file[PATH_MAX];    /* empty: nothing shall be */
    uint8_t *digest_key;          /* 32 bytes, locked */
    struct push_state *state;     /* NULL: it can't be used */
    struct push_state *anew;      /* of a list that is replaced */
    struct push_state_head head;  /* what stands, if `known` */
    bool known;                   /* `state` is of the revision that stands at the gate */
    bool remembered;              /* something is, whether or not it is that */
    bool many;                    /* more has changed than a delta is worth */
    bool astray;                  /* a delta is committed, and the list is not what the file says */
    const char *why_whole;        /* for people; NULL: nothing to tell */
};

/* -- push.c -------------------------------------------------------------------------------------------------------- */

/* Opens the revision in hand at the gate, unless it is; an exit code. */
int push_open_revision(struct push *push) MUST_USE;
/* Keeps epochs that the list does not cover yet. */
void push_drop_covered(struct epochs *epochs, const struct list_info *info);

/* -- stream.c ------------------------------------------------------------------------------------------------------ */

/* Sends what the file has as parts of the revision in hand; an exit code.  Fills in `counts` and `totals`. */
int push_send_rows(struct push *push) MUST_USE;

/* -- commit.c ------------------------------------------------------------------------------------------------------ */

/* With CODE, what came of the rows, CLIENT_OK: asks for the commit of the revision in hand.  Whatever comes of it, that
   revision is no more.  An exit code. */
int push_commit(struct push *push, int code) MUST_USE;

/* -- delta.c: what is remembered of the list, and what differs from it ---------------------------------------- */

/* Waits until no other push of this list runs here.  False is said. */
bool delta_lock(struct push *push) MUST_USE;
/* Opens what is remembered, and settles with the gate what stands. */
void delta_begin(struct push *push);
/* May a delta be sent?  Fills in `now`; else says why not. */
bool delta_possible(struct push *push) MUST_USE;
/* The list is replaced: what is sent is written down anew. */
void delta_anew(struct push *push);
/* Looks at the entries of CHUNK from FIRST on, which a row has just made: takes those out that stand as they are, and
   writes down the others.  An exit code. */
int delta_row(struct push *push, struct push_chunk *chunk, size_t first) MUST_USE;
/* After the last row: removes what the file does not have any more.  An exit code. */
int delta_removals(struct push *push, struct push_sender *sender) MUST_USE;
/* Before the commit: what will stand.  An exit code. */
int delta_promise(struct push *push) MUST_USE;
/* The gate has committed: `info` says what it has now.  Or it has refused. */
void delta_keep(struct push *push);
void delta_break(struct push *push);
void delta_end(struct push *push);

/* -- summary.c ------------------------------------------------------------------------------------------------ */

void summary_count(struct push *push, uint64_t line, const struct push_made *made);
/* False when it could not be written. */
bool summary_print(const struct push *push);
/* Says on standard error how many rows had which fault, for a file that is not pushed. */
void summary_say_faults(const struct push *push);

#endif
