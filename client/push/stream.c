/* The rows of a push: from the file through the threads that make tokens to the gate. */
#include "client/push/run.h"

#include <errno.h>
#include <sys/stat.h>

#include "client/progress.h"

#define EVALUATE_MS 5000u       /* for a key server, while there is another one to ask; a push is in no hurry */
#define EVALUATE_LAST_MS 30000u /* for the last */

static int make_rows(struct push *push, const struct push_maker *maker, struct push_pool *pool)
{
    struct progress progress = progress_begin(push->fd);
    struct csv_row row = { 0 };
    int code = CLIENT_OK;

    for (;;) {
        struct push_chunk *chunk = push_pool_chunk(pool);
        struct push_made made;
        size_t first;

        if (chunk == NULL) break; /* the pool or the sender knows why */
        import_next(push->import, &row);
        if (row.state == CSV_END || row.state == CSV_BROKEN) break;
        first = chunk->entry_count;
        made = push_row(maker, &row, chunk);
        summary_count(push, row.line, &made);
        if (made.no_memory) {
            say("out of memory");
            code = CLIENT_FAILED;
            break;
        }
        code = delta_row(push, chunk, first);
        if (code != CLIENT_OK) break;
        if ((push->counts.rows & 0xff) == 0) progress_show(&progress, import_bytes(push->import), push->counts.rows);
    }
    progress_end(&progress);
    if (row.state != CSV_BROKEN) return code;
    say("can't read on in %s: %s", push->options->file, strerror(errno));
    return CLIENT_FAILED;
}

static bool needs_key_server(const struct epochs *epochs)
{
    bool needed = false;

    for (size_t i = 0; i < epochs->count; i++) needed = needed || epochs->list[i].suite != PLATESIEVE_HMAC_SHA256;
    return needed;
}

static int run_pool(struct push *push, struct push_sender *sender)
{
    const struct push_maker maker = {
        .mode = push->mode,
        .profile = &push->profile,
        .now_ms = push->as_of_ms,
        .grade = push->info.grade,
        .clear_references = push->options->clear_references,
        .info = &push->info,
        .epochs = &push->now,
        .key = push->reference_key,
        .seen = push->seen,
        .scratch = push->scratch,
    };
    const struct evaluator_settings settings = { push->settings, &push->identity, push->servers, EVALUATE_MS,
                                                 EVALUATE_LAST_MS };
    struct push_pool *pool =
        push_pool_start(&maker, needs_key_server(&push->now) ? &settings : NULL, push->options, sender);
    int code, finished;

    if (pool == NULL) return CLIENT_FAILED;
    code = make_rows(push, &maker, pool);
    finished = push_pool_finish(pool, code == CLIENT_OK);
    return code != CLIENT_OK ? code : finished;
}

/* An empty file where entries stood is a mistake, most of the time. */
static int check_empty(const struct push *push)
{
    if (push->options->mode != PUSH_REPLACE || push->counts.entries > 0 || push->options->yes) return CLIENT_OK;
    say("no usable row in %s: the list stays as it is (--yes makes it empty)", push->options->file);
    summary_say_faults(push);
    return CLIENT_FAILED;
}

/* What was read must be a file that somebody has finished writing, and its beginning and its end of the same one. */
static int check_whole(const struct push *push)
{
    const bool cut = import_is_cut(push->import);
    struct stat now;

    if (import_has_open_end(push->import) && !cut && push->way != PUSH_GIVING)
        say("the last line of %s has no end: if the file was cut off there, rows are missing", push->options->file);
    if (push->options->mode == PUSH_REPLACE && !push->options->allow_truncated && cut) {
        say("%s ends in the middle of a line: the list stays as it is (--allow-truncated takes what is there)",
            push->options->file);
        return CLIENT_FAILED;
    }
    if (!S_ISREG(push->file.st_mode) || fstat(push->fd, &now) != 0) return CLIENT_OK;
    if (now.st_size == push->file.st_size && now.st_mtim.tv_sec == push->file.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == push->file.st_mtim.tv_nsec)
        return CLIENT_OK;
    say("%s was written to while it was read: the list stays as it is; push it again", push->options->file);
    return CLIENT_FAILED;
}

int push_send_rows(struct push *push)
{
    const struct push_target target = { push->gate, &push->info, &push->revision,
                                        push->now.count == 0 ? NULL : push->key_ids, push->options->patience_s };
    struct push_sender *sender = push_sender_start(&target);
    int code, sent;

    if (sender == NULL) return CLIENT_FAILED;
    code = run_pool(push, sender);
    if (code == CLIENT_OK) code = check_whole(push);
    if (code == CLIENT_OK) code = check_empty(push);
    if (code == CLIENT_OK && push->way == PUSH_DELTA) code = delta_removals(push, sender);
    sent = push_sender_finish(sender, code == CLIENT_OK, &push->totals);
    return code != CLIENT_OK ? code : sent;
}
