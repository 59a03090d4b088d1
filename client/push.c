/* A push from its beginning to its summary: the order of things. */
#include "client/push.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base64.h"
#include "client/moment.h"
#include "client/problem.h"
#include "client/progress.h"

#define KEY_IDS_BYTES (64 + LIMIT_ENTRY_EPOCHS * (LIMIT_EPOCH_ID_MAX + PLATESIEVE_TOKEN_TEXT + 4))
#define COMMIT_PATIENCE_S_MIN 300u
#define COMMIT_TIMEOUT_S 600u
#define EVALUATE_MS 5000u       /* for a key server, while there is another one to ask; a push is in no hurry */
#define EVALUATE_LAST_MS 30000u /* for the last */

/* Everything that one push holds; push_close() gives it back. */
struct push {
    struct settings *settings;
    const struct push_options *options;
    struct identity identity;
    struct http *gate, *keys;
    struct key_servers *servers;
    struct list_info info;
    struct epochs epochs;
    struct reference_key *reference_key;
    struct seen *seen;
    struct push_scratch *scratch;
    struct push_revision revision;
    bool revision_open;
    int fd;
    struct profile profile;
    struct import *import;
    char key_ids[KEY_IDS_BYTES];
    struct remarks remarks;
    /* what became of the rows */
    uint64_t rows, entries, repeated, without_full, without_near, suffixed, hashed;
    struct row_counts faults; /* of rows that were left out */
    struct push_totals totals;
    int64_t begin_ms;
};

static void push_close(struct push *push)
{
    import_close(push->import);
    (void)remarks_close(&push->remarks);
    if (push->fd > STDIN_FILENO) close(push->fd);
    push_revision_free(&push->revision);
    push_scratch_destroy(push->scratch);
    seen_destroy(push->seen);
    reference_key_close(push->reference_key);
    epochs_wipe(&push->epochs);
    http_close(push->gate);
    http_close(push->keys);
    key_servers_destroy(push->servers);
}

/* -- the file ------------------------------------------------------------------------------------------------------ */

static int open_file(struct push *push)
{
    const char *file = push->options->file;

    push->fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (push->fd < 0) {
        say("can't read %s: %s", file, strerror(errno));
        return CLIENT_FAILED;
    }
    if (push->options->report != NULL && !remarks_report(&push->remarks, push->options->report)) return CLIENT_FAILED;
    return import_open(push->fd, file, &push->profile, push->options->mode == PUSH_REMOVE, &push->import);
}

/* What parts depend on: the same fingerprint, the same parts.  Of the file, what changes when it is written. */
static void make_fingerprint(const struct push *push, uint8_t fingerprint[PUSH_SHA256])
{
    const struct push_options *options = push->options;
    crypto_hash_sha256_state state;
    struct stat file = { 0 };
    int64_t numbers[8];
    char *profile = profile_text(&push->profile, push->info.id);

    (void)!fstat(push->fd, &file);
    numbers[0] = options->mode;
    numbers[1] = profile == NULL; /* no memory: then it is a file of its own */
    numbers[2] = push->info.grade;
    numbers[3] = options->clear_references;
    numbers[4] = (int64_t)file.st_ino;
    numbers[5] = file.st_size;
    numbers[6] = file.st_mtim.tv_sec;
    numbers[7] = file.st_mtim.tv_nsec;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)numbers, sizeof(numbers));
    crypto_hash_sha256_update(&state, (const uint8_t *)push->key_ids, strlen(push->key_ids));
    if (profile != NULL) crypto_hash_sha256_update(&state, (const uint8_t *)profile, strlen(profile));
    crypto_hash_sha256_final(&state, fingerprint);
    free(profile);
}

/* -- epochs -------------------------------------------------------------------------------------------------------- */

/* With mode `tokens`, only epochs that the list does not cover yet. */
static void drop_covered(struct epochs *epochs, const struct list_info *info)
{
    size_t kept = 0;

    for (size_t i = 0; i < epochs->count; i++) {
        bool covered = false;

        for (size_t k = 0; k < info->covered_count; k++)
            covered = covered || strcmp(info->covered[k], epochs->list[i].id) == 0;
        if (!covered) epochs->list[kept++] = epochs->list[i];
    }
    epochs->count = kept;
}

static void make_key_ids(struct push *push)
{
    size_t used = (size_t)snprintf(push->key_ids, sizeof(push->key_ids), "Platesieve-Key-Ids:");

    for (size_t i = 0; i < push->epochs.count && used < sizeof(push->key_ids); i++) {
        const struct epoch *epoch = &push->epochs.list[i];
        char key_id[PLATESIEVE_TOKEN_TEXT + 1];

        base64_print(epoch->key_id, sizeof(epoch->key_id), key_id, sizeof(key_id));
        used += (size_t)snprintf(push->key_ids + used, sizeof(push->key_ids) - used, "%s %s=%s", i == 0 ? "" : ",",
                                 epoch->id, key_id);
    }
}

static int fetch_epochs(struct push *push)
{
    int code = epochs_fetch(push->servers, push->keys, &push->info.pins, &push->epochs);

    if (code != CLIENT_OK) return code;
    epochs_keep_usable(&push->epochs, LIMIT_EPOCHS_KNOWN);
    if (push->epochs.count == 0) {
        say("the key server has no epoch that is open or coming");
        return CLIENT_FAILED;
    }
    if (push->options->mode == PUSH_TOKENS) drop_covered(&push->epochs, &push->info);
    epochs_keep_usable(&push->epochs, LIMIT_ENTRY_EPOCHS);
    for (size_t i = 0; code == CLIENT_OK && i < push->epochs.count; i++)
        code = epoch_make_ready(push->servers, push->keys, &push->epochs.list[i]);
    make_key_ids(push);
    return code;
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

static void count_row(struct push *push, uint64_t line, const struct push_made *made)
{
    push->rows++;
    push->entries += made->lines;
    push->repeated += made->repeated;
    if (made->fault != ROW_FINE) {
        push->faults.faults[made->fault]++;
        if (row_fault_is_skip(made->fault)) remark_quietly(&push->remarks, line, row_fault_name(made->fault));
        else remark(&push->remarks, line, row_fault_name(made->fault), row_fault_text(made->fault));
    }
    if (made->repeated) remark_quietly(&push->remarks, line, "repeated");
    if (made->lines == 0) return;
    push->hashed += made->hashed;
    push->suffixed += made->suffixed;
    push->without_full += made->without_full;
    push->without_near += made->without_near;
    if (made->without_full)
        remark(&push->remarks, line, "without-full", "jurisdiction blank or unknown: kept without grade `full`");
    if (made->without_near) remark(&push->remarks, line, "without-near", "too short: kept without grade `near`");
    if (made->suffixed)
        remark(&push->remarks, line, "reference-repeated",
               "the reference stands on another plate too: kept, with a suffix");
}

static int make_rows(struct push *push, const struct push_maker *maker, struct push_pool *pool)
{
    struct progress progress = progress_begin(push->fd);
    struct csv_row row = { 0 };
    int code = CLIENT_OK;

    for (;;) {
        struct push_chunk *chunk = push_pool_chunk(pool);
        struct push_made made;

        if (chunk == NULL) break; /* the pool or the sender knows why */
        import_next(push->import, &row);
        if (row.state == CSV_END || row.state == CSV_BROKEN) break;
        made = push_row(maker, &row, chunk);
        count_row(push, row.line, &made);
        if (made.no_memory) {
            say("out of memory");
            code = CLIENT_FAILED;
            break;
        }
        if ((push->rows & 0xff) == 0) progress_show(&progress, import_bytes(push->import), push->rows);
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

/* What had ended then is left out.  With mode `tokens` the rows must be those that were pushed: what has ended since
   still wants its tokens. */
static int64_t as_of(const struct push *push)
{
    const bool then = push->options->mode == PUSH_TOKENS && push->info.committed_ms > 0;

    return then ? push->info.committed_ms : moment_now_ms();
}

static int run_pool(struct push *push, struct push_sender *sender)
{
    const struct push_maker maker = {
        .mode = push->options->mode,
        .profile = &push->profile,
        .now_ms = as_of(push),
        .grade = push->info.grade,
        .clear_references = push->options->clear_references,
        .info = &push->info,
        .epochs = &push->epochs,
        .key = push->reference_key,
        .seen = push->seen,
        .scratch = push->scratch,
    };
    const struct evaluator_settings settings = { push->settings, &push->identity, push->servers, EVALUATE_MS,
                                                 EVALUATE_LAST_MS };
    struct push_pool *pool =
        push_pool_start(&maker, needs_key_server(&push->epochs) ? &settings : NULL, push->options, sender);
    int code, finished;

    if (pool == NULL) return CLIENT_FAILED;
    code = make_rows(push, &maker, pool);
    finished = push_pool_finish(pool, code == CLIENT_OK);
    return code != CLIENT_OK ? code : finished;
}

static int send_rows(struct push *push)
{
    const struct push_target target = { push->gate, &push->info, &push->revision,
                                        push->epochs.count == 0 ? NULL : push->key_ids, push->options->patience_s };
    struct push_sender *sender = push_sender_start(&target);
    int code, sent;

    if (sender == NULL) return CLIENT_FAILED;
    code = run_pool(push, sender);
    sent = push_sender_finish(sender, code == CLIENT_OK, &push->totals);
    return code != CLIENT_OK ? code : sent;
}

/* -- commit -------------------------------------------------------------------------------------------------------- */

static int commit(struct push *push)
{
    const unsigned patience_s =
        push->options->patience_s < COMMIT_PATIENCE_S_MIN ? COMMIT_PATIENCE_S_MIN : push->options->patience_s;
    char path[256], body[256], digest[2 * PUSH_SHA256 + 1];
    const struct http_request request = {
        .method = "POST", .path = path, .body = body, .body_size = 0, .timeout_s = COMMIT_TIMEOUT_S
    };
    struct http_request whole = request;
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    int code;

    sodium_bin2hex(digest, sizeof(digest), push->totals.sha256, PUSH_SHA256);
    snprintf(path, sizeof(path), "/v1/lists/%s/revisions/%u/commit", push->info.id, push->revision.number);
    snprintf(body, sizeof(body), "{\"parts\":%u,\"entries\":%llu,\"sha256\":\"%s\"}", push->totals.parts,
             (unsigned long long)push->totals.lines, digest);
    whole.body_size = strlen(body);
    code = push_ask(push->gate, &whole, patience_s, &answer);
    if (code == CLIENT_OK && answer.status != 200) code = problem_say(push->gate, &answer);
    return code;
}

/* An empty file where entries stood is a mistake, most of the time. */
static int check_empty(const struct push *push)
{
    if (push->options->mode != PUSH_REPLACE || push->entries > 0 || push->options->yes) return CLIENT_OK;
    say("no usable row in %s: the list stays as it is (--yes makes it empty)", push->options->file);
    return CLIENT_FAILED;
}

/* A list must not shrink because its file did not come whole. */
static int check_whole(const struct push *push)
{
    if (push->options->mode != PUSH_REPLACE || push->options->allow_truncated || !import_is_cut(push->import))
        return CLIENT_OK;
    say("%s ends in the middle of a line: the list stays as it is (--allow-truncated takes what is there)",
        push->options->file);
    return CLIENT_FAILED;
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static json_t *summary_json(const struct push *push)
{
    json_t *epochs = json_array();

    for (size_t i = 0; i < push->epochs.count; i++) json_array_append_new(epochs, json_string(push->epochs.list[i].id));
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:f}", "list",
                     push->info.id, "agency", push->info.agency, "revision", (json_int_t)push->revision.number, "rows",
                     (json_int_t)push->rows, "entries", (json_int_t)push->entries, "unusable",
                     (json_int_t)row_counts_total(&push->faults, false), "unusable_by_reason",
                     row_counts_json(&push->faults, false), "left_out",
                     (json_int_t)row_counts_total(&push->faults, true), "left_out_by_reason",
                     row_counts_json(&push->faults, true), "without_full", (json_int_t)push->without_full, "without_near",
                     (json_int_t)push->without_near, "repeated", (json_int_t)push->repeated, "suffixed",
                     (json_int_t)push->suffixed, "hashed_references", (json_int_t)push->hashed, "parts",
                     (json_int_t)push->totals.parts, "parts_skipped", (json_int_t)push->totals.skipped, "resumed",
                     (int)push->revision.resumed, "epochs", epochs, "seconds",
                     (double)(moment_monotonic_ms() - push->begin_ms) / 1000);
}

static void print_count(const char *what, uint64_t count)
{
    if (count > 0) printf("  %llu %s\n", (unsigned long long)count, what);
}

static bool print_summary(const struct push *push)
{
    const bool removal = push->options->mode == PUSH_REMOVE;

    remarks_end(&push->remarks);
    if (push->settings->json) return print_json(summary_json(push));
    printf("%s/%s: revision %u, %llu %s from %llu rows in %.1f s\n", push->info.agency, push->info.id,
           push->revision.number, (unsigned long long)push->entries, removal ? "removals" : "entries",
           (unsigned long long)push->rows, (double)(moment_monotonic_ms() - push->begin_ms) / 1000);
    for (size_t i = 1; i < ROW_FAULTS; i++)
        if (push->faults.faults[i] > 0)
            printf("  %llu %s: %s\n", (unsigned long long)push->faults.faults[i],
                   row_fault_is_skip((enum row_fault)i) ? "left out" : "unusable", row_fault_text((enum row_fault)i));
    print_count("kept without grade `full` (jurisdiction blank or unknown)", push->without_full);
    print_count("kept without grade `near` (too short)", push->without_near);
    print_count("repeated", push->repeated);
    print_count("with a suffix, because their reference stands on another plate too", push->suffixed);
    print_count("references longer than 32 bytes, which go as digests that can't be opened again", push->hashed);
    if (push->revision.resumed)
        printf("  went on where an earlier push broke off: %u parts stood already\n", push->totals.skipped);
    return !ferror(stdout);
}

static int prepare(struct push *push)
{
    int code = identity_find(push->settings, "agency", &push->identity);

    if (code == CLIENT_OK)
        code = import_profile(push->settings, push->identity.name.first, push->options->list, &push->options->import,
                              &push->profile);
    if (code == CLIENT_OK) code = open_file(push);
    if (code == CLIENT_OK) code = http_open(push->settings, HTTP_GATE, &push->identity, &push->gate);
    if (code == CLIENT_OK) code = list_fetch(push->gate, push->options->list, &push->info);
    if (code == CLIENT_OK && push->options->mode != PUSH_REMOVE) {
        push->servers = key_servers_create(push->settings);
        code = push->servers == NULL ? CLIENT_FAILED
                                     : http_open(push->settings, HTTP_KEYS, &push->identity, &push->keys);
        if (code == CLIENT_OK) code = fetch_epochs(push);
    }
    if (code != CLIENT_OK) return code;
    push->reference_key = reference_key_open(push->info.agency, push->settings, push->options->mode != PUSH_TOKENS);
    push->seen = seen_create();
    push->scratch = push_scratch_create();
    if (push->reference_key == NULL && push->options->mode == PUSH_TOKENS)
        say("there is no key for references here; it was made by the first push");
    return push->reference_key != NULL && push->seen != NULL && push->scratch != NULL ? CLIENT_OK : CLIENT_FAILED;
}

static int push_list(struct push *push)
{
    uint8_t fingerprint[PUSH_SHA256];
    int code = prepare(push);

    if (code != CLIENT_OK) return code;
    if (push->options->mode == PUSH_TOKENS && push->epochs.count == 0) {
        if (push->settings->json) return print_json(summary_json(push)) ? CLIENT_OK : CLIENT_FAILED;
        printf("%s/%s has tokens for all epochs that are open or coming\n", push->info.agency, push->info.id);
        return CLIENT_OK;
    }
    make_fingerprint(push, fingerprint);
    code = push_revision_open(push->settings, push->gate, push->options, &push->info, fingerprint, &push->revision);
    if (code != CLIENT_OK) return code;
    code = send_rows(push);
    if (code == CLIENT_OK) code = check_whole(push);
    if (code == CLIENT_OK) code = check_empty(push);
    if (code == CLIENT_OK) code = commit(push);
    if (code == CLIENT_UNREACHABLE && push->revision.remembered[0] != '\0')
        say("what was sent is kept for a day: the same command goes on from there");
    if (code != CLIENT_OK && code != CLIENT_UNREACHABLE) push_revision_drop(push->gate, &push->info, &push->revision);
    if (code != CLIENT_UNREACHABLE) push_revision_forget(&push->revision);
    if (code != CLIENT_OK) return code;
    if (!print_summary(push) || !remarks_close(&push->remarks)) return CLIENT_FAILED;
    return row_counts_total(&push->faults, false) + push->without_full + push->without_near + push->suffixed > 0
               ? CLIENT_REMARKS
               : CLIENT_OK;
}

int push_run(struct settings *settings, const struct push_options *options)
{
    struct push push = { .settings = settings, .options = options, .fd = -1, .begin_ms = moment_monotonic_ms() };
    int code;

    push.remarks.json = settings->json;
    code = push_list(&push);
    push_close(&push);
    return code;
}
