#include "client/push/push.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

#include "client/file.h"
#include "client/state.h"

#define REMEMBERED_BYTES_MAX 4096u

static const char *mode_name(enum push_mode mode)
{
    if (mode == PUSH_REPLACE) return "replace";
    return mode == PUSH_TOKENS ? "tokens" : "change";
}

static void revision_path(char path[256], const struct list_info *info, uint32_t number)
{
    snprintf(path, 256, "/v1/lists/%s/revisions/%u", info->id, number);
}

/* -- what is remembered here: number and fingerprint --------------------------------------------------------------- */

static bool recall(const struct push_revision *revision, const uint8_t fingerprint[PUSH_SHA256], uint32_t *number,
                   bool *same)
{
    char wanted[2 * PUSH_SHA256 + 1];
    size_t size = 0;
    char *text = revision->remembered[0] == '\0' ? NULL : file_read(revision->remembered, REMEMBERED_BYTES_MAX, &size);
    json_t *json = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_int_t found = json_integer_value(json_object_get(json, "revision"));
    const char *print = json_string_value(json_object_get(json, "fingerprint"));
    const bool known = found > 0 && found <= UINT32_MAX && print != NULL;

    sodium_bin2hex(wanted, sizeof(wanted), fingerprint, PUSH_SHA256);
    if (known) {
        *number = (uint32_t)found;
        *same = strcmp(print, wanted) == 0;
    }
    json_decref(json);
    free(text);
    return known;
}

static bool remember(const struct push_revision *revision, const uint8_t fingerprint[PUSH_SHA256])
{
    char print[2 * PUSH_SHA256 + 1], text[256];

    if (revision->remembered[0] == '\0') return true;
    sodium_bin2hex(print, sizeof(print), fingerprint, PUSH_SHA256);
    snprintf(text, sizeof(text), "{\"revision\":%u,\"fingerprint\":\"%s\"}\n", revision->number, print);
    return folder_make_for(revision->remembered, 0700) && file_write(revision->remembered, text, strlen(text), 0600);
}

void push_revision_forget(struct push_revision *revision)
{
    if (revision->remembered[0] != '\0') (void)unlink(revision->remembered);
    revision->remembered[0] = '\0';
}

void push_revision_free(struct push_revision *revision)
{
    free(revision->parts);
    revision->parts = NULL;
}

/* -- at the gate --------------------------------------------------------------------------------------------------- */

void push_revision_drop(struct http *gate, const struct list_info *info, const struct push_revision *revision)
{
    char path[256];
    const struct http_request request = { .method = "DELETE", .path = path };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

    revision_path(path, info, revision->number);
    (void)!http_ask(gate, &request, &answer); /* the gate drops it after a day in any case */
}

static bool take_parts(json_t *parts, struct push_revision *revision)
{
    revision->parts = calloc(LIMIT_PARTS, sizeof(*revision->parts));
    if (revision->parts == NULL || !json_is_array(parts)) return false;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_int_t number = json_integer_value(json_object_get(json_array_get(parts, i), "part"));
        const char *digest = json_string_value(json_object_get(json_array_get(parts, i), "sha256"));
        size_t size = 0;

        if (number < 1 || number > LIMIT_PARTS || digest == NULL) return false;
        if (sodium_hex2bin(revision->parts[number - 1], PUSH_SHA256, digest, strlen(digest), NULL, &size, NULL) != 0 ||
            size != PUSH_SHA256)
            return false;
        if ((size_t)number > revision->part_count) revision->part_count = (size_t)number;
    }
    return true;
}

bool push_revision_digest(struct http *gate, const struct list_info *info, uint32_t number, uint8_t digest[PUSH_SHA256])
{
    struct push_revision revision = { .number = number };
    char path[256];
    const struct http_request request = { .method = "GET", .path = path };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    crypto_hash_sha256_state state;
    json_t *json = NULL;
    bool told;

    revision_path(path, info, number);
    if (http_ask(gate, &request, &answer) && answer.status == 200) json = http_answer_json(&answer);
    told = json != NULL && take_parts(json_object_get(json, "parts"), &revision);
    crypto_hash_sha256_init(&state);
    if (told) crypto_hash_sha256_update(&state, (const uint8_t *)revision.parts, revision.part_count * PUSH_SHA256);
    crypto_hash_sha256_final(&state, digest);
    json_decref(json);
    push_revision_free(&revision);
    return told;
}

/* Is the revision that we remember still open, on the same base?  Then its parts count (revision->resumed).  An exit code. */
static int resume(struct http *gate, const struct push_options *options, const struct list_info *info,
                  struct push_revision *revision)
{
    char path[256];
    const struct http_request request = { .method = "GET", .path = path };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    json_t *json = NULL;
    const char *mode, *state;
    json_int_t base;
    int code;

    revision_path(path, info, revision->number);
    code = push_ask(gate, &request, options->patience_s, &answer);
    if (code != CLIENT_OK || answer.status != 200) return code;
    json = http_answer_json(&answer);
    if (json_unpack(json, "{s:s, s:s, s:I}", "mode", &mode, "state", &state, "base", &base) == 0)
        revision->resumed = strcmp(state, "open") == 0 && strcmp(mode, mode_name(options->mode)) == 0 &&
                  base == (json_int_t)info->revision && take_parts(json_object_get(json, "parts"), revision);
    json_decref(json);
    return CLIENT_OK;
}

static int open_new(struct http *gate, const struct push_options *options, const struct list_info *info,
                    struct push_revision *revision)
{
    char path[256];
    char body[128];
    struct http_request request = { .method = "POST", .path = path, .body = body, .once = true };
    json_t *json = NULL;
    json_int_t number;
    int code;

    snprintf(path, sizeof(path), "/v1/lists/%s/revisions", info->id);
    snprintf(body, sizeof(body), "{\"base\":%llu,\"mode\":\"%s\"}", (unsigned long long)info->revision, mode_name(options->mode));
    request.body_size = strlen(body);
    /* should an answer have been lost, a second one is opened, and the gate drops the first after a day */
    code = push_ask_json(gate, &request, options->patience_s, 201, &json);
    number = json_integer_value(json_object_get(json, "revision"));
    if (code == CLIENT_OK && (number < 1 || number > UINT32_MAX)) {
        say("the gate opened a revision in a way that can't be read");
        code = CLIENT_FAILED;
    }
    revision->number = (uint32_t)number;
    json_decref(json);
    return code;
}

int push_revision_open(const struct settings *settings, struct http *gate, const struct push_options *options,
                       const struct list_info *info, const uint8_t fingerprint[PUSH_SHA256],
                       struct push_revision *revision)
{
    char file[LIMIT_NAME_MAX + 16];
    bool same = false;
    int code;

    *revision = (struct push_revision) { 0 };
    snprintf(file, sizeof(file), "push-%s.json", info->id);
    if (strcmp(options->file, "-") != 0 && !state_path(settings, info->agency, file, revision->remembered))
        return CLIENT_FAILED;
    if (recall(revision, fingerprint, &revision->number, &same)) {
        code = same ? resume(gate, options, info, revision) : CLIENT_OK;
        if (code != CLIENT_OK || revision->resumed) return code;
        push_revision_drop(gate, info, revision);
        push_revision_free(revision);
        revision->part_count = 0;
    }
    code = open_new(gate, options, info, revision);
    if (code == CLIENT_OK && !remember(revision, fingerprint)) code = CLIENT_FAILED;
    return code;
}
