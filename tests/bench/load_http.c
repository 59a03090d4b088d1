/* Checks over HTTP: the prepared request, and the least parsing that still sees every wrong answer. */
#include "tests/bench/load.h"

#include <jansson.h>
#include <unistd.h>

/* -- GET /v1/lane ----------------------------------------------------------------------------------------------------------- */

static bool copy_text(const json_t *object, const char *key, char *to, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && (size_t)snprintf(to, size, "%s", text) < size;
}

bool lane_parse(const char *text, size_t size, struct lane *lane)
{
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *epochs = json_object_get(json, "epochs"), *grades = json_object_get(json, "grades");
    bool good = copy_text(json, "policy", lane->policy, sizeof(lane->policy));
    lane->epoch_count = json_array_size(epochs);
    lane->grade_count = json_array_size(grades);
    good = good && lane->epoch_count >= 1 && lane->epoch_count <= 8 && lane->grade_count >= 1 && lane->grade_count <= 4;
    for (size_t i = 0; good && i < lane->epoch_count; i++) {
        const json_t *epoch = json_array_get(epochs, i);
        good = copy_text(epoch, "id", lane->epochs[i].id, sizeof(lane->epochs[i].id)) &&
               copy_text(epoch, "key_id", lane->epochs[i].key_id, sizeof(lane->epochs[i].key_id));
    }
    for (size_t i = 0; good && i < lane->grade_count; i++) {
        const char *grade = json_string_value(json_array_get(grades, i));
        good = grade && (size_t)snprintf(lane->grades[i], sizeof(lane->grades[i]), "%s", grade) < sizeof(lane->grades[i]);
    }
    json_decref(json);
    return good;
}

bool lane_fetch(SSL_CTX *tls, const char *host, const char *port, char *text, size_t size)
{
    char answer[LOAD_ANSWER_BYTES];
    size_t have = 0;
    SSL *ssl;
    int fd = tls_connect(tls, host, port, &ssl);
    if (fd < 0)
        return false;
    int asked = snprintf(answer, sizeof(answer), "GET /v1/lane HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", host, port);
    bool good = SSL_write(ssl, answer, asked) == asked;
    for (int n; good && have < sizeof(answer) - 1 && (n = SSL_read(ssl, answer + have, (int)(sizeof(answer) - 1 - have))) > 0;)
        have += (size_t)n;
    SSL_free(ssl);
    close(fd);
    answer[have] = '\0';
    const char *body = strstr(answer, "\r\n\r\n");
    good = good && strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && body && strlen(body + 4) < size;
    if (good)
        snprintf(text, size, "%s", body + 4);
    else
        fprintf(stderr, "load: GET /v1/lane failed: %.12s\n", have ? answer : "no answer");
    return good;
}

/* -- POST /v1/checks ---------------------------------------------------------------------------------------------------------- */

struct writer {
    struct template *template;
    size_t size;
    bool full;
    char text[LOAD_REQUEST_BYTES];
};

static void put(struct writer *writer, const char *text)
{
    size_t size = strlen(text);
    if (writer->size + size >= sizeof(writer->text)) {
        writer->full = true;
        return;
    }
    memcpy(writer->text + writer->size, text, size + 1);
    writer->size += size;
}

/* A place for a fresh random value. */
static void put_noise(struct writer *writer)
{
    if (writer->template->patch_count == LOAD_PATCHES) {
        writer->full = true;
        return;
    }
    writer->template->patches[writer->template->patch_count++] = writer->size;
    put(writer, "AAAAAAAAAAAAAAAAAAAAAA");
}

static void put_tokens(struct writer *writer, const struct lane *lane)
{
    put(writer, "{");
    for (size_t i = 0; i < lane->grade_count; i++) {
        bool set = strcmp(lane->grades[i], "near") == 0;
        put(writer, i ? ",\"" : "\"");
        put(writer, lane->grades[i]);
        put(writer, set ? "\":[]" : "\":\"");
        if (set)
            continue;
        put_noise(writer);
        put(writer, "\"");
    }
    put(writer, "}");
}

static void put_body(struct writer *writer, const struct lane *lane)
{
    struct timespec now;
    struct tm utc;
    char seen_at[40];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(seen_at, sizeof(seen_at), "%Y-%m-%dT%H:%M:%S.000Z", &utc);
    put(writer, "{\"policy\":\"");
    put(writer, lane->policy);
    put(writer, "\",\"epochs\":[");
    for (size_t i = 0; i < lane->epoch_count; i++) {
        put(writer, i ? ",{\"id\":\"" : "{\"id\":\"");
        put(writer, lane->epochs[i].id);
        put(writer, "\",\"key_id\":\"");
        put(writer, lane->epochs[i].key_id);
        put(writer, "\"}");
    }
    put(writer, "],\"reads\":[{\"read_id\":\"");
    put_noise(writer);
    put(writer, "\",\"seen_at\":\"");
    put(writer, seen_at);
    put(writer, "\",\"candidates\":[{\"confidence\":0.97,\"tokens\":[");
    for (size_t i = 0; i < lane->epoch_count; i++) {
        if (i)
            put(writer, ",");
        put_tokens(writer, lane);
    }
    put(writer, "]}]}]}");
}

bool template_checks(const struct lane *lane, const char *host, const char *port, struct template *template)
{
    struct writer writer = { .template = template };
    put_body(&writer, lane);
    int head = snprintf(template->bytes, sizeof(template->bytes),
                        "POST /v1/checks HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", host,
                        port, writer.size);
    if (writer.full || head < 0 || (size_t)head + writer.size > sizeof(template->bytes))
        return false;
    memcpy(template->bytes + head, writer.text, writer.size);
    template->size = (size_t)head + writer.size;
    for (size_t i = 0; i < template->patch_count; i++)
        template->patches[i] += (size_t)head;
    return true;
}

static void patch_http(const struct template *template, struct connection *connection)
{
    for (size_t i = 0; i < template->patch_count; i++)
        noise_text(connection->request + template->patches[i]);
}

/* -- answers -------------------------------------------------------------------------------------------------------------------- */

static const char length_name[] = "Content-Length: ";

/* Finds where the header ends and where it says the length, unless both are where they were in the last answer. */
static bool find_head(struct connection *connection)
{
    const char *answer = connection->answer;
    if (connection->head_size && connection->answer_size >= connection->head_size &&
        memcmp(answer + connection->head_size - 4, "\r\n\r\n", 4) == 0 &&
        memcmp(answer + connection->length_at - (sizeof(length_name) - 1), length_name, sizeof(length_name) - 1) == 0)
        return true;
    connection->head_size = 0;
    const char *end = memmem(answer, connection->answer_size, "\r\n\r\n", 4);
    if (!end)
        return false;
    const char *length = memmem(answer, (size_t)(end - answer), length_name, sizeof(length_name) - 1);
    if (!length)
        return false;
    connection->length_at = (size_t)(length - answer) + sizeof(length_name) - 1;
    connection->head_size = (size_t)(end - answer) + 4;
    return true;
}

/* Is the whole answer here, and is it 200? */
static enum verdict judge_static(const struct template *template, struct connection *connection)
{
    (void)template;
    if (connection->answer_size < 16 || !find_head(connection))
        return connection->answer_size == sizeof(connection->answer) ? ANSWER_BAD : ANSWER_PARTIAL;
    if (memcmp(connection->answer, "HTTP/1.1 200 ", 13) != 0)
        return ANSWER_BAD;
    size_t length = 0;
    for (const char *at = connection->answer + connection->length_at; *at >= '0' && *at <= '9' && length < LOAD_ANSWER_BYTES; at++)
        length = length * 10 + (size_t)(*at - '0');
    size_t whole = connection->head_size + length;
    if (whole > sizeof(connection->answer) || connection->answer_size > whole)
        return ANSWER_BAD;
    return connection->answer_size == whole ? ANSWER_GOOD : ANSWER_PARTIAL;
}

static enum verdict judge_checks(const struct template *template, struct connection *connection)
{
    static const char clear[] = "\",\"answer\":\"clear\"}";
    enum verdict verdict = judge_static(template, connection);
    if (verdict != ANSWER_GOOD)
        return verdict;
    const char *body = connection->answer + connection->head_size, *end = connection->answer + connection->answer_size;
    const char *id = memmem(body, (size_t)(end - body), connection->request + template->patches[0], LOAD_TEXT);
    if (!id || (size_t)(end - id) < LOAD_TEXT + sizeof(clear) - 1)
        return ANSWER_BAD;
    return memcmp(id + LOAD_TEXT, clear, sizeof(clear) - 1) == 0 ? ANSWER_GOOD : ANSWER_BAD;
}

const struct target target_checks = { "checks", patch_http, judge_checks };
const struct target target_static = { "static", patch_http, judge_static };
