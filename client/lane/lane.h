/* platesieve lane: reads on standard input, tokens to a gate, verified alerts out.
 *
 * The main thread reads rows into batches and hands these to workers; each worker has a connection of its own.  A read
 * is in locked memory from the row to the answer, and wiped then. */
#ifndef CLIENT_LANE_H
#define CLIENT_LANE_H

#include <pthread.h>
#include <stdatomic.h>

#include "client/evaluator.h"
#include "client/lane/read.h"
#include "client/remarks.h"
#include "client/rows.h"

#define LANE_BATCH_DEFAULT 16
#define LANE_PARALLEL_MAX 64

struct lane_options {
    const char *file; /* NULL or "-": standard input */
    enum platesieve_codes codes;
    unsigned batch, parallel, patience_s;
    unsigned rate;    /* reads a second; 0: as they come */
    bool show_plates; /* in JSON; on a screen they always are */
    bool images;      /* reads name files of pictures */
    unsigned picture_wait_s;
};

/* -- reads --------------------------------------------------------------------------------------------------------- */

struct row_read {
    uint64_t line;
    int64_t seen_ms;
    double confidence;
    uint8_t id[PLATESIEVE_READ_ID_BYTES];
    struct row_plate row;
    char raw[LANE_RAW_MAX + 1];
    char image[LIMIT_IMAGE_PATH + 1]; /* the file of its picture; "": none */
    bool image_too_long;
};

struct row_batch {
    struct row_batch *next;
    size_t count;
    struct row_read reads[]; /* locked memory, options.batch of them */
};

/* -- queue.c: batches between the reader and the workers ------------------------------------------------------ */

struct lane_queue;

/* COUNT batches of SIZE reads.  NULL is said. */
struct lane_queue *lane_queue_create(size_t count, size_t size) MUST_USE;
void lane_queue_destroy(struct lane_queue *queue);
struct row_batch *lane_queue_empty(struct lane_queue *queue);                 /* waits for an empty batch */
void lane_queue_put(struct lane_queue *queue, struct row_batch *batch);       /* a filled one, for the workers */
/* Waits; NULL: there will be no more, or, with *idle, there was none for IDLE_S. */
struct row_batch *lane_queue_take(struct lane_queue *queue, unsigned idle_s, bool *idle);
void lane_queue_give_back(struct lane_queue *queue, struct row_batch *batch); /* wipes it */
void lane_queue_close(struct lane_queue *queue);

/* -- policy.c: what is wanted here, and the keys for it ------------------------------------------------------- */

struct lane_policy {
    _Atomic unsigned users;
    unsigned generation;
    char version[LIMIT_POLICY_TEXT + 1];
    char site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1];
    unsigned grades; /* bit per grade */
    unsigned reads_max;
    size_t epoch_count;
    struct epoch epochs[LIMIT_EPOCHS_OPEN]; /* all are ready; prf belongs to the keyring */
};

/* Keys and the policy in force, shared by all workers. */
struct lane_keyring;

struct lane_keyring *lane_keyring_create(const struct settings *settings, const struct identity *identity,
                                         struct key_servers *servers) MUST_USE; /* NULL is said; all is borrowed */
void lane_keyring_destroy(struct lane_keyring *keyring);
/* The policy in force, fetched over GATE when there is none that is newer than generation OLDER_THAN; give it back.  An
   exit code; CLIENT_UNREACHABLE also where the gate can't just now, and that is said only with TELL. */
int lane_policy_get(struct lane_keyring *keyring, struct http *gate, unsigned older_than, bool tell,
                    struct lane_policy **policy) MUST_USE;
void lane_policy_release(struct lane_policy *policy); /* NULL is fine */

/* -- tokens.c: tokens of reads -------------------------------------------------------------------------------- */

struct lane_tokens {
    size_t counts[PLATESIEVE_GRADES];
    bool made[PLATESIEVE_GRADES]; /* `near` of a short plate is made, and empty */
    struct platesieve_token full, plate, similar, near[PLATESIEVE_NEAR_MAX];
};

/* Most tokens of one read for one epoch. */
#define LANE_TOKENS_MAX (PLATESIEVE_GRADES - 1 + PLATESIEVE_NEAR_MAX)

/* Locked memory in which tokens are made: the messages of a batch, and what was evaluated. */
struct lane_tokens_place {
    size_t capacity;
    struct platesieve_message *messages; /* so many */
    struct platesieve_token *tokens;     /* so many for each of LIMIT_EPOCHS_OPEN epochs */
};

/* Tokens of all reads of BATCH for each open epoch, blinded once and evaluated once an epoch: TOKENS has room for
   policy->epoch_count for each read, PLACE for LANE_TOKENS_MAX for each read and one `near` set.  The caller wipes
   TOKENS; PLACE is wiped here. */
enum key_outcome lane_tokens_make(const struct lane_policy *policy, const struct row_batch *batch,
                                  struct evaluator *evaluator, const struct lane_tokens_place *place,
                                  struct lane_tokens *tokens) MUST_USE;
const struct platesieve_token *lane_tokens_of(const struct lane_tokens *tokens, enum platesieve_grade grade);
/* Did AGENCY put on LIST what one of these tokens stands for? */
bool lane_tokens_verify(const struct lane_tokens *tokens, enum platesieve_grade grade, const char *list,
                        const char *agency, const uint8_t tag[PLATESIEVE_TAG_BYTES]);
/* The body of POST /v1/checks; TOKENS holds policy->epoch_count for each read.  Its size; 0: it does not fit into SIZE
 * bytes. */
size_t lane_body_write(const struct lane_policy *policy, const struct row_batch *batch,
                       const struct lane_tokens *tokens, char *body, size_t size);

/* -- report.c: what came of it -------------------------------------------------------------------------------- */

struct lane_report;

struct lane_report *lane_report_create(const struct lane_options *options, bool json) MUST_USE; /* NULL is said */
void lane_report_destroy(struct lane_report *report);
/* The reader's thread. */
void lane_report_unusable(struct lane_report *report, uint64_t line, enum row_fault fault);
void lane_report_unknown_jurisdiction(struct lane_report *report);
/* Any thread. */
/* OVER_UNTIL_MS: they were not, because the lane's quota is used up until then (since 1970); 0: for another reason. */
void lane_report_unchecked(struct lane_report *report, const struct row_batch *batch, int64_t over_until_ms);
/* The gate's answer to one read: ALERTS are those that were verified (stolen; NULL or empty: none), FALSE_TAGS how many
 * were not. */
void lane_report_answer(struct lane_report *report, const struct row_read *read, json_t *alerts, unsigned false_tags);
/* What became of the picture of one verified alert. */
struct lane_picture_news {
    uint64_t line;
    char hit[PLATESIEVE_TOKEN_TEXT + 1], agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
    const char *outcome; /* "stored", ...: stable, for programs; platesieve-lane(1) lists them */
    const char *alarm;   /* why, of outcome "alarm" */
    char problem[64];    /* of outcome "refused" */
    size_t recipients, size; /* once it is sealed */
};
void lane_report_picture(struct lane_report *report, const struct lane_picture_news *news);
void lane_report_latency(struct lane_report *report, size_t reads, int64_t us);
/* What the gate says of lists that it could not ask; each is said once. */
void lane_report_lists(struct lane_report *report, json_t *unchecked);
/* Prints the summary; the exit code that follows from what happened. */
int lane_report_end(struct lane_report *report);

/* -- check.c: a batch, from tokens to answers ----------------------------------------------------------------- */

struct lane_worker;

struct lane_context {
    const struct settings *settings;
    const struct identity *identity;
    struct lane_options *options;
    struct lane_queue *queue;
    struct key_servers *servers;
    struct lane_keyring *keyring;
    struct lane_report *report;
    struct lane_pictures *pictures; /* NULL: reads name none */
    _Atomic int fatal; /* an exit code that ends everything: the gate refuses us */
    _Atomic bool down; /* the last try of all gates failed: no more patience until one answers */
    /* The lane's quota is used up until then (since 1970; 0: it is not), and somebody asked at that time (monotonic). */
    _Atomic int64_t over_until_ms, over_asked_ms;
};

struct lane_worker *lane_worker_start(struct lane_context *context) MUST_USE; /* NULL is said */
void lane_worker_join(struct lane_worker *worker);

/* -- renew.c: the lane's next certificate ----------------------------------------------------------------------- */

struct lane_renewer;

/* From now on IDENTITY's files may be replaced, and its generation grows then; all is borrowed.  NULL is said. */
struct lane_renewer *lane_renewer_start(const struct settings *settings, struct identity *identity) MUST_USE;
void lane_renewer_stop(struct lane_renewer *renewer); /* NULL is fine */

#endif
