/* /v1/enrolments: the waiting room for requests for certificates.  Whoever asks, with a certificate or without one, leaves a request and comes
   back for the answer by its id, which nobody else knows; the authority's machine collects what waits and answers it. */
#include <sodium.h>
#include <time.h>

#include "server/gate/enrolment.h"
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define POLL_S 2 /* what whoever waits is asked to wait between two questions */
#define AUTHORITY "node/ca" /* the only node that collects */

static int64_t tick_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -- bytes ------------------------------------------------------------------------------------------------------------------- */

/* base64url of 1 to MAX bytes. */
static struct result field_bytes(const json_t *object, const char *name, uint8_t *bytes, size_t max, size_t *size)
{
    const json_t *value = json_object_get(object, name);
    size_t length = 0;

    if (!json_is_string(value)) return FAIL(REASON_BAD_FIELD);
    if (sodium_base642bin(bytes, max, json_string_value(value), json_string_length(value), NULL, &length, NULL, VARIANT) != 0 || length == 0)
        return FAIL(REASON_BAD_FIELD);
    *size = length;
    return OK;
}

static json_t *bytes_json(const uint8_t *bytes, size_t size)
{
    char text[LIMIT_CERTIFICATE_BYTES * 4 / 3 + 8];
    return json_string(sodium_bin2base64(text, sizeof text, bytes, size, VARIANT));
}

_Static_assert(LIMIT_CSR_BYTES <= LIMIT_CERTIFICATE_BYTES, "the text has room for both");

static json_t *time_json(int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    time_format(ms, text);
    return json_string(text);
}

/* -- leaving a request --------------------------------------------------------------------------------------------------------- */

static struct result parse_renewal(const json_t *object, struct enrolment *enrolment)
{
    static const char *const members[] = { "csr", "certificate", "signature", NULL };

    TRY(fields_only(object, members));
    TRY(field_bytes(object, "certificate", enrolment->certificate, sizeof enrolment->certificate, &enrolment->certificate_size));
    return field_bytes(object, "signature", enrolment->signature, sizeof enrolment->signature, &enrolment->signature_size);
}

/* A stranger has a code and no certificate; whoever has one asks for the next with it. */
static struct result parse_request(const json_t *object, bool stranger, struct enrolment *enrolment)
{
    static const char *const members[] = { "csr", "mac", NULL };

    TRY(field_bytes(object, "csr", enrolment->csr, sizeof enrolment->csr, &enrolment->csr_size));
    if (!stranger) return parse_renewal(object, enrolment);
    TRY(fields_only(object, members));
    TRY(field_bytes(object, "mac", enrolment->mac, sizeof enrolment->mac, &enrolment->mac_size));
    return enrolment->mac_size == sizeof enrolment->mac ? OK : FAIL(REASON_BAD_FIELD);
}

static struct reply state_reply(const struct gate *gate, const struct enrolment *enrolment, unsigned status)
{
    static const char *const states[] = { "waiting", "signed", "refused" };
    json_t *json = json_pack("{so, ss, ss, so}", "now", time_json(clock_now_ms(gate->clock)), "id", enrolment->id, "state",
                             states[enrolment->state], "since", time_json(enrolment->since_ms));

    if (enrolment->state == ENROLMENT_SIGNED)
        json_object_set_new(json, "certificate", bytes_json(enrolment->issued, enrolment->issued_size));
    if (enrolment->state == ENROLMENT_REFUSED) json_object_set_new(json, "refused", json_string(enrolment->refused));
    struct reply reply = reply_json(status, json);
    return enrolment->state == ENROLMENT_WAITING ? reply_retry_after(reply, POLL_S) : reply;
}

struct reply post_enrolment(void *app, struct request *request)
{
    struct gate *gate = app;
    struct enrolment enrolment = { 0 };
    json_t *json = NULL;

    TRY_REPLY(request_json(request, &json));
    struct result result = parse_request(json, request->peer->role == ROLE_STRANGER, &enrolment);
    json_decref(json);
    TRY_REPLY(result);
    memcpy(enrolment.from, request->peer->name, sizeof enrolment.from);
    (void)snprintf(enrolment.place, sizeof enrolment.place, "%s", request_place(request));
    TRY_REPLY(enrolments_add(gate->enrolments, &enrolment, clock_now_ms(gate->clock), tick_ms()));
    return state_reply(gate, &enrolment, 202);
}

struct reply get_enrolment(void *app, struct request *request)
{
    struct gate *gate = app;
    struct enrolment enrolment;

    TRY_REPLY(enrolments_get(gate->enrolments, request->arguments[0], tick_ms(), &enrolment));
    return state_reply(gate, &enrolment, 200);
}

/* -- the authority's machine ---------------------------------------------------------------------------------------------------- */

static struct result may_collect(const struct request *request)
{
    return request->peer->role != ROLE_NODE || strcmp(request->peer->name, AUTHORITY) == 0 ? OK : FAIL(REASON_FORBIDDEN);
}

static json_t *enrolment_json(const struct enrolment *enrolment)
{
    json_t *json = json_pack("{ss, so, so}", "id", enrolment->id, "since", time_json(enrolment->since_ms), "csr",
                             bytes_json(enrolment->csr, enrolment->csr_size));

    if (*enrolment->from != 0) json_object_set_new(json, "from", json_string(enrolment->from));
    if (*enrolment->place != 0) json_object_set_new(json, "address", json_string(enrolment->place));
    if (enrolment->mac_size > 0) json_object_set_new(json, "mac", bytes_json(enrolment->mac, enrolment->mac_size));
    if (enrolment->certificate_size > 0) {
        json_object_set_new(json, "certificate", bytes_json(enrolment->certificate, enrolment->certificate_size));
        json_object_set_new(json, "signature", bytes_json(enrolment->signature, enrolment->signature_size));
    }
    return json;
}

struct reply get_enrolments(void *app, struct request *request)
{
    struct gate *gate = app;

    TRY_REPLY(may_collect(request));
    struct enrolment *waiting = calloc(LIMIT_ENROLMENTS, sizeof *waiting);
    if (waiting == NULL) return reply_problem(REASON_BUSY);
    size_t count = enrolments_waiting(gate->enrolments, tick_ms(), waiting);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) (void)json_array_append_new(list, enrolment_json(&waiting[i]));
    free(waiting);
    return reply_json(200, json_pack("{so, so}", "now", time_json(clock_now_ms(gate->clock)), "enrolments", list));
}

/* Why it was refused: one word, "code-expired". */
static struct result parse_refusal(const json_t *object, char word[ENROLMENT_WORD_MAX + 1])
{
    TRY(field_text(object, "refused", NULL, word, ENROLMENT_WORD_MAX + 1));
    bool fine = *word != 0 && strspn(word, "abcdefghijklmnopqrstuvwxyz-") == strlen(word);
    return fine ? OK : FAIL(REASON_BAD_FIELD);
}

struct reply put_enrolment(void *app, struct request *request)
{
    static const char *const members[] = { "certificate", "refused", NULL };
    struct gate *gate = app;
    uint8_t certificate[LIMIT_CERTIFICATE_BYTES];
    char refused[ENROLMENT_WORD_MAX + 1] = "";
    size_t size = 0;
    json_t *json = NULL;

    TRY_REPLY(may_collect(request));
    TRY_REPLY(request_json(request, &json));
    struct result result = fields_only(json, members);
    if (!failed(result) && json_object_size(json) != 1) result = FAIL(REASON_BAD_FIELD);
    if (!failed(result))
        result = json_object_get(json, "refused") != NULL ? parse_refusal(json, refused)
                                                          : field_bytes(json, "certificate", certificate, sizeof certificate, &size);
    json_decref(json);
    TRY_REPLY(result);
    TRY_REPLY(enrolments_answer(gate->enrolments, request->arguments[0], tick_ms(), certificate, size, refused));
    return reply_empty(204);
}
