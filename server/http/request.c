#include "server/http/internal.h"

#include "server/http/json.h"

#define FIELDS_MAX 96

/* -- copies for workers ------------------------------------------------------------------------ */

struct copying {
    size_t count, bytes;
    struct field *fields; /* NULL: only counting */
    char *at;
};

static char *copy_text(struct copying *copying, const char *text, size_t size)
{
    char *copy = copying->at;
    memcpy(copy, text, size);
    copy[size] = 0;
    copying->at += size + 1;
    return copy;
}

static enum MHD_Result copy_field(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                  const char *value, size_t value_size)
{
    struct copying *copying = context;
    (void)kind;
    if (key == NULL || copying->count == FIELDS_MAX) return MHD_YES;
    if (copying->fields == NULL) {
        copying->bytes += key_size + 1 + value_size + 1;
    } else {
        struct field *field = &copying->fields[copying->count];
        field->name = copy_text(copying, key, key_size);
        field->value = value == NULL ? NULL : copy_text(copying, value, value_size);
    }
    copying->count++;
    return MHD_YES;
}

/* One block: the fields, then their texts. */
static bool copy_kind(struct MHD_Connection *mhd, enum MHD_ValueKind kind, struct field **fields, size_t *count)
{
    struct copying copying = { 0 };
    MHD_get_connection_values_n(mhd, kind, copy_field, &copying);
    *count = 0;
    *fields = malloc(copying.count * sizeof **fields + copying.bytes + 1);
    if (*fields == NULL) return false;
    copying = (struct copying){ .fields = *fields, .at = (char *)(*fields + copying.count) };
    MHD_get_connection_values_n(mhd, kind, copy_field, &copying);
    *count = copying.count;
    return true;
}

struct result request_copy_fields(struct exchange *exchange)
{
    exchange->copied = true;
    if (!copy_kind(exchange->mhd, MHD_GET_ARGUMENT_KIND, &exchange->queries, &exchange->query_count))
        return FAIL(REASON_BUSY);
    if (!copy_kind(exchange->mhd, MHD_HEADER_KIND, &exchange->headers, &exchange->header_count))
        return FAIL(REASON_BUSY);
    return OK;
}

void request_free_fields(struct exchange *exchange)
{
    free(exchange->queries);
    free(exchange->headers);
    exchange->queries = exchange->headers = NULL;
    exchange->query_count = exchange->header_count = 0;
    exchange->copied = false;
}

const char *request_place(const struct request *request)
{
    return exchange_of(request)->connection->place;
}

/* -- looking up -------------------------------------------------------------------------------- */

static const char *find(const struct field *fields, size_t count, const char *name,
                        int (*compare)(const char *, const char *))
{
    for (size_t i = 0; i < count; i++)
        if (compare(fields[i].name, name) == 0) return fields[i].value;
    return NULL;
}

const char *request_query(const struct request *request, const char *name)
{
    struct exchange *exchange = exchange_of(request);
    if (exchange->copied) return find(exchange->queries, exchange->query_count, name, strcmp);
    return MHD_lookup_connection_value(exchange->mhd, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_header(const struct request *request, const char *name)
{
    struct exchange *exchange = exchange_of(request);
    if (exchange->copied) return find(exchange->headers, exchange->header_count, name, strcasecmp);
    return MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, name);
}

#define QUERY_NAMES_MAX 32

struct known {
    const char *const *names;
    unsigned given; /* bit per name */
    bool bad;
};

static void check_name(struct known *known, const char *name)
{
    for (unsigned i = 0; known->names[i] != NULL && i < QUERY_NAMES_MAX; i++) {
        if (strcmp(known->names[i], name) != 0) continue;
        if ((known->given & 1u << i) != 0) known->bad = true;
        known->given |= 1u << i;
        return;
    }
    known->bad = true;
}

static enum MHD_Result check_argument(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct known *known = context;
    (void)kind;
    if (key == NULL || value == NULL)
        known->bad = true;
    else
        check_name(known, key);
    return MHD_YES;
}

struct result request_query_only(const struct request *request, const char *const *names)
{
    struct exchange *exchange = exchange_of(request);
    struct known known = { .names = names };
    if (!exchange->copied) MHD_get_connection_values(exchange->mhd, MHD_GET_ARGUMENT_KIND, check_argument, &known);
    for (size_t i = 0; i < exchange->query_count; i++)
        check_argument(&known, MHD_GET_ARGUMENT_KIND, exchange->queries[i].name, exchange->queries[i].value);
    return known.bad ? FAIL(REASON_BAD_QUERY) : OK;
}

struct result number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    uint64_t number = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 19; digits++)
        number = number * 10 + (uint64_t)(text[digits] - '0');
    if (digits == 0 || text[digits] != 0 || number < min || number > max) return FAIL(REASON_BAD_QUERY);
    *value = number;
    return OK;
}

struct result request_query_number(const struct request *request, const char *name, uint64_t min, uint64_t max,
                                   uint64_t fallback, uint64_t *value)
{
    const char *text = request_query(request, name);
    *value = fallback;
    return text == NULL ? OK : number_parse(text, min, max, value);
}

struct result request_json(const struct request *request, json_t **json)
{
    return json_parse_object(request->body, request->body_size, json);
}
