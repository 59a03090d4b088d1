/* A push from its beginning to its summary: the order of things. */
#include "client/push/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base64.h"
#include "client/moment.h"

static void push_close(struct push *push)
{
    import_close(push->import);
    (void)remarks_close(&push->remarks);
    if (push->fd > STDIN_FILENO) close(push->fd);
    delta_end(push);
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

/* From the beginning of the file. */
static int begin_reading(struct push *push)
{
    import_close(push->import);
    push->import = NULL;
    return import_open(push->fd, push->options->file, &push->profile, push->options->mode == PUSH_REMOVE, &push->import);
}

static int open_file(struct push *push)
{
    const char *file = push->options->file;

    push->fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (push->fd < 0) {
        say("can't read %s: %s", file, strerror(errno));
        return CLIENT_FAILED;
    }
    if (fstat(push->fd, &push->file) != 0) push->file = (struct stat) { 0 };
    if (push->options->report != NULL && !remarks_report(&push->remarks, push->options->report)) return CLIENT_FAILED;
    return begin_reading(push);
}

/* The file is read once more, for another revision. */
static int read_again(struct push *push)
{
    seen_destroy(push->seen);
    push->seen = seen_create();
    push->totals = (struct push_totals) { 0 };
    if (push->seen == NULL || lseek(push->fd, 0, SEEK_SET) != 0) {
        say("can't read %s again: %s", push->options->file, strerror(errno));
        return CLIENT_FAILED;
    }
    return begin_reading(push);
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
    numbers[0] = push->mode + 16 * push->way;
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
    if (push->way == PUSH_DELTA) crypto_hash_sha256_update(&state, push->head.digest, sizeof(push->head.digest));
    crypto_hash_sha256_final(&state, fingerprint);
    free(profile);
}

/* -- epochs -------------------------------------------------------------------------------------------------------- */

/* With mode `tokens`, only epochs that the list does not cover yet. */
void push_drop_covered(struct epochs *epochs, const struct list_info *info)
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

    for (size_t i = 0; i < push->now.count && used < sizeof(push->key_ids); i++) {
        const struct epoch *epoch = &push->now.list[i];
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
    if (push->options->mode == PUSH_TOKENS) push_drop_covered(&push->epochs, &push->info);
    epochs_keep_usable(&push->epochs, LIMIT_ENTRY_EPOCHS);
    for (size_t i = 0; code == CLIENT_OK && i < push->epochs.count; i++)
        code = epoch_make_ready(push->servers, push->keys, &push->epochs.list[i]);
    return code;
}

static int try_epochs(void *context)
{
    struct push *push = context;

    epochs_wipe(&push->epochs); /* what an earlier try got */
    return fetch_epochs(push);
}

/* What the list is at the gate. */
static int fetch_list(struct push *push)
{
    char path[LIMIT_NAME_MAX + 32];
    const struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL;
    int code;

    snprintf(path, sizeof(path), "/v1/lists/%s", push->options->list);
    code = push_ask_json(push->gate, &request, push->options->patience_s, 200, &json);
    if (code == CLIENT_OK && !list_info_parse(json, &push->info)) {
        say("the gate described the list in a way that can't be read; is this program too old?");
        code = CLIENT_FAILED;
    }
    json_decref(json);
    return code;
}

/* -- the ways ------------------------------------------------------------------------------------------------------ */

int push_open_revision(struct push *push)
{
    struct push_options options = *push->options;
    uint8_t fingerprint[PUSH_SHA256];
    int code;

    if (push->open) return CLIENT_OK;
    options.mode = push->mode;
    make_fingerprint(push, fingerprint);
    push_revision_free(&push->revision);
    code = push_revision_open(push->settings, push->gate, &options, &push->info, fingerprint, &push->revision);
    push->open = code == CLIENT_OK;
    return code;
}

/* All rows, in the mode that was asked for. */
static int push_whole(struct push *push)
{
    int code;

    push->way = PUSH_WHOLE;
    push->mode = push->options->mode;
    push->now = push->epochs;
    make_key_ids(push);
    if (push->why_whole != NULL) say("the whole list is sent: %s", push->why_whole);
    code = push_open_revision(push);
    if (code != CLIENT_OK) return code;
    if (push->mode == PUSH_REPLACE) delta_anew(push);
    code = push_send_rows(push);
    return push_commit(push, code);
}

/* Tokens for the epochs that the list lacks, to all its entries, which are those of the file. */
static int give_tokens(struct push *push)
{
    const struct push_counts counts = push->counts;
    struct epochs missing = { 0 };
    int code;

    for (size_t i = 0; i < push->epochs.count; i++) {
        bool there = false;

        for (size_t k = 0; k < push->now.count; k++)
            there = there || strcmp(push->now.list[k].id, push->epochs.list[i].id) == 0;
        if (!there) missing.list[missing.count++] = push->epochs.list[i];
    }
    push->way = PUSH_GIVING;
    push->mode = PUSH_TOKENS;
    push->now = missing;
    make_key_ids(push);
    code = read_again(push);
    if (code == CLIENT_OK) code = push_open_revision(push);
    if (code == CLIENT_OK) code = push_send_rows(push);
    code = push_commit(push, code);
    push->counts = counts;
    return code;
}

/* After a delta the gate must have as many entries as the file; more of them are some that what is remembered has lost. */
static bool counts_otherwise(const struct push *push)
{
    return push->info.revision == push->revision.number && push->info.entries != push->counts.entries;
}

/* What differs from the last push, as one revision; an empty one where nothing does: it says that the list is up to
   date.  Then tokens for epochs that the list lacks. */
static int push_delta(struct push *push)
{
    const bool lacks = push->now.count < push->epochs.count;
    int code;

    push->way = PUSH_DELTA;
    push->mode = PUSH_ADD;
    make_key_ids(push);
    code = push_send_rows(push);
    if (code == CLIENT_OK && !lacks) code = push_open_revision(push);
    if (code != CLIENT_OK || push->open) code = push_commit(push, code);
    if (code != CLIENT_OK) return code;
    push->astray = counts_otherwise(push);
    return lacks && !push->astray ? give_tokens(push) : code;
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static int prepare(struct push *push)
{
    int code = identity_find(push->settings, "agency", &push->identity);

    if (code == CLIENT_OK)
        code = import_profile(push->settings, push->identity.name.first, push->options->list, &push->options->import,
                              &push->profile);
    if (code == CLIENT_OK) code = open_file(push);
    if (code == CLIENT_OK && !delta_lock(push)) code = CLIENT_FAILED;
    if (code == CLIENT_OK) code = http_open(push->settings, HTTP_GATE, &push->identity, &push->gate);
    if (code == CLIENT_OK) code = fetch_list(push);
    if (code == CLIENT_OK && push->options->mode != PUSH_REMOVE) {
        push->servers = key_servers_create(push->settings);
        code = push->servers == NULL ? CLIENT_FAILED
                                     : http_open(push->settings, HTTP_KEYS, &push->identity, &push->keys);
        if (code == CLIENT_OK) code = push_try_on("the key server", push->options->patience_s, try_epochs, push);
    }
    if (code != CLIENT_OK) return code;
    push->reference_key = reference_key_open(push->info.agency, push->settings, push->options->mode != PUSH_TOKENS);
    push->seen = seen_create();
    push->scratch = push_scratch_create();
    if (push->reference_key == NULL && push->options->mode == PUSH_TOKENS)
        say("there is no key for references here; it was made by the first push");
    return push->reference_key != NULL && push->seen != NULL && push->scratch != NULL ? CLIENT_OK : CLIENT_FAILED;
}

/* More has changed than is worth a delta: what was begun is dropped, and all is read anew.  Or the delta went astray. */
static int push_after_all(struct push *push)
{
    const struct push_counts none = { 0 };
    int code;

    push->counts = none;
    push->why_whole = push->many ? "more than half of it is new" : "the gate counts other entries than the file has";
    code = read_again(push);
    return code == CLIENT_OK ? push_whole(push) : code;
}

/* What had ended then is left out.  With mode `tokens` the rows must be those that were pushed: what has ended since
   still wants its tokens. */
static int64_t as_of(const struct push *push)
{
    const bool then = push->options->mode == PUSH_TOKENS && push->info.committed_ms > 0;

    return then ? push->info.committed_ms : moment_now_ms();
}

static int push_list(struct push *push)
{
    int code = prepare(push);

    if (code != CLIENT_OK) return code;
    if (push->options->mode == PUSH_TOKENS && push->epochs.count == 0) {
        push->way = PUSH_WHOLE;
        if (push->settings->json) return summary_print(push) ? CLIENT_OK : CLIENT_FAILED;
        printf("%s/%s has tokens for all epochs that are open or coming\n", push->info.agency, push->info.id);
        return CLIENT_OK;
    }
    push->as_of_ms = as_of(push);
    delta_begin(push);
    code = delta_possible(push) ? push_delta(push) : push_whole(push);
    if (push->many || push->astray) code = push_after_all(push);
    if (code != CLIENT_OK) return code;
    if (!summary_print(push) || !remarks_close(&push->remarks)) return CLIENT_FAILED;
    return row_counts_total(&push->counts.faults, false) + push->counts.without_full + push->counts.without_near +
                       push->counts.suffixed >
                   0
               ? CLIENT_REMARKS
               : CLIENT_OK;
}

int push_run(struct settings *settings, const struct push_options *options)
{
    struct push *push = calloc(1, sizeof(*push));
    int code;

    if (push == NULL) {
        say("out of memory");
        return CLIENT_FAILED;
    }
    push->settings = settings;
    push->options = options;
    push->fd = push->lock = -1;
    push->begin_ms = moment_monotonic_ms();
    push->remarks.json = settings->json;
    code = push_list(push);
    push_close(push);
    free(push);
    return code;
}
