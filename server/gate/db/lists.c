/* Lists: made, shown. */
#include "server/gate/db/list_seal.h"
#include "server/gate/db/lists.h"

#include <assert.h>

static const struct statement make_agency = { "make_agency", "INSERT INTO agencies (name) VALUES ($1::text) ON CONFLICT DO NOTHING" };
/* a lock on the agency's lists for the length of the transaction: the count below holds */
static const struct statement lock_agency = { "lock_agency", "SELECT pg_advisory_xact_lock(hashtext('platesieve.lists'), hashtext($1::text))" };
static const struct statement count_lists = { "count_lists", "SELECT count(*) FROM lists WHERE agency = $1::text" };
static const struct statement move_head = { "move_head", "UPDATE head SET version = version + 1 RETURNING version" };
static const struct statement insert_list = {
    "insert_list",
    "INSERT INTO lists (agency, " RULES_COLUMNS ", id, cap_tokens, version, created_by, approved)"
    " VALUES ($1::text, " RULES_VALUES ", $13::text, $14::int8, $15::int8, $16::text, $17::bool) ON CONFLICT DO NOTHING RETURNING number"
};

static const struct statement one_list = { "one_list", "SELECT " LIST_COLUMNS " FROM lists WHERE agency = $1::text AND id = $2::text" };
static const struct statement agency_lists = {
    "agency_lists", "SELECT " LIST_COLUMNS " FROM lists WHERE agency = $1::text ORDER BY id"
};
static const struct statement all_lists = { "all_lists", "SELECT " LIST_COLUMNS " FROM lists ORDER BY agency, id" };
/* every epoch that lives, and whether the list covers it: an empty list covers all */
static const struct statement list_epochs = {
    "list_epochs",
    "SELECT e.id, l.revision > 0 AND (l.entries = 0 OR coalesce(c.whole, false)), e.opens_at"
    " FROM lists l CROSS JOIN epochs e LEFT JOIN list_epochs c ON c.list = l.number AND c.epoch = e.number"
    " WHERE l.number = $1::int4 AND e.closes_at > now() AND e.destroyed_at > now() ORDER BY e.number"
};

struct result db_move_head(struct db_conn *conn, int64_t *version)
{
    PGresult *result RESULT_CLEANUP = NULL;
    TRY(conn_run(conn, &move_head, NULL, &result));
    struct row row = { .result = result };
    *version = row_int(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

struct result db_list_take(const PGresult *result, int number, struct db_list *list)
{
    struct row row = { .result = result, .number = number };
    *list = (struct db_list){ 0 };
    list->number = (uint32_t)row_int(&row, 0);
    row_text(&row, 1, list->agency, sizeof(list->agency));
    row_text(&row, 2, list->id, sizeof(list->id));
    list->rules_version = (uint32_t)row_int(&row, 3);
    list->revision = (uint32_t)row_int(&row, 4);
    list->entries = (uint64_t)row_int(&row, 5);
    list->committed_ms = row_time_or(&row, 6, 0);
    list->cap_tokens = (uint64_t)row_int(&row, 7);
    list->approved = row_bool(&row, 8);
    row_text(&row, 9, list->asked_by, sizeof(list->asked_by));
    row_text(&row, 10, list->approved_by, sizeof(list->approved_by));
    list->approved_ms = row_time_or(&row, 11, 0);
    list->suspended = row_bool(&row, 12);
    row_text(&row, 13, list->suspended_by, sizeof(list->suspended_by));
    row_text(&row, 14, list->suspended_why, sizeof(list->suspended_why));
    list->suspended_ms = row_time_or(&row, 15, 0);
    list->resumed_ms = row_time_or(&row, 16, 0);
    list->refused = (enum db_refusal)row_int(&row, 17);
    row_text(&row, 18, list->refused_by, sizeof(list->refused_by));
    list->refused_ms = row_time_or(&row, 19, 0);
    list->refused_from = (uint64_t)row_int(&row, 20);
    list->refused_to = (uint64_t)row_int(&row, 21);
    list->has_header = !PQgetisnull(result, number, 22);
    if (list->has_header) row_bytes(&row, 22, list->header_id, sizeof(list->header_id));
    rules_take(&row, LIST_COLUMN_COUNT - RULES_COUNT, &list->rules);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

static struct result epochs_take(struct db_conn *conn, struct db_list *list)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_int4(&params, list->number);
    TRY(conn_run(conn, &list_epochs, &params, &result));
    int rows = PQntuples(result);
    for (int i = 0; i < rows && list->epoch_count < ARRAY_LENGTH(list->epochs); i++) {
        struct row row = { .result = result, .number = i };
        row_text(&row, 0, list->epochs[list->epoch_count].id, sizeof(list->epochs[0].id));
        list->epochs[list->epoch_count].covered = row_bool(&row, 1);
        list->epochs[list->epoch_count].opens_ms = row_time(&row, 2);
        if (row.bad) return FAIL(REASON_DATABASE);
        list->epoch_count++;
    }
    return OK;
}

static struct result read_one(struct db_conn *conn, const struct statement *statement, const char *agency, const char *id, struct db_list *list)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_text(&params, agency);
    params_text(&params, id);
    TRY(conn_run(conn, statement, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    TRY(db_list_take(result, 0, list));
    return epochs_take(conn, list);
}

struct result db_list_read(struct db_conn *conn, const char *agency, const char *id, struct db_list *list)
{
    return read_one(conn, &one_list, agency, id, list);
}

/* -- create ------------------------------------------------------------------------------------------------------------------------------- */

struct create {
    const char *agency, *who;
    const struct db_list *wanted;
    const struct list_limits *limits;
    struct db_list made;
    struct sealed_list sealed;
};

static struct result create_insert(struct db_conn *conn, const struct create *create, int64_t version, int64_t *number)
{
    PGresult *result RESULT_CLEANUP = NULL;
    const struct db_list *list = create->wanted;
    struct array sites CLEANUP(array_free) = { 0 };
    struct params params = { 0 };
    params_text(&params, create->agency);
    TRY(rules_params(&params, &list->rules, &sites));
    params_text(&params, list->id);
    params_int8(&params, (int64_t)list->cap_tokens);
    params_int8(&params, version);
    params_text(&params, create->who);
    params_bool(&params, !list_rules_take_two(NULL, &list->rules));
    TRY(conn_run(conn, &insert_list, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_LIST_EXISTS);
    struct row row = { .result = result };
    *number = row_int(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

static struct result create_seal(struct db_conn *conn, struct create *create, int64_t number)
{
    struct sealed_list *sealed = &create->sealed;
    *sealed = (struct sealed_list){ .list = *create->wanted };
    sealed->list.rules_version = 1;
    sealed->list.approved = !list_rules_take_two(NULL, &sealed->list.rules);
    sealed->list.number = (uint32_t)number;
    snprintf(sealed->list.agency, sizeof(sealed->list.agency), "%s", create->agency);
    return db_list_seal(conn, sealed);
}

static struct result create_body(struct db_conn *conn, void *context)
{
    struct create *create = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params agency = { 0 };
    int64_t version, number;
    params_text(&agency, create->agency);
    TRY(conn_do(conn, &lock_agency, &agency, NULL));
    TRY(conn_do(conn, &make_agency, &agency, NULL));
    TRY(conn_run(conn, &count_lists, &agency, &result));
    struct row row = { .result = result };
    int64_t count = row_int(&row, 0);
    if (row.bad) return FAIL(REASON_DATABASE);
    TRY(db_move_head(conn, &version));
    TRY(create_insert(conn, create, version, &number));
    TRY(create_seal(conn, create, number));
    if (count >= LIMIT_LISTS_PER_AGENCY) return FAIL(REASON_TOO_MANY);
    TRY(db_list_read(conn, create->agency, create->wanted->id, &create->made));
    if (create->made.approved) return OK;
    return db_request_make(conn, create->made.number, create->made.rules_version, &create->made.rules, create->who, create->limits);
}

struct result db_list_create(struct db *db, const char *agency, struct db_list *list, const char *who, const struct list_limits *limits)
{
    assert(list->site_count <= LIMIT_SITES_PER_LIST);
    struct create *create = calloc(1, sizeof(*create));
    if (!create) return FAIL(REASON_INTERNAL);
    *create = (struct create){ .agency = agency, .who = who, .wanted = list, .limits = limits };
    struct scope scope = { .agency = agency };
    struct result result = db_transaction(db, &scope, create_body, create);
    if (!failed(result)) *list = create->made;
    free(create);
    return result;
}

/* -- show --------------------------------------------------------------------------------------------------------------------------------- */

struct show {
    const char *agency, *id;
    struct db_list *list;
    struct db_list *all; /* malloc'ed */
    size_t count;
};

static struct result get_body(struct db_conn *conn, void *context)
{
    struct show *show = context;
    return db_list_read(conn, show->agency, show->id, show->list);
}

struct result db_list_get(struct db *db, const char *agency, const char *id, struct db_list *list)
{
    struct show show = { .agency = agency, .id = id, .list = list };
    struct scope scope = { .agency = agency };
    return db_transaction(db, &scope, get_body, &show);
}

static struct result each_body(struct db_conn *conn, void *context)
{
    struct show *show = context;
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    if (show->agency) params_text(&params, show->agency);
    TRY(conn_run(conn, show->agency ? &agency_lists : &all_lists, &params, &result));
    int rows = PQntuples(result);
    free(show->all);
    show->count = 0;
    show->all = calloc((size_t)rows + 1, sizeof(*show->all));
    if (!show->all || rows > LIMIT_LISTS) return FAIL(REASON_INTERNAL);
    for (int i = 0; i < rows; i++) {
        TRY(db_list_take(result, i, &show->all[i]));
        TRY(epochs_take(conn, &show->all[i]));
        show->count++;
    }
    return OK;
}

/* Collected first: callbacks must not run twice when the transaction does. */
struct result db_list_each(struct db *db, const char *agency, db_list_fn each, void *context)
{
    struct show show = { .agency = agency };
    struct scope scope = { .agency = agency, .overview = agency == NULL };
    struct result result = db_transaction(db, &scope, each_body, &show);
    for (size_t i = 0; !failed(result) && i < show.count; i++) each(context, &show.all[i]);
    free(show.all);
    return result;
}
