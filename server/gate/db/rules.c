/* A list's rules: changed by one person, or by two.  The list's row is held from the first look to the last change. */
#include "server/gate/db/rules.h"

#include <inttypes.h>
#include <sodium.h>

#include "server/gate/db/list_seal.h"
#include "server/http/clock.h"
#include "server/http/log.h"

/* -- parameters and columns --------------------------------------------------------------------------------------------------------------- */

struct result rules_params(struct params *params, const struct list_rules *rules, struct array *sites)
{
    array_begin(sites, TYPE_TEXT, rules->site_count, LIMIT_NAME_MAX);
    for (size_t i = 0; i < rules->site_count; i++) array_text(sites, rules->sites[i]);
    params_text(params, rules->category);
    params_text(params, rules->instruction);
    if (!params_array(params, sites)) return FAIL(REASON_INTERNAL);
    params_int2(params, (int)rules->priority);
    params_int2(params, (int)rules->grade);
    params_bool(params, rules->covert);
    params_int4(params, rules->cooldown_s);
    params_int4(params, rules->retention_days);
    params_int4(params, rules->age_limit_s);
    params_time(params, rules->ends_ms);
    params_bool(params, rules->calibration);
    return OK;
}

void rules_take(struct row *row, int column, struct list_rules *rules)
{
    row_text(row, column, rules->category, sizeof(rules->category));
    row_text(row, column + 1, rules->instruction, sizeof(rules->instruction));
    rules->site_count = row_texts(row, column + 2, rules->sites[0], sizeof(rules->sites[0]), ARRAY_LENGTH(rules->sites));
    rules->priority = (uint32_t)row_int(row, column + 3);
    rules->grade = (uint32_t)row_int(row, column + 4);
    rules->covert = row_bool(row, column + 5);
    rules->cooldown_s = (uint32_t)row_int(row, column + 6);
    rules->retention_days = (uint32_t)row_int(row, column + 7);
    rules->age_limit_s = (uint32_t)row_int(row, column + 8);
    rules->ends_ms = row_time_or(row, column + 9, 0);
    rules->calibration = row_bool(row, column + 10);
    if (rules->grade >= PLATESIEVE_GRADES) row->bad = true;
}

/* -- what waits --------------------------------------------------------------------------------------------------------------------------- */

static const struct statement insert_request = {
    "insert_request",
    "INSERT INTO list_requests (list, " RULES_COLUMNS ", rules_version, asked_by, expires_at)"
    " VALUES ($1::int4, " RULES_VALUES ", $13::int4, $14::text, now() + make_interval(days => $15::int4)) RETURNING number, asked_at, expires_at"
};
static const struct statement seal_request = { "seal_request", "UPDATE list_requests SET mac = $2::bytea WHERE list = $1::int4" };
static const struct statement delete_request = { "delete_request", "DELETE FROM list_requests WHERE list = $1::int4" };
static const struct statement one_request = {
    "one_request",
    "SELECT number, rules_version, asked_by, asked_at, expires_at, " RULES_COLUMNS ", mac"
    " FROM list_requests WHERE list = $1::int4 AND expires_at > now()"
};

/* What was asked for is sealed, whatever the database made of it. */
static struct result request_seal(struct db_conn *conn, uint32_t list, uint32_t rules_version, const struct db_request *request)
{
    uint8_t mac[LIST_MAC_BYTES];
    struct params params = { 0 };
    uint64_t changed = 0;
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    request_mac(conn->keys, list, rules_version, request, mac);
    params_int4(&params, list);
    params_bytes(&params, mac, sizeof(mac));
    TRY(conn_do(conn, &seal_request, &params, &changed));
    return changed == 1 ? OK : FAIL(REASON_INTERNAL);
}

struct result db_request_make(struct db_conn *conn, uint32_t list, uint32_t rules_version, const struct list_rules *rules, const char *who,
                              const struct list_limits *limits)
{
    struct array sites CLEANUP(array_free) = { 0 };
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_int4(&params, list);
    TRY(rules_params(&params, rules, &sites));
    params_int4(&params, rules_version);
    params_text(&params, who);
    params_int4(&params, limits->request_days);
    TRY(conn_run(conn, &insert_request, &params, &result));
    struct row row = { .result = result };
    struct db_request request = { .rules = *rules, .number = (uint32_t)row_int(&row, 0), .asked_ms = row_time(&row, 1), .expires_ms = row_time(&row, 2) };
    snprintf(request.asked_by, sizeof(request.asked_by), "%s", who);
    return row.bad ? FAIL(REASON_DATABASE) : request_seal(conn, list, rules_version, &request);
}

static struct result drop_request(struct db_conn *conn, uint32_t list, uint64_t *dropped)
{
    struct params params = { 0 };
    params_int4(&params, list);
    return conn_do(conn, &delete_request, &params, dropped);
}

/* REASON_FORGED when it is not what a gate wrote.  Number 0 when nothing waits. */
static struct result read_request(struct db_conn *conn, uint32_t list, struct db_request *request, uint32_t *rules_version)
{
    uint8_t mac[LIST_MAC_BYTES], stored[LIST_MAC_BYTES];
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    *request = (struct db_request){ 0 };
    params_int4(&params, list);
    TRY(conn_run(conn, &one_request, &params, &result));
    if (PQntuples(result) == 0) return OK;
    struct row row = { .result = result };
    request->number = (uint32_t)row_int(&row, 0);
    *rules_version = (uint32_t)row_int(&row, 1);
    row_text(&row, 2, request->asked_by, sizeof(request->asked_by));
    request->asked_ms = row_time(&row, 3);
    request->expires_ms = row_time(&row, 4);
    rules_take(&row, 5, &request->rules);
    row_bytes(&row, 5 + RULES_COUNT, stored, sizeof(stored));
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    if (!row.bad) request_mac(conn->keys, list, *rules_version, request, mac);
    if (!row.bad && sodium_memcmp(mac, stored, sizeof(mac)) == 0) return OK;
    log_line(LOG_ERR, "what waits for a second person on list %" PRIu32 " is in the database not what gates made of it", list);
    *request = (struct db_request){ 0 };
    return FAIL(REASON_FORGED);
}

struct task {
    const char *agency, *id, *who;
    uint32_t number;
    struct db_request *request;
    struct db_rules_change *change;
    struct db_list *list;
    struct sealed_list sealed; /* under its lock */
};

/* BODY in a transaction of the agency, with a task of its own: it is large. */
static struct result run(struct db *db, const struct task *task, body_fn body)
{
    struct task *copy = malloc(sizeof(*copy));
    struct scope scope = { .agency = task->agency };
    if (!copy) return FAIL(REASON_INTERNAL);
    *copy = *task;
    struct result result = db_transaction(db, &scope, body, copy);
    free(copy);
    return result;
}

/* One that is about rules which have changed since waits for nothing; neither does one that was forged: it can only be refused. */
static struct result get_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    uint32_t rules_version = 0;
    TRY(db_list_read(conn, task->agency, task->id, &task->sealed.list));
    struct result result = read_request(conn, task->sealed.list.number, task->request, &rules_version);
    if (failed(result) && result.reason != REASON_FORGED) return result;
    if (rules_version != task->sealed.list.rules_version) *task->request = (struct db_request){ 0 };
    return OK;
}

struct result db_request_get(struct db *db, const char *agency, const char *id, struct db_request *request)
{
    const struct task task = { .agency = agency, .id = id, .request = request };
    return run(db, &task, get_body);
}

/* -- a change ----------------------------------------------------------------------------------------------------------------------------- */

static const struct statement write_rules = {
    "write_rules",
    "UPDATE lists SET (" RULES_COLUMNS ") = (" RULES_VALUES "), rules_version = $13::int4, approved = $14::bool, asked_by = nullif($15::text, ''),"
    " approved_by = nullif($16::text, ''), approved_at = nullif($17::timestamptz, 'epoch'), grade_segment = $18::int4, version = $19::int8"
    " WHERE number = $1::int4"
};
/* What stands now, and what is being pushed. */
static const struct statement next_segment = {
    "next_segment", "SELECT 1 + coalesce(max(segment), 0) FROM revisions WHERE list = $1::int4"
};
static const struct statement uncover = { "uncover", "UPDATE list_epochs SET whole = false WHERE list = $1::int4" };

/* Whole is what has the tokens of all grades that the list wants: with a weaker one, nothing that stands has. */
static struct result forget_grade(struct db_conn *conn, struct sealed_list *sealed)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_int4(&params, sealed->list.number);
    TRY(conn_do(conn, &uncover, &params, NULL));
    TRY(conn_run(conn, &next_segment, &params, &result));
    struct row row = { .result = result };
    sealed->grade_segment = (uint32_t)row_int(&row, 0);
    return row.bad ? FAIL(REASON_DATABASE) : OK;
}

/* RULES become those of the list, whose other members were changed by the caller. */
static struct result store(struct db_conn *conn, struct sealed_list *sealed, const struct list_rules *rules)
{
    struct array sites CLEANUP(array_free) = { 0 };
    struct params params = { 0 };
    struct db_list *list = &sealed->list;
    int64_t version;
    if (rules->grade > list->grade) TRY(forget_grade(conn, sealed));
    list->rules = *rules;
    list->rules_version++;
    TRY(db_move_head(conn, &version));
    params_int4(&params, list->number);
    TRY(rules_params(&params, &list->rules, &sites));
    params_int4(&params, list->rules_version);
    params_bool(&params, list->approved);
    params_text(&params, list->asked_by);
    params_text(&params, list->approved_by);
    params_time(&params, list->approved_ms);
    params_int4(&params, sealed->grade_segment);
    params_int8(&params, version);
    TRY(conn_do(conn, &write_rules, &params, NULL));
    return db_list_seal(conn, sealed);
}

/* What stands of a list that is to be a calibration list must fit one. */
static const struct statement find_unfit = {
    "find_unfit",
    "SELECT 1 WHERE EXISTS (SELECT FROM list_epochs WHERE list = $1::int4 AND slots > $2::int8)"
    " OR EXISTS (SELECT FROM list_shares WHERE list = $1::int4 AND revoked_at IS NULL AND until_at > now())"
};

static struct result check_calibration(struct db_conn *conn, const struct db_list *list, const struct list_rules *after)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    if (!after->calibration || list->calibration) return OK;
    if (list->entries > LIMIT_CALIBRATION_ENTRIES) return FAIL(REASON_CALIBRATION);
    params_int4(&params, list->number);
    params_int8(&params, LIMIT_CALIBRATION_TOKENS);
    TRY(conn_run(conn, &find_unfit, &params, &result));
    return PQntuples(result) == 0 ? OK : FAIL(REASON_CALIBRATION);
}

static struct result change_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    struct db_rules_change *change = task->change;
    struct db_list *list = &task->sealed.list;
    TRY(db_list_lock(conn, change->agency, change->id, &task->sealed));
    if (list->rules_version != change->version) return FAIL(REASON_RULES);
    change->before = change->after = list->rules;
    list_rules_apply(&change->after, change->patch);

    bool stood = list->approved, changed = list_rules_changed(&change->before, &change->after) != 0;
    const struct list_rules *before = stood ? &change->before : NULL; /* to gates, it is new */
    TRY(list_rules_check(before, &change->after, change->limits));
    TRY(check_calibration(conn, list, &change->after));
    change->waits = list_rules_take_two(before, &change->after);
    if (changed || !stood) TRY(drop_request(conn, list->number, NULL));
    list->approved = stood || !change->waits;
    /* while nobody has approved the list, its rules may be written: they are in force nowhere */
    if (change->waits ? changed && !stood : changed || !stood) TRY(store(conn, &task->sealed, &change->after));
    if (change->waits) TRY(db_request_make(conn, list->number, list->rules_version, &change->after, change->who, change->limits));
    return db_list_read(conn, change->agency, change->id, &change->list);
}

struct result db_rules_change(struct db *db, struct db_rules_change *change)
{
    const struct task task = { .agency = change->agency, .change = change };
    return run(db, &task, change_body);
}

/* -- the second person -------------------------------------------------------------------------------------------------------------------- */

static struct result approve_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    struct db_list *list = &task->sealed.list;
    struct db_request request;
    uint32_t rules_version = 0;
    TRY(db_list_lock(conn, task->agency, task->id, &task->sealed));
    TRY(read_request(conn, list->number, &request, &rules_version));
    if (request.number == 0) return FAIL(REASON_NOT_FOUND);
    if (request.number != task->number || rules_version != list->rules_version) return FAIL(REASON_RULES);
    if (list_same_person(request.asked_by, task->who)) return FAIL(REASON_SAME_PERSON);
    list->approved = true;
    snprintf(list->asked_by, sizeof(list->asked_by), "%s", request.asked_by);
    snprintf(list->approved_by, sizeof(list->approved_by), "%s", task->who);
    list->approved_ms = clock_now_ms(&system_clock);
    TRY(store(conn, &task->sealed, &request.rules));
    TRY(drop_request(conn, list->number, NULL));
    return db_list_read(conn, task->agency, task->id, task->list);
}

struct result db_rules_approve(struct db *db, const char *agency, const char *id, uint32_t number, const char *who, struct db_list *list)
{
    const struct task task = { .agency = agency, .id = id, .who = who, .number = number, .list = list };
    return run(db, &task, approve_body);
}

static struct result refuse_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    uint64_t dropped;
    TRY(db_list_lock(conn, task->agency, task->id, &task->sealed));
    TRY(drop_request(conn, task->sealed.list.number, &dropped));
    return dropped == 1 ? OK : FAIL(REASON_NOT_FOUND);
}

struct result db_rules_refuse(struct db *db, const char *agency, const char *id)
{
    const struct task task = { .agency = agency, .id = id };
    return run(db, &task, refuse_body);
}
