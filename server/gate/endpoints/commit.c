/* POST /v1/lists/{list}/revisions/{revision}/commit: makes a revision the list's own, at once and whole.  Agencies, their own lists only. */
#include "server/gate/config.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/endpoints/refused.h"
#include "server/gate/fields.h"
#include "server/gate/routes.h"
#include "server/http/log.h"

static struct result parse_commit(const json_t *object, struct db_commit *commit)
{
    static const char *const members[] = { "parts", "entries", "sha256", "override", NULL };
    uint64_t parts;

    TRY(fields_only(object, members));
    TRY(field_number_given(object, "parts", 0, LIMIT_PARTS, &parts));
    TRY(field_number_given(object, "entries", 0, LIMIT_ENTRIES, &commit->entries));
    commit->parts = (uint32_t)parts;
    TRY(field_bool(object, "override", false, &commit->override));
    return field_sha256(object, "sha256", commit->sha256);
}

static struct list_guard guard_of(const struct config *config)
{
    return (struct list_guard){ config->guard_entries_min, (unsigned)config->shrink_max_percent, (unsigned)config->grow_max_percent };
}

/* The alarm stands with the list until a commit is accepted.  The commit was rolled back: this is another transaction. */
static struct reply refuse(struct gate *gate, const struct request *request, struct result result, const struct db_commit *commit)
{
    const char *agency = request->peer->first, *id = request->arguments[0];
    enum db_refusal why = result.reason == REASON_GUARD ? commit->refused : DB_REFUSED_CAP;
    bool shrinks = why == DB_REFUSED_SHRINKS;
    char more[128];

    commit_note_refused(gate, request, why, commit->from, commit->to);
    if (result.reason != REASON_GUARD) return reply_problem(result.reason);
    log_line(LOG_WARNING, "a commit of %s to list %s/%s is refused: %llu entries would become %llu", request->peer->name, agency, id,
             (unsigned long long)commit->from, (unsigned long long)commit->to);
    (void)snprintf(more, sizeof more, "\"guard\":{\"why\":\"%s\",\"from\":%llu,\"to\":%llu,\"percent_max\":%u}", shrinks ? "shrinks" : "grows",
                   (unsigned long long)commit->from, (unsigned long long)commit->to,
                   shrinks ? commit->guard.shrink_percent : commit->guard.grow_percent);
    return reply_problem_more(REASON_GUARD, 0, more);
}

struct reply post_commit(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_commit commit = { .near_entries_max = gate->config->near_entries_max, .guard = guard_of(gate->config) };
    struct db_list list;
    uint32_t revision = 0;
    json_t *json = NULL;

    TRY_REPLY(path_number(request->arguments[1], 1, UINT32_MAX, &revision));
    TRY_REPLY(request_json(request, &json));
    struct result result = parse_commit(json, &commit);
    json_decref(json);
    TRY_REPLY(result);
    result = db_revision_commit(gate->agency_db, request->peer->first, request->arguments[0], revision, &commit, request->peer->name, &list);
    if (result.reason == REASON_GUARD || result.reason == REASON_CAP) return refuse(gate, request, result, &commit);
    TRY_REPLY(result);
    if (commit.refused != DB_REFUSED_NONE)
        log_line(LOG_NOTICE, "%s overrode the guard of list %s/%s: %llu entries became %llu", request->peer->name, list.agency, list.id,
                 (unsigned long long)commit.from, (unsigned long long)commit.to);
    return reply_json(200, list_json(gate, &list));
}
