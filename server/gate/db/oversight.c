/* What is said of a list besides its owner: by operators, who cap and suspend it, and by gates, which note what they refused.  The list's row is held
   from the first look to the last change, and the head moved after it, as a commit does. */
#include "server/gate/db/list_seal.h"
#include "server/http/clock.h"

#define SAID_AGAIN_MS 5000 /* the same refusal within a few seconds tells nobody more */

struct task {
    const char *agency, *id, *who, *why;
    uint64_t tokens, from, to;
    enum db_refusal refused;
    bool suspend, *changed;
    struct sealed_list sealed; /* under its lock */
};

static struct result run(struct db *db, const struct scope *scope, const struct task *task, body_fn body)
{
    struct task *copy = malloc(sizeof(*copy));
    if (!copy) return FAIL(REASON_INTERNAL);
    *copy = *task;
    struct result result = db_transaction(db, scope, body, copy);
    free(copy);
    return result;
}

/* -- operators ---------------------------------------------------------------------------------------------------------------------------- */

static const struct statement write_oversight = {
    "write_oversight",
    "UPDATE lists SET cap_tokens = $2::int8, suspended = $3::bool, suspended_at = nullif($4::timestamptz, 'epoch'), suspended_by = nullif($5::text, ''),"
    " suspended_why = nullif($6::text, ''), resumed_at = nullif($7::timestamptz, 'epoch'), version = $8::int8 WHERE number = $1::int4"
};

static struct result store(struct db_conn *conn, struct sealed_list *sealed)
{
    const struct db_list *list = &sealed->list;
    struct params params = { 0 };
    int64_t version;
    TRY(db_move_head(conn, &version));
    params_int4(&params, list->number);
    params_int8(&params, (int64_t)list->cap_tokens);
    params_bool(&params, list->suspended);
    params_time(&params, list->suspended_ms);
    params_text(&params, list->suspended_by);
    params_text(&params, list->suspended_why);
    params_time(&params, list->resumed_ms);
    params_int8(&params, version);
    TRY(conn_do(conn, &write_oversight, &params, NULL));
    return db_list_seal(conn, sealed);
}

static struct result cap_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    TRY(db_list_lock(conn, task->agency, task->id, &task->sealed));
    task->sealed.list.cap_tokens = task->tokens;
    return store(conn, &task->sealed);
}

struct result db_list_cap(struct db *db, const char *agency, const char *id, uint64_t tokens)
{
    const struct task task = { .agency = agency, .id = id, .tokens = tokens };
    const struct scope scope = { 0 };
    return run(db, &scope, &task, cap_body);
}

static struct result suspend_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    struct db_list *list = &task->sealed.list;
    TRY(db_list_lock(conn, task->agency, task->id, &task->sealed));
    *task->changed = list->suspended != task->suspend;
    if (!*task->changed) return OK;
    int64_t now_ms = clock_now_ms(&system_clock);
    list->suspended = task->suspend;
    list->suspended_ms = task->suspend ? now_ms : 0;
    if (!task->suspend) list->resumed_ms = now_ms;
    snprintf(list->suspended_by, sizeof(list->suspended_by), "%s", task->suspend ? task->who : "");
    snprintf(list->suspended_why, sizeof(list->suspended_why), "%s", task->suspend ? task->why : "");
    return store(conn, &task->sealed);
}

struct result db_list_suspend(struct db *db, const char *agency, const char *id, const char *by, const char *why, bool *changed)
{
    const struct task task = { .agency = agency, .id = id, .who = by, .why = why, .suspend = true, .changed = changed };
    const struct scope scope = { 0 };
    return run(db, &scope, &task, suspend_body);
}

struct result db_list_resume(struct db *db, const char *agency, const char *id, bool *changed)
{
    const struct task task = { .agency = agency, .id = id, .changed = changed };
    const struct scope scope = { 0 };
    return run(db, &scope, &task, suspend_body);
}

/* -- gates -------------------------------------------------------------------------------------------------------------------------------- */

static const struct statement write_refused = {
    "write_refused",
    "UPDATE lists SET refused_at = $2::timestamptz, refused_by = $3::text, refused_why = $4::int2, refused_from = $5::int8, refused_to = $6::int8,"
    " version = $7::int8 WHERE number = $1::int4"
};

static struct result refused_body(struct db_conn *conn, void *context)
{
    struct task *task = context;
    struct db_list *list = &task->sealed.list;
    struct params params = { 0 };
    int64_t version, now_ms = clock_now_ms(&system_clock);
    TRY(db_list_lock(conn, task->agency, task->id, &task->sealed));
    if (list->refused == task->refused && now_ms - list->refused_ms < SAID_AGAIN_MS) return OK;
    list->refused = task->refused;
    list->refused_ms = now_ms;
    snprintf(list->refused_by, sizeof(list->refused_by), "%s", task->who);
    list->refused_from = task->from;
    list->refused_to = task->to;
    TRY(db_move_head(conn, &version));
    params_int4(&params, list->number);
    params_time(&params, list->refused_ms);
    params_text(&params, list->refused_by);
    params_int2(&params, (int)list->refused);
    params_int8(&params, (int64_t)list->refused_from);
    params_int8(&params, (int64_t)list->refused_to);
    params_int8(&params, version);
    TRY(conn_do(conn, &write_refused, &params, NULL));
    return db_list_seal(conn, &task->sealed);
}

struct result db_list_note_refused(struct db *db, const char *agency, const char *id, const char *who, enum db_refusal why, uint64_t from,
                                   uint64_t to)
{
    const struct task task = { .agency = agency, .id = id, .who = who, .refused = why, .from = from, .to = to };
    const struct scope scope = { .agency = agency };
    return run(db, &scope, &task, refused_body);
}
