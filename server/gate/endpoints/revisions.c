/* POST /v1/lists/{list}/revisions; GET and DELETE /v1/lists/{list}/revisions/{revision}.  Agencies, their own lists only. */
#include <sodium.h>

#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

static const char *const mode_names[] = { [REVISION_REPLACE] = "replace", [REVISION_CHANGE] = "change", [REVISION_TOKENS] = "tokens" };

static struct result parse_revision(const json_t *object, uint32_t *base, enum revision_mode *mode)
{
    static const char *const members[] = { "base", "mode", NULL };
    char name[16];
    uint64_t number;

    TRY(fields_only(object, members));
    TRY(field_number_given(object, "base", 0, UINT32_MAX, &number));
    TRY(field_text(object, "mode", NULL, name, sizeof name));
    *base = (uint32_t)number;
    for (size_t i = 0; i < ARRAY_LENGTH(mode_names); i++) {
        if (strcmp(name, mode_names[i]) != 0) continue;
        *mode = (enum revision_mode)i;
        return OK;
    }
    return FAIL(REASON_BAD_FIELD);
}

struct reply post_revision(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_revision revision CLEANUP(db_revision_free) = { 0 };
    enum revision_mode mode = REVISION_REPLACE;
    uint32_t base = 0;
    json_t *json = NULL;

    TRY_REPLY(request_json(request, &json));
    struct result result = parse_revision(json, &base, &mode);
    json_decref(json);
    TRY_REPLY(result);
    TRY_REPLY(db_revision_open(gate->agency_db, request->peer->first, request->arguments[0], base, mode, request->peer->name, &revision));
    return reply_json(201, json_pack("{sI sI ss}", "revision", (json_int_t)revision.revision, "base", (json_int_t)revision.base, "mode",
                                     mode_names[revision.mode]));
}

static json_t *part_json(const struct db_part *part)
{
    char hex[65];

    (void)sodium_bin2hex(hex, sizeof hex, part->sha256, sizeof part->sha256);
    return json_pack("{sI sI ss}", "part", (json_int_t)part->number, "lines", (json_int_t)part->lines, "sha256", hex);
}

struct reply get_revision(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_revision revision CLEANUP(db_revision_free) = { 0 };
    uint32_t number = 0;

    TRY_REPLY(path_number(request->arguments[1], 1, UINT32_MAX, &number));
    TRY_REPLY(db_revision_get(gate->agency_db, request->peer->first, request->arguments[0], number, &revision));
    json_t *parts = json_array();
    for (size_t i = 0; i < revision.part_count; i++) (void)json_array_append_new(parts, part_json(&revision.parts[i]));
    return reply_json(200, json_pack("{sI sI ss ss so}", "revision", (json_int_t)revision.revision, "base", (json_int_t)revision.base, "mode",
                                     mode_names[revision.mode], "state", revision.state == REVISION_OPEN ? "open" : "committed", "parts",
                                     parts));
}

struct reply delete_revision(void *app, struct request *request)
{
    struct gate *gate = app;
    uint32_t number = 0;

    TRY_REPLY(path_number(request->arguments[1], 1, UINT32_MAX, &number));
    TRY_REPLY(db_revision_drop(gate->agency_db, request->peer->first, request->arguments[0], number));
    return reply_empty(204);
}
