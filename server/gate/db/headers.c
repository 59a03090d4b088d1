/* Headers of lists: who may open the pictures of their hits, signed by their agencies. */
#include "server/gate/db/list_seal.h"
#include "server/gate/db/lists.h"

static const struct statement retire = {
    "header_retire", "UPDATE headers SET replaced_at = clock_timestamp() WHERE list = $1::int4 AND replaced_at IS NULL"
};
static const struct statement forget = {
    "header_forget", "DELETE FROM headers WHERE list = $1::int4 AND replaced_at < now() - interval '2 days'"
};
static const struct statement insert_header = {
    "header_insert",
    "INSERT INTO headers (list, serial, id, expires_at, put_by, der) VALUES ($1::int4, $2::int8, $3::bytea, $4::timestamptz, $5::text,"
    " $6::bytea)"
};
static const struct statement point_to = {
    "header_point_to", "UPDATE lists SET header_id = $2::bytea, header_serial = $3::int8, version = $4::int8 WHERE number = $1::int4"
};
static const struct statement point_nowhere = {
    "header_point_nowhere", "UPDATE lists SET header_id = NULL, version = $2::int8 WHERE number = $1::int4 AND header_id IS NOT NULL"
};
static const struct statement in_force = {
    "header_in_force",
    "SELECT h.der FROM lists l JOIN headers h ON h.list = l.number AND h.id = l.header_id WHERE l.agency = $1::text AND l.id = $2::text"
};
static const struct statement by_id = { "header_by_id", "SELECT h.der FROM headers h WHERE h.id = $1::bytea" };

struct put {
    const char *agency, *list, *who;
    const struct db_header *header; /* NULL: take away what stands */
};

static struct result insert(struct db_conn *conn, int64_t list, const struct put *put)
{
    const struct db_header *header = put->header;
    struct params params = { 0 };
    params_int4(&params, list);
    params_int8(&params, (int64_t)header->serial);
    params_bytes(&params, header->id, sizeof(header->id));
    params_time(&params, header->expires_ms);
    params_text(&params, put->who);
    params_bytes(&params, header->der, header->size);
    return conn_do(conn, &insert_header, &params, NULL);
}

static struct result point(struct db_conn *conn, const struct put *put, struct sealed_list *list)
{
    const struct db_header *header = put->header;
    struct params params = { 0 };
    int64_t version;
    TRY(db_move_head(conn, &version));
    params_int4(&params, list->list.number);
    if (header) {
        params_bytes(&params, header->id, sizeof(header->id));
        params_int8(&params, (int64_t)header->serial);
    }
    params_int8(&params, version);
    TRY(conn_do(conn, header ? &point_to : &point_nowhere, &params, NULL));
    list->list.has_header = header != NULL;
    memset(list->list.header_id, 0, sizeof(list->list.header_id));
    if (header) memcpy(list->list.header_id, header->id, sizeof(list->list.header_id));
    if (header) list->header_serial = header->serial;
    return db_list_seal(conn, list);
}

/* The list's row is locked: its serial number does not change meanwhile. */
static struct result put_locked(struct db_conn *conn, const struct put *put, struct sealed_list *list)
{
    const struct db_header *header = put->header;
    struct params params = { 0 };
    bool stands = header ? list->list.has_header && memcmp(list->list.header_id, header->id, sizeof(header->id)) == 0 : !list->list.has_header;
    if (stands) return OK;
    if (header && header->serial <= list->header_serial) return FAIL(REASON_SERIAL);
    params_int4(&params, list->list.number);
    TRY(conn_do(conn, &retire, &params, NULL));
    TRY(conn_do(conn, &forget, &params, NULL));
    if (header) TRY(insert(conn, list->list.number, put));
    return point(conn, put, list);
}

static struct result put_body(struct db_conn *conn, void *context)
{
    const struct put *put = context;
    struct sealed_list *list = malloc(sizeof(*list));
    if (!list) return FAIL(REASON_INTERNAL);
    struct result result = db_list_lock(conn, put->agency, put->list, list);
    if (!failed(result)) result = put_locked(conn, put, list);
    free(list);
    return result;
}

struct result db_header_put(struct db *db, const char *agency, const char *list, const struct db_header *header, const char *who)
{
    struct put put = { .agency = agency, .list = list, .who = who, .header = header };
    struct scope scope = { .agency = agency };
    return db_transaction(db, &scope, put_body, &put);
}

struct get {
    const char *agency, *list;
    const uint8_t *id;
    uint8_t **der;
    size_t *size;
};

static struct result get_body(struct db_conn *conn, void *context)
{
    struct get *get = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    if (get->id) {
        params_bytes(&params, get->id, DB_HEADER_ID_BYTES);
    } else {
        params_text(&params, get->agency);
        params_text(&params, get->list);
    }
    TRY(conn_run(conn, get->id ? &by_id : &in_force, &params, &result));
    if (PQntuples(result) != 1) return FAIL(REASON_NOT_FOUND);
    return row_copy(result, 0, 0, LIMIT_HEADER_BYTES, get->der, get->size);
}

struct result db_header_get(struct db *db, const char *agency, const char *list, uint8_t **der, size_t *size)
{
    struct get get = { .agency = agency, .list = list, .der = der, .size = size };
    struct scope scope = { .agency = agency };
    return db_transaction(db, &scope, get_body, &get);
}

struct result db_header_by_id(struct db *db, const uint8_t id[DB_HEADER_ID_BYTES], uint8_t **der, size_t *size)
{
    struct get get = { .id = id, .der = der, .size = size };
    struct scope scope = { 0 };
    return db_transaction(db, &scope, get_body, &get);
}
