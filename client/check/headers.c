#include "client/base64.h"
#include "client/identity/believed.h"
#include "client/lane/picture.h"
#include "client/moment.h"

#include <openssl/evp.h>

#define KEPT 64              /* headers at hand */
#define LISTS_REMEMBERED 1024 /* whose serial numbers must not fall */
#define FETCH_TIMEOUT_S 10u

struct kept {
    uint8_t id[LIST_HEADER_ID_BYTES];
    uint8_t *der; /* NULL: a free place */
    size_t size;
};

struct seen_serial {
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
    uint64_t serial;
};

struct lane_headers {
    const struct settings *settings;
    const struct identity *identity;
    struct kept kept[KEPT];
    size_t next; /* place that is taken next */
    size_t seen_count;
    struct seen_serial seen[LISTS_REMEMBERED];
};

struct lane_headers *lane_headers_create(const struct settings *settings, const struct identity *identity)
{
    struct lane_headers *headers = calloc(1, sizeof(*headers));

    if (headers == NULL) {
        say("out of memory");
        return NULL;
    }
    headers->settings = settings;
    headers->identity = identity;
    return headers;
}

void lane_headers_destroy(struct lane_headers *headers)
{
    if (headers == NULL) return;
    for (size_t i = 0; i < KEPT; i++) free(headers->kept[i].der);
    free(headers);
}

static struct kept *find(struct lane_headers *headers, const uint8_t id[LIST_HEADER_ID_BYTES])
{
    for (size_t i = 0; i < KEPT; i++)
        if (headers->kept[i].der != NULL && memcmp(headers->kept[i].id, id, LIST_HEADER_ID_BYTES) == 0) return &headers->kept[i];
    return NULL;
}

/* Its name is its digest: a gate that gives other bytes is found out here. */
static bool keep(struct lane_headers *headers, const uint8_t id[LIST_HEADER_ID_BYTES], const struct http_answer *answer)
{
    uint8_t digest[LIST_HEADER_ID_BYTES];
    struct kept *place = &headers->kept[headers->next];

    if (answer->body_size == 0 || EVP_Digest(answer->body, answer->body_size, digest, NULL, EVP_sha256(), NULL) != 1 ||
        memcmp(digest, id, sizeof(digest)) != 0)
        return false;
    free(place->der);
    place->der = malloc(answer->body_size);
    if (place->der == NULL) return false;
    memcpy(place->der, answer->body, answer->body_size);
    memcpy(place->id, id, LIST_HEADER_ID_BYTES);
    place->size = answer->body_size;
    headers->next = (headers->next + 1) % KEPT;
    return true;
}

static enum header_outcome fetch(struct lane_headers *headers, struct http *gate, const uint8_t id[LIST_HEADER_ID_BYTES], const char **why)
{
    char path[LIST_HEADER_ID_TEXT + 32], text[LIST_HEADER_ID_TEXT + 1];
    const struct http_request request = { .method = "GET", .path = path, .timeout_s = FETCH_TIMEOUT_S };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

    base64_print(id, LIST_HEADER_ID_BYTES, text, sizeof(text));
    snprintf(path, sizeof(path), "/v1/headers/%s", text);
    if (!http_ask(gate, &request, &answer)) return HEADER_LATER;
    if (answer.status == 404) return HEADER_GONE;
    if (answer.status != 200) return HEADER_LATER;
    if (keep(headers, id, &answer)) return HEADER_FINE;
    *why = "it is not the one that the alert named";
    return HEADER_ALARM;
}

/* False: this list has had a newer one. */
static bool remember(struct lane_headers *headers, const struct list_header *header)
{
    struct seen_serial *place = NULL;

    for (size_t i = 0; i < headers->seen_count && place == NULL; i++)
        if (strcmp(headers->seen[i].agency, header->agency) == 0 && strcmp(headers->seen[i].list, header->list) == 0) place = &headers->seen[i];
    if (place == NULL && headers->seen_count < LISTS_REMEMBERED) {
        place = &headers->seen[headers->seen_count++];
        memcpy(place->agency, header->agency, sizeof(place->agency));
        memcpy(place->list, header->list, sizeof(place->list));
    }
    if (place == NULL) return true;
    if (header->serial < place->serial) return false;
    place->serial = header->serial;
    return true;
}

/* By what the files of the authority say at this moment. */
static enum header_outcome verify(struct lane_headers *headers, const struct kept *kept, const char *agency, const char *list,
                                  struct list_header **header, const char **why)
{
    struct anchors anchors;
    enum list_header_fault fault = LIST_HEADER_NO_MEMORY;

    if (believed_read(headers->settings, headers->identity, &anchors) == CLIENT_OK)
        fault = list_header_verify(&anchors, kept->der, kept->size, agency, list, moment_now_ms(), header);
    anchors_free(&anchors);
    if (fault == LIST_HEADER_NO_MEMORY) return HEADER_LATER;
    if (fault == LIST_HEADER_EXPIRED) return HEADER_EXPIRED;
    *why = list_header_fault_text(fault);
    if (fault != LIST_HEADER_FINE) return HEADER_ALARM;
    if (remember(headers, *header)) return HEADER_FINE;
    *why = "it is older than one that this lane has seen";
    list_header_free(*header);
    *header = NULL;
    return HEADER_ALARM;
}

enum header_outcome lane_headers_get(struct lane_headers *headers, struct http *gate, const uint8_t id[LIST_HEADER_ID_BYTES], const char *agency,
                                     const char *list, struct list_header **header, const char **why)
{
    const char *unsaid = NULL;
    enum header_outcome outcome = HEADER_FINE;

    *header = NULL;
    if (why == NULL) why = &unsaid;
    if (find(headers, id) == NULL) outcome = fetch(headers, gate, id, why);
    return outcome == HEADER_FINE ? verify(headers, find(headers, id), agency, list, header, why) : outcome;
}
