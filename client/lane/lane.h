/* platesieve lane: reads on standard input, tokens to a gate, verified alerts out.
 *
 * The main thread reads rows into batches and hands these to workers; each worker has a connection of its own.  A read
 * is in locked memory from the row to the answer, and wiped then. */
#ifndef CLIENT_LANE_H
#define CLIENT_LANE_H

#include <pthread.h>
#include <stdatomic.h>

#include "client/import/remarks.h"
#include "client/import/rows.h"
#include "client/lane/read.h"

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
    char raw[LANE_RAW_MAX + 1];
    char image[LIMIT_IMAGE_PATH + 1]; /* the file of its picture; "": none */
    bool image_too_long;
};

/* In locked memory, options.batch of each. */
struct row_batch {
    struct row_batch *next;
    size_t count;
    struct check_read *checks; /* what is asked: checks[i] of reads[i] */
    struct row_read reads[];
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

/* -- report.c: what came of it -------------------------------------------------------------------------------- */

struct lane_report;

struct lane_report *lane_report_create(const struct lane_options *options, bool json) MUST_USE; /* NULL is said */
void lane_report_destroy(struct lane_report *report);
/* The reader's thread. */
void lane_report_unusable(struct lane_report *report, uint64_t line, enum row_fault fault);
void lane_report_unknown_jurisdiction(struct lane_report *report);
/* Any thread. */
/* OVER_UNTIL_MS: they were not, because the lane's quota is used up until then (monotonic); 0: for another reason. */
void lane_report_unchecked(struct lane_report *report, const struct row_batch *batch, int64_t over_until_ms);
/* The gate's answer to read NUMBER of BATCH. */
void lane_report_answer(struct lane_report *report, const struct row_batch *batch, size_t number, const struct check_answer *answer);
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
/* A list that the gate could not ask; each is said once. */
void lane_report_not_asked(struct lane_report *report, const char *agency, const char *list, const char *why);
/* Prints the summary; the exit code that follows from what happened. */
int lane_report_end(struct lane_report *report);

/* -- worker.c: threads that ask about batches ------------------------------------------------------------------- */

struct lane_worker;

struct lane_context {
    const struct settings *settings;
    const struct identity *identity;
    struct lane_options *options;
    struct lane_queue *queue;
    struct checker *checker;
    struct lane_report *report;
    struct lane_pictures *pictures; /* NULL: reads name none */
    _Atomic int fatal; /* an exit code that ends everything: the gate refuses us */
    _Atomic bool down; /* the last try of all gates failed: no more patience until one answers */
};

struct lane_worker *lane_worker_start(struct lane_context *context) MUST_USE; /* NULL is said */
void lane_worker_join(struct lane_worker *worker);

/* -- renew.c: the lane's next certificate ----------------------------------------------------------------------- */

struct lane_renewer;

/* From now on IDENTITY's files may be replaced, and its generation grows then; all is borrowed.  NULL is said. */
struct lane_renewer *lane_renewer_start(const struct settings *settings, struct identity *identity) MUST_USE;
void lane_renewer_stop(struct lane_renewer *renewer); /* NULL is fine */

enum lane_renewal {
    RENEWAL_NOT_DUE,
    RENEWAL_DUE,    /* its last third: asked for, and not answered yet */
    RENEWAL_FAILED, /* the last try did not fail for want of an answer: refused, or what came could not be used */
};
const char *lane_renewal_name(enum lane_renewal renewal); /* "not-due", "due", "failed" */
struct lane_certificate {
    int64_t ends_ms;   /* since 1970 */
    int64_t left_ms;   /* less than 0: it has ended */
    enum lane_renewal renewal;
    bool alarm;        /* failed, or little is left: less than a sixth of its time, and less than 14 days */
};
/* Any thread.  False: there is none, or it can't be read. */
bool lane_certificate_look(struct lane_renewer *renewer, struct lane_certificate *certificate);

#endif
