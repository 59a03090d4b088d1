#include "client/ca/collect.h"

#include <unistd.h>

#include "client/base64.h"
#include "client/file.h"
#include "client/http/problem.h"
#include "client/identity/certificate.h"
#include "client/moment.h"

#define TIMEOUT_S 5u
#define TIDY_MS (3600 * INT64_C(1000))

/* A request and what becomes of it. */
struct piece {
    struct ca_asked asked;
    char name[LIMIT_IDENTITY_MAX + 1];
    enum ca_verdict verdict;
    const char *word;
    uint8_t certificate[LIMIT_CERTIFICATE_BYTES];
    size_t size;
    int64_t not_after_ms;
};

/* -- opening ------------------------------------------------------------------------------------------------------- */

int ca_collecting_open(struct settings *settings, struct identity *identity, struct ca_collecting *collecting)
{
    char path[PATH_MAX];
    const char *kind = "operator/gate";

    if (settings->as == NULL && settings->pki != NULL && path_make(path, sizeof(path), "%s/node/ca.pem", settings->pki) &&
        access(path, F_OK) == 0)
        settings->as = "node/ca";
    if (settings->as != NULL && strncmp(settings->as, "node/", 5) == 0) kind = "node";
    const int code = identity_find(settings, kind, identity);

    if (code != CLIENT_OK) return code;
    collecting->settings = settings;
    return http_open(settings, HTTP_GATE, identity, &collecting->http);
}

void ca_collecting_close(struct ca_collecting *collecting)
{
    http_close(collecting->http);
    collecting->http = NULL;
}

int64_t option_lifetime(const struct argp_state *state, const char *text)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = { 1, 60, 3600, 86400 };
    char number[16];
    const size_t length = strlen(text);
    const char *unit = length > 1 && length < sizeof(number) ? strchr(units, text[length - 1]) : NULL;
    int64_t lifetime;

    if (unit == NULL) argp_error(state, "--lifetime is a number of days, hours, minutes or seconds, such as 30d");
    snprintf(number, sizeof(number), "%.*s", (int)length - 1, text);
    lifetime = (int64_t)option_number(state, "--lifetime", number, 1, CA_DAYS_MAX * 86400ull) * seconds[unit - units];
    if (lifetime > (int64_t)CA_DAYS_MAX * 86400) argp_error(state, "--lifetime is at most %u days", CA_DAYS_MAX);
    return lifetime;
}

/* -- what a gate says ---------------------------------------------------------------------------------------------- */

static size_t take_bytes(json_t *json, const char *member, uint8_t *bytes, size_t max)
{
    return base64_parse_some(json_string_value(json_object_get(json, member)), bytes, max);
}

static bool take_asked(json_t *json, struct ca_asked *asked)
{
    const char *id = json_string_value(json_object_get(json, "id"));
    const char *address = json_string_value(json_object_get(json, "address"));

    *asked = (struct ca_asked) { 0 };
    if (id == NULL || strlen(id) > CA_REQUEST_ID_MAX ||
        strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != strlen(id))
        return false;
    memcpy(asked->id, id, strlen(id) + 1);
    if (address != NULL) snprintf(asked->address, sizeof(asked->address), "%s", address);
    make_printable(asked->address);
    asked->csr_size = take_bytes(json, "csr", asked->csr, sizeof(asked->csr));
    if (asked->csr_size == 0) return false;
    if (json_object_get(json, "mac") != NULL)
        return take_bytes(json, "mac", asked->mac, sizeof(asked->mac)) == sizeof(asked->mac);
    asked->certificate_size = take_bytes(json, "certificate", asked->certificate, sizeof(asked->certificate));
    asked->signature_size = take_bytes(json, "signature", asked->signature, sizeof(asked->signature));
    return asked->certificate_size > 0 && asked->signature_size > 0;
}

/* COUNT pieces, to be freed; an exit code. */
static int fetch(struct ca_collecting *collecting, bool tell, struct piece **pieces, size_t *count)
{
    const struct http_request request = { .method = "GET", .path = "/v1/enrolments", .timeout_s = TIMEOUT_S };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    json_t *json, *list;

    *count = 0;
    *pieces = NULL;
    if (!http_ask_here(collecting->http, &request, &answer)) {
        if (tell) say("no answer from the gate: %s", http_trouble(collecting->http));
        return CLIENT_UNREACHABLE;
    }
    if (answer.status != 200) {
        if (tell) (void)problem_say(collecting->http, &answer);
        return answer.status >= 500 ? CLIENT_UNREACHABLE : CLIENT_REFUSED;
    }
    json = http_answer_json(&answer);
    list = json_object_get(json, "enrolments");
    if (!json_is_array(list) || json_array_size(list) > LIMIT_ENROLMENTS) {
        if (tell) say("%s sent an answer that can't be read", http_server_url(collecting->http));
        json_decref(json);
        return CLIENT_REFUSED;
    }
    *pieces = calloc(json_array_size(list) + 1, sizeof(**pieces));
    for (size_t i = 0; *pieces != NULL && i < json_array_size(list); i++)
        if (take_asked(json_array_get(list, i), &(*pieces)[*count].asked)) ++*count;
    json_decref(json);
    return *pieces == NULL ? CLIENT_FAILED : CLIENT_OK;
}

/* -- telling ------------------------------------------------------------------------------------------------------- */

static bool told_before(struct ca_collecting *collecting, const char *id)
{
    for (unsigned i = 0; i < LIMIT_ENROLMENTS; i++)
        if (strcmp(collecting->told[i], id) == 0) return true;
    memcpy(collecting->told[collecting->told_left++ % LIMIT_ENROLMENTS], id, strlen(id) + 1);
    return false;
}

static const char *outcome_word(const struct ca_judgement *judgement)
{
    static const char *const words[] = { [CA_LEAVE] = "waits", [CA_REFUSE] = "refused", [CA_SIGN] = "signed", [CA_AGAIN] = "signed again" };

    return words[judgement->verdict];
}

static void tell(struct ca_collecting *collecting, const struct ca_judgement *judgement, const struct piece *piece)
{
    const char *name = judgement->name.text[0] == '\0' ? "?" : judgement->name.text;
    const char *gate = http_server_url(collecting->http), *kind = piece->asked.certificate_size > 0 ? "renewal" : "enrolment";
    char end[MOMENT_TEXT] = "";

    if (judgement->verdict == CA_LEAVE && !collecting->tell_all && told_before(collecting, piece->asked.id)) return;
    if (piece->size > 0) moment_print(piece->not_after_ms, end);
    if (collecting->settings->json) {
        (void)print_json(json_pack("{s:s, s:s, s:s, s:b, s:s, s:s*, s:s*, s:s*}", "name", name, "request", kind, "answer",
                                   outcome_word(judgement), "alarm", judgement->alarm, "gate", gate, "until",
                                   end[0] == '\0' ? NULL : end, "why", judgement->why, "from",
                                   piece->asked.address[0] == '\0' ? NULL : piece->asked.address));
        (void)fflush(stdout);
    } else if (piece->size > 0) {
        printf("%s %s (%s) until %.16sZ: %s\n", outcome_word(judgement), name, kind, end, gate);
        (void)fflush(stdout);
    }
    if (judgement->alarm) say("ALARM: %s (%s) at %s%s%s: %s", name, kind, gate, piece->asked.address[0] == '\0' ? "" : " from ",
                              piece->asked.address, judgement->why);
    else if (judgement->why != NULL && !collecting->settings->json)
        say("%s %s (%s) at %s: %s", outcome_word(judgement), name, kind, gate, judgement->why);
}

static void count_it(struct ca_collecting *collecting, const struct ca_judgement *judgement)
{
    if (judgement->alarm) collecting->alarms++;
    if (judgement->verdict == CA_LEAVE) collecting->left_count++;
    else if (judgement->verdict == CA_REFUSE) collecting->refused_count++;
    else collecting->signed_count++;
}

/* -- judging and signing, under the authority's lock ----------------------------------------------------------------- */

static bool decide(struct ca_collecting *collecting, struct ca *ca, struct ca_codes *codes, struct piece *piece)
{
    struct ca_judgement judgement CLEANUP(ca_judgement_wipe) = { 0 };
    int64_t begins_ms;
    X509 *certificate = NULL;
    bool done = true;

    ca_judge(ca, codes, &collecting->scope, &piece->asked, &judgement);
    if (judgement.verdict == CA_SIGN) {
        const bool reader = strcmp(judgement.name.role, "reader") == 0;

        certificate = ca_sign_asked(ca, codes, &judgement, reader ? collecting->reader_seconds : collecting->other_seconds);
        done = certificate != NULL;
    }
    if (judgement.verdict == CA_AGAIN) {
        certificate = judgement.issued;
        done = ca_mark_used(ca, codes, &judgement);
    }
    if (done && certificate != NULL) {
        piece->size = certificate_encode(certificate, piece->certificate);
        done = piece->size > 0 && certificate_times(certificate, &begins_ms, &piece->not_after_ms);
    }
    piece->verdict = judgement.verdict;
    piece->word = judgement.word;
    if (done) {
        count_it(collecting, &judgement);
        tell(collecting, &judgement, piece);
    }
    if (judgement.verdict == CA_SIGN) X509_free(certificate);
    return done;
}

static bool decide_all(struct ca_collecting *collecting, struct piece *pieces, size_t count)
{
    struct ca_codes codes CLEANUP(ca_codes_wipe) = { 0 };
    struct ca ca;
    bool done = ca_open(collecting->settings, &ca) && ca_codes_read(&ca, &codes);

    if (done && (collecting->tidied_ms == 0 || moment_monotonic_ms() - collecting->tidied_ms >= TIDY_MS)) {
        ca_issued_tidy(&ca);
        collecting->tidied_ms = moment_monotonic_ms();
    }
    for (size_t i = 0; done && i < count; i++) done = decide(collecting, &ca, &codes, &pieces[i]);
    ca_close(&ca);
    return done;
}

/* -- answering ----------------------------------------------------------------------------------------------------- */

/* A gate that has forgotten the request (404) or has its answer (409) needs none. */
static int answer_piece(struct ca_collecting *collecting, const struct piece *piece)
{
    char path[32 + CA_REQUEST_ID_MAX], text[LIMIT_CERTIFICATE_BYTES * 4 / 3 + 8], body[sizeof(text) + 32];
    struct http_request request = { .method = "PUT", .path = path, .body = body, .timeout_s = TIMEOUT_S };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

    if (piece->verdict == CA_LEAVE) return CLIENT_OK;
    snprintf(path, sizeof(path), "/v1/enrolments/%s", piece->asked.id);
    if (piece->size > 0) base64_print(piece->certificate, piece->size, text, sizeof(text));
    snprintf(body, sizeof(body), piece->size > 0 ? "{\"certificate\":\"%s\"}" : "{\"refused\":\"%s\"}",
             piece->size > 0 ? text : piece->word);
    request.body_size = strlen(body);
    if (!http_ask_here(collecting->http, &request, &answer)) {
        say("the answer did not reach the gate; it is given again when the device asks again: %s", http_trouble(collecting->http));
        return CLIENT_UNREACHABLE;
    }
    if (answer.status == 204 || answer.status == 404 || answer.status == 409) return CLIENT_OK;
    return problem_say(collecting->http, &answer);
}

int ca_collect(struct ca_collecting *collecting, size_t number, bool tell_trouble)
{
    struct piece *pieces = NULL;
    size_t count = 0;
    int code;

    http_use_server(collecting->http, number);
    code = fetch(collecting, tell_trouble, &pieces, &count);
    if (code == CLIENT_OK && count > 0 && !decide_all(collecting, pieces, count)) code = CLIENT_FAILED;
    for (size_t i = 0; code == CLIENT_OK && i < count; i++) code = answer_piece(collecting, &pieces[i]);
    free(pieces);
    return code;
}
