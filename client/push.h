/* Filling a list: rows of a file become lines of parts, which a second thread sends while the next ones are being made.
 */
#ifndef CLIENT_PUSH_H
#define CLIENT_PUSH_H

#include <pthread.h>

#include "client/csv.h"
#include "client/epochs.h"
#include "client/list.h"
#include "client/reference.h"
#include "client/remarks.h"
#include "client/rows.h"
#include "client/seen.h"

enum push_mode { PUSH_REPLACE, PUSH_ADD, PUSH_REMOVE, PUSH_TOKENS };

struct push_options {
    enum push_mode mode;
    const char *list, *file; /* file "-": standard input */
    enum platesieve_codes codes;
    bool yes, clear_references;
    unsigned patience_s;
};

#define PUSH_SHA256 32

/* push.c: the whole of it; an exit code. */
int push_run(struct settings *settings, const struct push_options *options) MUST_USE;

/* -- push_row.c: a row becomes a line ------------------------------------------------------------------------------ */

struct push_scratch; /* locked memory for one row */

/* What rows are turned into lines with; borrowed. */
struct push_maker {
    enum push_mode mode;
    enum platesieve_codes codes;
    enum platesieve_grade grade; /* the weakest that the list wants */
    bool clear_references;
    const struct list_info *info;
    const struct epochs *epochs;
    const struct reference_key *key;
    struct seen *seen;
    struct push_scratch *scratch;
};

/* Positions of columns in csv_row.fields. */
enum push_column {
    PUSH_PLATE,
    PUSH_JURISDICTION,
    PUSH_STATE,
    PUSH_REGION,
    PUSH_REFERENCE,
    PUSH_EFFECTIVE,
    PUSH_EXPIRES,
    PUSH_COLUMNS
};
extern const char *const push_columns[PUSH_COLUMNS];

/* What became of a row. */
struct push_made {
    enum row_fault fault; /* ROW_FINE: `lines` lines were made, perhaps none */
    unsigned lines;
    bool repeated, without_full, without_near, suffixed, hashed, no_memory;
};

struct push_scratch *push_scratch_create(void) MUST_USE; /* NULL: no memory */
void push_scratch_destroy(struct push_scratch *scratch);
/* Writes the lines for ROW (each with its line feed) at TEXT, which has room for PUSH_LINES_BYTES; *size is what was
 * written. */
#define PUSH_LINES_BYTES (2 * LIMIT_PART_LINE_BYTES)
struct push_made push_row(const struct push_maker *maker, const struct csv_row *row, char *text, size_t *size);

/* -- push_revision.c: a revision on the gate, and what is remembered of it here ------------------------------------ */

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
/* Drops it at the gate, quietly. */
void push_revision_drop(struct http *gate, const struct list_info *info, const struct push_revision *revision);
/* After a commit or a drop. */
void push_revision_forget(struct push_revision *revision);
void push_revision_free(struct push_revision *revision);

/* -- push_sender.c: parts on their way ----------------------------------------------------------------------------- */

struct push_sender;

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

/* Sends REQUEST again and again, at all servers, until there is an answer other than 503, or PATIENCE_S has passed.  An
   exit code: CLIENT_OK with an answer of any other status, or CLIENT_UNREACHABLE (said). */
int push_ask(struct http *gate, const struct http_request *request, unsigned patience_s,
             struct http_answer *answer) MUST_USE;

#endif
