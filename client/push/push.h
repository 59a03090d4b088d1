/* Filling a list.  The main thread reads rows into chunks (row.c); the threads of a pool make tokens and lines
   of a chunk (chunk.c, pool.c), with a key server where the suite wants one; the main thread puts the
   lines, in the order of the rows, into parts, which one more thread sends (sender.c).  So the same file makes
   the same parts, whoever was faster. */
#ifndef CLIENT_PUSH_PUSH_H
#define CLIENT_PUSH_PUSH_H

#include <pthread.h>

#include "client/import/import.h"
#include "client/import/import_options.h"
#include "client/import/reference.h"
#include "client/import/remarks.h"
#include "client/import/rows.h"
#include "client/list/list.h"
#include "client/push/seen.h"
#include "client/tokens/evaluator.h"

enum push_mode { PUSH_REPLACE, PUSH_ADD, PUSH_REMOVE, PUSH_TOKENS };

struct push_options {
    enum push_mode mode;
    const char *list, *file; /* file "-": standard input */
    struct import_options import;
    const char *report; /* a file; NULL: none */
    bool override; /* of the gate's guard */
    bool yes, clear_references, allow_truncated, full;
    unsigned patience_s, parallel;
};

#define PUSH_PARALLEL_MAX 16
#define PUSH_SHA256 32

/* push.c: the whole of it; an exit code. */
int push_run(struct settings *settings, const struct push_options *options) MUST_USE;
/* look.c: prints {"missing": [epochs that it lacks tokens for], "age_limit_s", "revision"} of the list; an exit code. */
int push_look(struct settings *settings, const struct push_options *options) MUST_USE;

/* -- chunk.c: some rows on their way ------------------------------------------------------------------------- */

#define PUSH_CHUNK_ENTRIES 256
#define PUSH_CHUNK_MESSAGES 256       /* where tokens are made here */
#define PUSH_CHUNK_MESSAGES_REMOTE 64 /* some milliseconds of a key server: a lane beside us does not wait long */
#define PUSH_CHUNK_TEXT_BYTES (512 * 1024)

struct push_maker;

struct push_entry {
    struct reference reference;
    struct reference removed[2]; /* of a removal: the references that its lines name */
    int64_t effective_ms, expires_ms; /* negative: not said */
    size_t counts[PLATESIEVE_GRADES]; /* of its messages, which follow those of the entry before */
    unsigned unknowns; /* of a partial plate, the last entry of its chunk: each message stands for many (partial.h) */
    size_t size;                      /* of its lines in the text */
    unsigned lines;
};

struct push_chunk {
    size_t entry_count;
    struct push_entry entries[PUSH_CHUNK_ENTRIES];
    size_t message_count, message_max;
    struct platesieve_message *messages; /* locked, with room for a `near` set more than message_max */
    struct platesieve_token *tokens;     /* locked: message_max for each epoch */
    size_t token_bytes;
    char *text;
    size_t text_size, text_max;
    bool evaluated;               /* all but a partial plate */
    struct push_partial *partial; /* NULL: there was none yet */
    bool done; /* the pool's */
};

/* For EPOCHS epochs and about MESSAGES messages.  False: no memory (said); destroy it in any case. */
bool push_chunk_create(struct push_chunk *chunk, size_t epochs, size_t messages) MUST_USE;
void push_chunk_destroy(struct push_chunk *chunk);
void push_chunk_clear(struct push_chunk *chunk); /* wipes */
/* Is there no room for one more row at GRADE? */
bool push_chunk_is_full(const struct push_chunk *chunk, enum platesieve_grade grade);
/* The messages' tokens under all epochs. */
enum key_outcome push_chunk_evaluate(struct push_chunk *chunk, const struct push_maker *maker,
                                     struct evaluator *evaluator, unsigned *retry_after_s) MUST_USE;
/* Writes the lines of all entries, each with its line feed; of a removal they stand there already. */
void push_chunk_write(struct push_chunk *chunk, const struct push_maker *maker);
/* Adds the line that removes REFERENCE to the entry after the last, which it does not count. */
void push_chunk_remove(struct push_chunk *chunk, const struct reference *reference);
/* The same line by itself, with its line feed; its size. */
#define PUSH_REMOVAL_TEXT (2 * LIMIT_REFERENCE_MAX + 64)
size_t push_removal_write(const struct reference *reference, char text[PUSH_REMOVAL_TEXT]);

/* -- partial.c: the tokens of a partial plate ---------------------------------------------------------------- */

struct push_partial;

/* The entry of a partial plate in CHUNK; NULL: there is none. */
const struct push_entry *push_partial_entry(const struct push_chunk *chunk);
/* Its tokens under all epochs, a few at a time; goes on where it was interrupted. */
enum key_outcome push_partial_evaluate(struct push_chunk *chunk, const struct push_maker *maker,
                                       struct evaluator *evaluator, unsigned *retry_after_s) MUST_USE;
/* Token and tag, 24 bytes each: *COUNT of them, for the epoch and the grade. */
const uint8_t *push_partial_tagged(const struct push_chunk *chunk, size_t epoch, enum platesieve_grade grade,
                                   size_t *count);
/* How many of them there are, of each epoch; 0: none yet, or no partial plate. */
size_t push_partial_done(const struct push_chunk *chunk);
void push_partial_clear(struct push_chunk *chunk); /* wipes */
void push_partial_destroy(struct push_chunk *chunk);

/* -- row.c: a row becomes an entry ---------------------------------------------------------------------------- */

struct push_scratch; /* locked memory for one row */

/* What rows are turned into lines with; borrowed. */
struct push_maker {
    enum push_mode mode;
    const struct profile *profile;
    int64_t now_ms; /* what ended before is left out */
    enum platesieve_grade grade; /* the weakest that the list wants */
    bool clear_references;
    const struct list_info *info;
    const struct epochs *epochs;
    const struct reference_key *key;
    struct seen *seen;
    struct push_scratch *scratch;
};

/* What became of a row. */
struct push_made {
    enum row_fault fault; /* ROW_FINE: `lines` lines will be made, perhaps none */
    unsigned lines;
    bool repeated, without_full, without_near, suffixed, hashed, partial, no_memory;
};

struct push_scratch *push_scratch_create(void) MUST_USE; /* NULL: no memory */
void push_scratch_destroy(struct push_scratch *scratch);
/* Adds the entry that ROW makes, if any, to CHUNK, which is not full. */
struct push_made push_row(const struct push_maker *maker, const struct csv_row *row, struct push_chunk *chunk);

/* -- pool.c: the threads that make tokens and lines ----------------------------------------------------------- */

struct push_pool;
struct push_sender;

/* All is borrowed.  SETTINGS may be NULL where no epoch needs a key server.  NULL is said. */
struct push_pool *push_pool_start(const struct push_maker *maker, const struct evaluator_settings *settings,
                                  const struct push_options *options, struct push_sender *sender) MUST_USE;
/* The chunk to fill: the same until it is full; then it goes to the threads, and the oldest one, when it is through, to
   the sender.  NULL: something failed, stop. */
struct push_chunk *push_pool_chunk(struct push_pool *pool) MUST_USE;
/* Waits for all that is under way (REST false: gives it up), and frees POOL.  An exit code: the pool's own, not the
   sender's. */
int push_pool_finish(struct push_pool *pool, bool rest) MUST_USE;

/* -- revision.c: a revision on the gate, and what is remembered of it here ------------------------------------ */

struct push_revision {
    uint32_t number;
    bool resumed;
    size_t part_count;             /* parts that the gate has: 0 unless resumed */
    uint8_t (*parts)[PUSH_SHA256]; /* their digests, by number - 1; zeros where one is missing */
    char remembered[PATH_MAX];     /* file in the state folder; empty: none, standard input can't be read again */
};

/* Opens a revision, or goes on with the one that an interrupted push of the same file left.  FINGERPRINT says what must
 * be the same. */
int push_revision_open(const struct settings *settings, struct http *gate, const struct push_options *options,
                       const struct list_info *info, const uint8_t fingerprint[PUSH_SHA256],
                       struct push_revision *revision) MUST_USE;
/* The digest over the parts of a committed revision, as commit names it.  False: the gate does not say. */
bool push_revision_digest(struct http *gate, const struct list_info *info, uint32_t number,
                          uint8_t digest[PUSH_SHA256]) MUST_USE;
/* Drops it at the gate, quietly. */
void push_revision_drop(struct http *gate, const struct list_info *info, const struct push_revision *revision);
/* After a commit or a drop. */
void push_revision_forget(struct push_revision *revision);
void push_revision_free(struct push_revision *revision);

/* -- sender.c: parts on their way ----------------------------------------------------------------------------- */

struct push_target {
    struct http *gate; /* used by the sender's thread alone until push_sender_finish() */
    const struct list_info *info;
    const struct push_revision *revision;
    const char *key_ids; /* the header line */
    unsigned patience_s;
};

struct push_totals {
    uint32_t parts, skipped; /* skipped: the gate had them */
    uint64_t lines;
    uint8_t sha256[PUSH_SHA256]; /* over the digests of the parts */
};

struct push_sender *push_sender_start(const struct push_target *target) MUST_USE; /* NULL is said */
/* Adds LINES lines to the part in hand, or begins a new one; waits while two parts are under way.  False: sending has
 * failed, stop. */
bool push_sender_add(struct push_sender *sender, const char *text, size_t size, unsigned lines) MUST_USE;
/* Sends what is left and waits; frees SENDER.  SEND_REST false: gives up at once.  An exit code. */
int push_sender_finish(struct push_sender *sender, bool send_rest, struct push_totals *totals) MUST_USE;

/* Sends REQUEST again and again, at all servers, until there is an answer other than 503 or 429, or PATIENCE_S has
   passed, or a quota will be used up for longer, or no server can ever answer (http_hopeless()).  An exit code: CLIENT_OK with an answer of any other status, or
   CLIENT_UNREACHABLE (said). */
int push_ask(struct http *gate, const struct http_request *request, unsigned patience_s,
             struct http_answer *answer) MUST_USE;
/* The same for an answer of STATUS with JSON, which the caller json_decref()s; else said, and an exit code. */
int push_ask_json(struct http *gate, const struct http_request *request, unsigned patience_s, unsigned status, json_t **json) MUST_USE;
/* Calls ATTEMPT, which says itself what is wrong, until it does not return CLIENT_UNREACHABLE or PATIENCE_S has passed; what it returned last.  What
   it says is said once, however often it does.  WHOM: "the key server". */
int push_try_on(const char *whom, unsigned patience_s, int (*attempt)(void *context), void *context) MUST_USE;

#endif
