/* POST /v1/lists/{list}/revisions/{revision}/commit: makes a revision the list's own, at once and whole.  Agencies, their own lists only. */
#include "server/gate/endpoints/fields.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

static struct result parse_commit(const json_t *object, struct db_commit *commit)
{
    static const char *const members[] = { "parts", "entries", "sha256", NULL };
    uint64_t parts;

    TRY(fields_only(object, members));
    TRY(field_number_given(object, "parts", 0, LIMIT_PARTS, &parts));
    TRY(field_number_given(object, "entries", 0, LIMIT_ENTRIES, &commit->entries));
    commit->parts = (uint32_t)parts;
    return field_sha256(object, "sha256", commit->sha256);
}

struct reply post_commit(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_commit commit = { .near_entries_max = gate->config->near_entries_max };
    struct db_list list;
    uint32_t revision = 0;
    json_t *json = NULL;

    TRY_REPLY(path_number(request->arguments[1], 1, UINT32_MAX, &revision));
    TRY_REPLY(request_json(request, &json));
    struct result result = parse_commit(json, &commit);
    json_decref(json);
    TRY_REPLY(result);
    TRY_REPLY(db_revision_commit(gate->agency_db, request->peer->first, request->arguments[0], revision, &commit, request->peer->name, &list));
    return reply_json(200, list_json(&list));
}
