#include "server/gate/db/lanes.h"

#include <endian.h>

#include "server/gate/db/conn.h"
#include "server/http/http.h"

#define STRING(x) #x
#define TEXT_OF(x) STRING(x)

/* A lane's numbers go as one run of an array each: $4 those below, $5 its counts. */
enum number { CHECK_AGE, REPORT_AGE, READ_AGE, UNCHECKED_AGE, FALSE_AGE, CALIBRATED_AGE, SKEW, INTERVAL, ENDING, WAITING, CALIBRATION, CALIBRATION_INTERVAL, CERTIFICATE_ENDS,
              CERTIFICATE_ALARM, NUMBERS };
#define NO_AGE (-1)
#define COUNT_MAX ((int64_t)LIMIT_LANE_COUNT)
#define TIME_MAX (INT64_C(253402300799) * 1000) /* the end of the year 9999 */
static_assert(NUMBERS == 14 && LANE_TOTALS == 12, "as in the statement below");

/* Time of an age in milliseconds; null for none. */
#define AGO(i) "now() - make_interval(secs => nullif(v[" #i "], -1) / 1000.0)"
/* What lies in the future no gate wrote: it holds up nobody. */
#define NEWER "(excluded.reported_at IS NOT NULL AND coalesce(excluded.reported_at > l.reported_at OR l.reported_at > now(), true))"
#define LATEST(column) column " = greatest(CASE WHEN l." column " <= now() THEN l." column " END, excluded." column ")"
#define SUM "least(greatest(coalesce(b, 0), 0), 4611686018427387903) + least(greatest(coalesce(r, 0), 0), 9007199254740992)"
#define TAKE(column) column " = CASE WHEN " NEWER " THEN excluded." column " ELSE l." column " END"

static const struct statement store = {
    "lanes_store",
    "INSERT INTO lanes AS l (site, lane, version, started_at, sent_at, checked_at, reported_at, read_at, unchecked_at, false_tags_at, calibrated_at, skew_ms,"
    " interval_s, ending, waiting, calibration, calibration_interval_s, certificate_ends_ms, certificate_alarm, run)"
    " SELECT site, lane, version, started, sent, " AGO(1) ", " AGO(2) ", " AGO(3) ", " AGO(4) ", " AGO(5) ", " AGO(6) ","
    " v[7], v[8], v[9] <> 0, v[10], v[11], v[12], nullif(v[13], 0), v[14] <> 0, run FROM (SELECT u.*, ($6::int8[])[(n - 1) * 14 + 1:n * 14] AS v, ($7::int8[])[(n - 1) * 12 + 1:n * 12] AS run"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) WITH ORDINALITY AS u (site, lane, version, started, sent, n)) AS heard"
    " ORDER BY site, lane"
    " ON CONFLICT (site, lane) DO UPDATE SET " LATEST("checked_at") ","
    " before = CASE WHEN " NEWER " AND l.reported_at IS NOT NULL AND l.started_at <> excluded.started_at"
    " THEN ARRAY(SELECT " SUM " FROM unnest(l.before, l.run) WITH ORDINALITY AS u (b, r, n) ORDER BY n) ELSE l.before END, "
    TAKE("run") ", " TAKE("version") ", " TAKE("started_at") ", " TAKE("sent_at") ", " TAKE("read_at") ", " TAKE("unchecked_at") ", "
    TAKE("false_tags_at") ", " TAKE("calibrated_at") ", " TAKE("skew_ms") ", " TAKE("interval_s") ", " TAKE("ending") ", " TAKE("waiting") ", "
    TAKE("calibration") ", " TAKE("calibration_interval_s") ", " TAKE("certificate_ends_ms") ", " TAKE("certificate_alarm") ", " LATEST("reported_at")
};

/* -1: never, and what no gate wrote. */
#define AGE(column)                                                                                                                          \
    "CASE WHEN " column " BETWEEN now() - interval '100 years' AND now() + interval '1 minute'"                                             \
    " THEN greatest((extract(epoch FROM now() - " column ") * 1000)::int8, 0) ELSE -1 END"
static const struct statement show = {
    "lanes_show",
    "SELECT site, lane, coalesce(version, ''), coalesce(started_at, 'epoch'), coalesce(sent_at, 'epoch'), ARRAY[" AGE("checked_at") ", " AGE("reported_at") ", "
    AGE("read_at") ", " AGE("unchecked_at") ", " AGE("false_tags_at") ", " AGE("calibrated_at") ", coalesce(skew_ms, 0), coalesce(interval_s, 0), ending::int,"
    " coalesce(waiting, 0), coalesce(calibration, 0), coalesce(calibration_interval_s, 0), coalesce(certificate_ends_ms, 0), certificate_alarm::int, " AGE("first_seen") "]::int8[], run, before FROM lanes"
    " ORDER BY greatest(checked_at, reported_at) DESC NULLS LAST LIMIT " TEXT_OF(LIMIT_LANES)
};

static const struct statement forget = {
    "lanes_forget",
    "DELETE FROM lanes WHERE site = $1::text AND lane = $2::text AND greatest(checked_at, reported_at, first_seen) < now() - interval '"
    TEXT_OF(LIMIT_LANE_GONE_DAYS) " days'"
};

/* -- store ------------------------------------------------------------------------------------------------------------------ */

struct storing {
    const struct lane_facts *facts;
    size_t count;
    int64_t now_ms;
};

struct columns {
    struct array sites, lanes, versions, started, sent, numbers, runs;
};

static void columns_free(struct columns *columns)
{
    array_free(&columns->sites);
    array_free(&columns->lanes);
    array_free(&columns->versions);
    array_free(&columns->started);
    array_free(&columns->sent);
    array_free(&columns->numbers);
    array_free(&columns->runs);
}

static int64_t age(int64_t then_ms, int64_t now_ms)
{
    if (then_ms == LANE_NEVER) return NO_AGE;
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

static void add(struct columns *columns, const struct lane_facts *facts, int64_t now_ms)
{
    const struct lane_report *report = &facts->report;
    const int64_t numbers[NUMBERS] = {
        [CHECK_AGE] = age(facts->check_ms, now_ms), [REPORT_AGE] = age(facts->report_ms, now_ms),
        [READ_AGE] = age(facts->read_ms, now_ms), [UNCHECKED_AGE] = age(facts->unchecked_ms, now_ms),
        [FALSE_AGE] = age(facts->false_ms, now_ms), [CALIBRATED_AGE] = age(facts->calibrated_ms, now_ms),
        [SKEW] = facts->skew_ms, [INTERVAL] = report->interval_s,
        [ENDING] = report->ending, [WAITING] = (int64_t)report->waiting,
        [CALIBRATION] = report->calibration, [CALIBRATION_INTERVAL] = report->calibration_interval_s,
        [CERTIFICATE_ENDS] = report->certificate_ends_ms, [CERTIFICATE_ALARM] = report->certificate_alarm,
    };

    array_text(&columns->sites, facts->site);
    array_text(&columns->lanes, facts->lane);
    array_text(&columns->versions, report->version);
    array_time(&columns->started, report->started_ms);
    array_time(&columns->sent, report->sent_ms);
    for (size_t i = 0; i < NUMBERS; i++) array_int8(&columns->numbers, numbers[i]);
    for (size_t i = 0; i < LANE_TOTALS; i++) array_int8(&columns->runs, (int64_t)report->totals[i]);
}

static struct result store_body(struct db_conn *conn, void *context)
{
    const struct storing *storing = context;
    struct columns columns CLEANUP(columns_free) = { 0 };
    struct params params = { 0 };
    array_begin(&columns.sites, TYPE_TEXT, storing->count, 16);
    array_begin(&columns.lanes, TYPE_TEXT, storing->count, 16);
    array_begin(&columns.versions, TYPE_TEXT, storing->count, 16);
    array_begin(&columns.started, TYPE_TIME, storing->count, 8);
    array_begin(&columns.sent, TYPE_TIME, storing->count, 8);
    array_begin(&columns.numbers, TYPE_INT8, storing->count * NUMBERS, 8);
    array_begin(&columns.runs, TYPE_INT8, storing->count * LANE_TOTALS, 8);
    for (size_t i = 0; i < storing->count; i++) add(&columns, &storing->facts[i], storing->now_ms);
    if (!params_array(&params, &columns.sites) || !params_array(&params, &columns.lanes) || !params_array(&params, &columns.versions) ||
        !params_array(&params, &columns.started) || !params_array(&params, &columns.sent) || !params_array(&params, &columns.numbers) ||
        !params_array(&params, &columns.runs))
        return FAIL(REASON_INTERNAL);
    return conn_do(conn, &store, &params, NULL);
}

struct result db_lanes_store(struct db *db, const struct lane_facts *facts, size_t count, int64_t now_ms)
{
    struct storing storing = { facts, count, now_ms };
    struct scope scope = { .later = true }; /* it is said again in a few seconds */
    return db_transaction(db, &scope, store_body, &storing);
}

/* -- show ------------------------------------------------------------------------------------------------------------------- */

/* An int8[] of at most MAX; those that are not there are 0. */
static void take_numbers(struct row *row, int column, int64_t *numbers, size_t max)
{
    size_t size;
    const uint8_t *value = row_value(row, column, &size);
    uint32_t header[5] = { 0 };
    if (value == NULL || size < 12) {
        row->bad = true;
        return;
    }
    memcpy(header, value, size < sizeof(header) ? size : sizeof(header));
    const uint32_t count = be32toh(header[0]) == 0 ? 0 : be32toh(header[3]);
    const size_t each = 12;
    if (count > max || be32toh(header[0]) > 1 || be32toh(header[2]) != TYPE_INT8 || (count > 0 && size != sizeof(header) + count * each)) {
        row->bad = true; /* also with nulls in it */
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t wire;
        memcpy(&wire, value + sizeof(header) + i * each + 4, sizeof(wire));
        numbers[i] = (int64_t)be64toh(wire);
    }
}

static int64_t since(int64_t age_ms, int64_t now_ms)
{
    return age_ms < 0 ? LANE_NEVER : now_ms - age_ms;
}

#define FIRST_AGE NUMBERS

/* Whatever the database holds. */
static int64_t within(int64_t number, int64_t min, int64_t max)
{
    return number < min ? min : number > max ? max : number;
}

static void take_report(struct lane_facts *facts, const int64_t *numbers, const int64_t *run, const int64_t *before)
{
    struct lane_report *report = &facts->report;
    facts->skew_ms = within(numbers[SKEW], -COUNT_MAX, COUNT_MAX);
    report->interval_s = (uint32_t)within(numbers[INTERVAL], 0, LIMIT_LANE_INTERVAL_S);
    report->ending = numbers[ENDING] != 0;
    report->waiting = (uint64_t)within(numbers[WAITING], 0, COUNT_MAX);
    report->calibration = (enum lane_calibration)within(numbers[CALIBRATION], 0, LANE_CALIBRATIONS - 1);
    report->calibration_interval_s = (uint32_t)within(numbers[CALIBRATION_INTERVAL], 0, LIMIT_LANE_INTERVAL_S);
    report->certificate_ends_ms = within(numbers[CERTIFICATE_ENDS], 0, TIME_MAX);
    report->certificate_alarm = numbers[CERTIFICATE_ALARM] != 0;
    for (size_t i = 0; i < LANE_TOTALS; i++) {
        report->totals[i] = (uint64_t)within(run[i], 0, COUNT_MAX);
        facts->before[i] = (uint64_t)within(before[i], 0, INT64_MAX / 2);
    }
}

static bool names_valid(const struct lane_facts *facts)
{
    char name[LIMIT_IDENTITY_MAX + 1];
    struct peer peer;
    const int size = snprintf(name, sizeof(name), "reader/%s/%s", facts->site, facts->lane);
    return size < (int)sizeof(name) && !failed(peer_parse_name(name, (size_t)size, &peer)) && lane_version_valid(facts->report.version);
}

/* A row that holds what no gate wrote is none. */
static bool lane_take(const PGresult *result, int number, int64_t now_ms, struct lane_facts *facts)
{
    struct row row = { .result = result, .number = number };
    int64_t numbers[NUMBERS + 1] = { 0 }, run[LANE_TOTALS] = { 0 }, before[LANE_TOTALS] = { 0 };
    *facts = (struct lane_facts){ 0 };
    row_text(&row, 0, facts->site, sizeof(facts->site));
    row_text(&row, 1, facts->lane, sizeof(facts->lane));
    row_text(&row, 2, facts->report.version, sizeof(facts->report.version));
    facts->report.started_ms = row_time(&row, 3);
    facts->report.sent_ms = row_time(&row, 4);
    take_numbers(&row, 5, numbers, NUMBERS + 1);
    take_numbers(&row, 6, run, LANE_TOTALS);
    take_numbers(&row, 7, before, LANE_TOTALS);
    facts->check_ms = since(numbers[CHECK_AGE], now_ms);
    facts->report_ms = since(numbers[REPORT_AGE], now_ms);
    facts->read_ms = since(numbers[READ_AGE], now_ms);
    facts->unchecked_ms = since(numbers[UNCHECKED_AGE], now_ms);
    facts->false_ms = since(numbers[FALSE_AGE], now_ms);
    facts->calibrated_ms = since(numbers[CALIBRATED_AGE], now_ms);
    facts->first_ms = now_ms - (numbers[FIRST_AGE] > 0 ? numbers[FIRST_AGE] : 0);
    take_report(facts, numbers, run, before);
    return !row.bad && names_valid(facts);
}

static struct result show_body(struct db_conn *conn, void *context)
{
    PGresult **result = context;
    result_clear(result);
    return conn_run(conn, &show, NULL, result);
}

struct result db_lanes_each(struct db *db, int64_t now_ms, void (*each)(void *context, const struct lane_facts *facts), void *context)
{
    PGresult *rows RESULT_CLEANUP = NULL;
    struct scope scope = { 0 };
    struct result result = db_transaction(db, &scope, show_body, &rows);
    for (int i = 0, count = failed(result) ? 0 : PQntuples(rows); i < count; i++) {
        struct lane_facts facts;
        if (lane_take(rows, i, now_ms, &facts)) each(context, &facts);
    }
    return result;
}

/* -- forget ------------------------------------------------------------------------------------------------------------------ */

struct forgetting {
    const char *site, *lane;
};

static struct result forget_body(struct db_conn *conn, void *context)
{
    const struct forgetting *forgetting = context;
    struct params params = { 0 };
    params_text(&params, forgetting->site);
    params_text(&params, forgetting->lane);
    return conn_do(conn, &forget, &params, NULL);
}

struct result db_lane_forget(struct db *db, const char *site, const char *lane)
{
    struct forgetting forgetting = { site, lane };
    struct scope scope = { 0 };
    return db_transaction(db, &scope, forget_body, &forgetting);
}
