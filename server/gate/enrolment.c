#include "server/gate/enrolment.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct place {
    bool taken;
    int64_t since_tick_ms;
    uint64_t number; /* in the order of arrival */
    struct enrolment request;
};

struct enrolments {
    pthread_mutex_t lock;
    uint64_t number;
    struct metric *waiting, *asked, *full, *answered_signed, *answered_refused;
    struct place places[LIMIT_ENROLMENTS];
};

struct enrolments *enrolments_create(struct metrics *metrics)
{
    static const char name[] = "platesieve_enrolments_total", help[] = "Requests for certificates, by what became of them.";
    struct enrolments *enrolments = calloc(1, sizeof *enrolments);
    if (enrolments == NULL) return NULL;
    pthread_mutex_init(&enrolments->lock, NULL);
    enrolments->waiting = metrics_gauge(metrics, "platesieve_enrolments_waiting", "Requests for certificates that wait.", "");
    enrolments->asked = metrics_counter(metrics, name, help, "what=\"taken\"");
    enrolments->full = metrics_counter(metrics, name, help, "what=\"turned away\"");
    enrolments->answered_signed = metrics_counter(metrics, name, help, "what=\"signed\"");
    enrolments->answered_refused = metrics_counter(metrics, name, help, "what=\"refused\"");
    return enrolments;
}

void enrolments_destroy(struct enrolments *enrolments)
{
    if (enrolments == NULL) return;
    pthread_mutex_destroy(&enrolments->lock);
    free(enrolments);
}

/* -- under the lock ---------------------------------------------------------------------------- */

static void expire(struct enrolments *enrolments, int64_t tick_ms)
{
    for (size_t i = 0; i < LIMIT_ENROLMENTS; i++)
        if (enrolments->places[i].taken && tick_ms - enrolments->places[i].since_tick_ms >= LIMIT_ENROLMENT_S * INT64_C(1000))
            enrolments->places[i].taken = false;
}

static size_t count_waiting(const struct enrolments *enrolments)
{
    size_t count = 0;
    for (size_t i = 0; i < LIMIT_ENROLMENTS; i++)
        if (enrolments->places[i].taken && enrolments->places[i].request.state == ENROLMENT_WAITING) count++;
    return count;
}

static struct place *find(struct enrolments *enrolments, const char *id)
{
    if (strlen(id) != ENROLMENT_ID_TEXT) return NULL;
    for (size_t i = 0; i < LIMIT_ENROLMENTS; i++)
        if (enrolments->places[i].taken && strcmp(enrolments->places[i].request.id, id) == 0) return &enrolments->places[i];
    return NULL;
}

static bool same(const struct enrolment *one, const struct enrolment *other)
{
    return strcmp(one->from, other->from) == 0 && one->csr_size == other->csr_size && one->mac_size == other->mac_size &&
           memcmp(one->csr, other->csr, one->csr_size) == 0 && memcmp(one->mac, other->mac, one->mac_size) == 0;
}

/* Where REQUEST has its place already, or NULL.  A refused one is no place: whoever asks again is judged again. */
static struct place *find_same(struct enrolments *enrolments, const struct enrolment *request)
{
    for (size_t i = 0; i < LIMIT_ENROLMENTS; i++) {
        struct place *place = &enrolments->places[i];
        if (place->taken && place->request.state != ENROLMENT_REFUSED && same(&place->request, request)) return place;
    }
    return NULL;
}

/* A place for REQUEST: a free one, or else that of the request answered longest ago; with a certificate, its own earlier one.
   NULL when too many wait. */
static struct place *make_room(struct enrolments *enrolments, const struct enrolment *request)
{
    struct place *free_place = NULL, *answered = NULL;
    size_t strangers = 0, neighbours = 0;
    for (size_t i = 0; i < LIMIT_ENROLMENTS; i++) {
        struct place *place = &enrolments->places[i];
        if (!place->taken) {
            free_place = place;
        } else if (*request->from != 0 && strcmp(place->request.from, request->from) == 0) {
            return place;
        } else if (place->request.state != ENROLMENT_WAITING) {
            if (answered == NULL || place->number < answered->number) answered = place;
        } else if (*place->request.from == 0) {
            strangers++;
            if (strcmp(place->request.place, request->place) == 0) neighbours++;
        }
    }
    if (*request->from == 0 && (strangers >= LIMIT_ENROLMENTS_STRANGERS || neighbours >= LIMIT_ENROLMENTS_PER_ADDRESS)) return NULL;
    return free_place != NULL ? free_place : answered;
}

static void name_it(struct enrolment *request)
{
    unsigned char bytes[ENROLMENT_ID_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(request->id, sizeof request->id, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static struct result add(struct enrolments *enrolments, struct enrolment *request, int64_t now_ms, int64_t tick_ms)
{
    struct place *place = find_same(enrolments, request);
    if (place != NULL) {
        *request = place->request;
        return OK;
    }
    place = make_room(enrolments, request);
    if (place == NULL) {
        metric_add(enrolments->full, 1);
        return FAIL(REASON_WAITING_ROOM);
    }
    name_it(request);
    request->state = ENROLMENT_WAITING;
    request->since_ms = now_ms;
    *place = (struct place){ true, tick_ms, ++enrolments->number, *request };
    metric_add(enrolments->asked, 1);
    return OK;
}

/* -- from outside ------------------------------------------------------------------------------ */

/* Whether it is one; what is in it the authority judges. */
static bool is_csr(const uint8_t *bytes, size_t size)
{
    gnutls_datum_t der = { (unsigned char *)(uintptr_t)bytes, (unsigned)size };
    gnutls_x509_crq_t request;
    if (gnutls_x509_crq_init(&request) != 0) return false;
    bool parsed = gnutls_x509_crq_import(request, &der, GNUTLS_X509_FMT_DER) == 0;
    gnutls_x509_crq_deinit(request);
    return parsed;
}

static bool is_certificate(const uint8_t *bytes, size_t size)
{
    gnutls_datum_t der = { (unsigned char *)(uintptr_t)bytes, (unsigned)size };
    gnutls_x509_crt_t certificate;
    if (gnutls_x509_crt_init(&certificate) != 0) return false;
    bool parsed = gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER) == 0;
    gnutls_x509_crt_deinit(certificate);
    return parsed;
}

struct result enrolments_add(struct enrolments *enrolments, struct enrolment *request, int64_t now_ms, int64_t tick_ms)
{
    if (!is_csr(request->csr, request->csr_size)) return FAIL(REASON_CERTIFICATE);
    if (request->certificate_size > 0 && !is_certificate(request->certificate, request->certificate_size)) return FAIL(REASON_CERTIFICATE);
    pthread_mutex_lock(&enrolments->lock);
    expire(enrolments, tick_ms);
    struct result result = add(enrolments, request, now_ms, tick_ms);
    metric_set(enrolments->waiting, (double)count_waiting(enrolments));
    pthread_mutex_unlock(&enrolments->lock);
    return result;
}

struct result enrolments_get(struct enrolments *enrolments, const char *id, int64_t tick_ms, struct enrolment *request)
{
    pthread_mutex_lock(&enrolments->lock);
    expire(enrolments, tick_ms);
    const struct place *place = find(enrolments, id);
    if (place != NULL) *request = place->request;
    pthread_mutex_unlock(&enrolments->lock);
    return place != NULL ? OK : FAIL(REASON_NOT_FOUND);
}

size_t enrolments_waiting(struct enrolments *enrolments, int64_t tick_ms, struct enrolment requests[LIMIT_ENROLMENTS])
{
    uint64_t numbers[LIMIT_ENROLMENTS];
    size_t count = 0;
    pthread_mutex_lock(&enrolments->lock);
    expire(enrolments, tick_ms);
    for (size_t i = 0; i < LIMIT_ENROLMENTS; i++) {
        const struct place *place = &enrolments->places[i];
        if (!place->taken || place->request.state != ENROLMENT_WAITING) continue;
        size_t at = count++;
        for (; at > 0 && numbers[at - 1] > place->number; at--) {
            numbers[at] = numbers[at - 1];
            requests[at] = requests[at - 1];
        }
        numbers[at] = place->number;
        requests[at] = place->request;
    }
    metric_set(enrolments->waiting, (double)count);
    pthread_mutex_unlock(&enrolments->lock);
    return count;
}

static struct result answer(struct enrolments *enrolments, struct enrolment *request, const uint8_t *certificate, size_t size,
                            const char *refused)
{
    if (request->state == ENROLMENT_SIGNED && size == request->issued_size && memcmp(certificate, request->issued, size) == 0) return OK;
    if (request->state != ENROLMENT_WAITING) return FAIL(REASON_ANSWERED);
    request->state = size > 0 ? ENROLMENT_SIGNED : ENROLMENT_REFUSED;
    if (size > 0) memcpy(request->issued, certificate, size);
    request->issued_size = size;
    if (size == 0) memcpy(request->refused, refused, strlen(refused) + 1);
    metric_add(size > 0 ? enrolments->answered_signed : enrolments->answered_refused, 1);
    metric_set(enrolments->waiting, (double)count_waiting(enrolments));
    return OK;
}

struct result enrolments_answer(struct enrolments *enrolments, const char *id, int64_t tick_ms, const uint8_t *certificate, size_t size,
                                const char *refused)
{
    if (size > LIMIT_CERTIFICATE_BYTES || (size > 0 && !is_certificate(certificate, size))) return FAIL(REASON_CERTIFICATE);
    if (size == 0 && strlen(refused) > ENROLMENT_WORD_MAX) return FAIL(REASON_BAD_FIELD);
    pthread_mutex_lock(&enrolments->lock);
    expire(enrolments, tick_ms);
    struct place *place = find(enrolments, id);
    struct result result = place == NULL ? FAIL(REASON_NOT_FOUND) : answer(enrolments, &place->request, certificate, size, refused);
    pthread_mutex_unlock(&enrolments->lock);
    return result;
}
