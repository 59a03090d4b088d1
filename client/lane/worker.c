#include "client/lane/lane.h"

#include "client/lane/picture.h"
#include "client/moment.h"

#define IDLE_S 60u /* a connection that stays unused so long is used for a question that says nothing */

struct lane_worker {
    struct lane_context *context;
    struct check_line *line;
    struct check_answer *answers; /* of a batch */
    pthread_t thread;
};

static void tell(struct lane_worker *worker, const struct row_batch *batch)
{
    struct lane_context *context = worker->context;

    for (size_t i = 0; i < batch->count; i++) {
        const struct check_answer *answer = &worker->answers[i];
        const struct row_read *read = &batch->reads[i];

        lane_report_answer(context->report, batch, i, answer);
        for (size_t a = 0; context->pictures != NULL && a < answer->count; a++)
            lane_pictures_add(context->pictures, read->line, read->image_too_long ? NULL : read->image, &answer->alerts[a], answer->server);
    }
}

/* A read is never `clear` because nobody could be asked. */
static void check(struct lane_worker *worker, const struct row_batch *batch)
{
    struct lane_context *context = worker->context;
    const int64_t begin_us = moment_monotonic_us();
    const unsigned patience_ms = atomic_load(&context->down) ? 0 : context->options->patience_s * 1000;
    const enum check_outcome outcome = check_ask(worker->line, batch->checks, batch->count, patience_ms, worker->answers);

    atomic_store(&context->down, outcome == CHECK_AWAY || outcome == CHECK_OVER_QUOTA);
    if (outcome == CHECK_DONE) {
        tell(worker, batch);
        lane_report_latency(context->report, batch->count, moment_monotonic_us() - begin_us);
        return;
    }
    if (outcome == CHECK_REFUSED) atomic_store(&context->fatal, CLIENT_REFUSED);
    if (outcome == CHECK_TOO_MANY)
        say("%zu reads in one request are more than this lane's quota allows: ask for a smaller --batch", batch->count);
    lane_report_unchecked(context->report, batch, outcome == CHECK_OVER_QUOTA ? checker_over_until_ms(context->checker) : 0);
}

static void *run(void *argument)
{
    struct lane_worker *worker = argument;

    check_line_warm(worker->line);
    for (;;) {
        bool idle = false;
        struct row_batch *batch = lane_queue_take(worker->context->queue, IDLE_S, &idle);

        if (batch == NULL && !idle) return NULL;
        if (batch == NULL) {
            check_line_warm(worker->line);
            continue;
        }
        if (atomic_load(&worker->context->fatal) == CLIENT_OK) check(worker, batch);
        else lane_report_unchecked(worker->context->report, batch, 0);
        lane_queue_give_back(worker->context->queue, batch);
    }
}

static void worker_free(struct lane_worker *worker)
{
    check_line_close(worker->line);
    free(worker->answers);
    free(worker);
}

struct lane_worker *lane_worker_start(struct lane_context *context)
{
    struct lane_worker *worker = calloc(1, sizeof(*worker));

    if (worker != NULL) worker->answers = calloc(context->options->batch, sizeof(*worker->answers));
    if (worker == NULL || worker->answers == NULL) {
        say("out of memory");
        free(worker);
        return NULL;
    }
    worker->context = context;
    worker->line = check_line_open(context->checker, context->options->batch, 1);
    if (worker->line != NULL) {
        if (pthread_create(&worker->thread, NULL, run, worker) == 0) return worker;
        say("can't start a thread");
    }
    worker_free(worker);
    return NULL;
}

void lane_worker_join(struct lane_worker *worker)
{
    pthread_join(worker->thread, NULL);
    worker_free(worker);
}
