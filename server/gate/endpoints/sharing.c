/* PUT and DELETE /v1/lists/{list}/shares/{agency}, GET /v1/shares: an agency lets another see the hits of one of its lists, for a time. */
#include "server/gate/endpoints/list_json.h"
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"

#define DAY_MS INT64_C(86400000)

/* -- who is who --------------------------------------------------------------------------------------------------------------- */

struct looked_for {
    char prefix[LIMIT_NAME_MAX + 16]; /* "agency/marshals/" */
    bool found;
};

static void look(void *context, const struct roll_entry *entry)
{
    struct looked_for *agency = context;

    if (strncmp(entry->name, agency->prefix, strlen(agency->prefix)) == 0) agency->found = true;
}

/* A misspelt name would share with nobody, or with whoever comes to bear it. */
static struct result check_partner(const struct gate *gate, const struct request *request)
{
    struct looked_for agency = { .found = false };

    if (!name_is_valid(request->arguments[0])) return FAIL(REASON_NOT_FOUND);
    if (!name_is_valid(request->arguments[1])) return FAIL(REASON_AGENCY);
    if (strcmp(request->arguments[1], request->peer->first) == 0) return FAIL(REASON_BAD_FIELD);
    (void)snprintf(agency.prefix, sizeof agency.prefix, "agency/%s/", request->arguments[1]);
    if (!registry_each(gate->registry, look, &agency)) return FAIL(REASON_BUSY);
    return agency.found ? OK : FAIL(REASON_AGENCY);
}

/* -- one share ---------------------------------------------------------------------------------------------------------------- */

static struct result parse(const struct gate *gate, const json_t *body, struct db_share *share)
{
    static const char *const members[] = { "from", "until", "only_confirmed", "verdicts", "note", NULL };
    int64_t now_ms = clock_now_ms(gate->clock), most_ms = (int64_t)gate->config->share_days_max * DAY_MS;

    TRY(fields_only(body, members));
    share->from_ms = now_ms;
    if (json_object_get(body, "from") != NULL) TRY(field_time(body, "from", &share->from_ms));
    TRY(field_time(body, "until", &share->until_ms));
    TRY(field_bool(body, "only_confirmed", false, &share->only_confirmed));
    TRY(field_bool(body, "verdicts", false, &share->verdicts));
    TRY(field_text(body, "note", "", share->note, sizeof share->note));
    if (share->from_ms < now_ms) share->from_ms = now_ms; /* what is over is not shared */
    if (share->until_ms <= share->from_ms || share->until_ms > now_ms + most_ms) return FAIL(REASON_BAD_FIELD);
    return OK;
}

struct reply put_share(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_share share = { 0 };
    json_t *body = NULL;

    TRY_REPLY(check_partner(gate, request));
    TRY_REPLY(request_json(request, &body));
    struct result result = parse(gate, body, &share);
    json_decref(body);
    TRY_REPLY(result);
    (void)snprintf(share.owner, sizeof share.owner, "%s", request->peer->first);
    (void)snprintf(share.list, sizeof share.list, "%s", request->arguments[0]);
    (void)snprintf(share.partner, sizeof share.partner, "%s", request->arguments[1]);
    (void)snprintf(share.changed_by, sizeof share.changed_by, "%s", request->peer->name);
    TRY_REPLY(db_share_put(gate->gate_db, &share));
    return reply_empty(204);
}

struct reply delete_share(void *app, struct request *request)
{
    struct gate *gate = app;

    if (!name_is_valid(request->arguments[0]) || !name_is_valid(request->arguments[1])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(db_share_revoke(gate->gate_db, request->peer->first, request->peer->name, request->arguments[0], request->arguments[1]));
    return reply_empty(204);
}

/* -- all of them -------------------------------------------------------------------------------------------------------------- */

struct page {
    const char *agency;
    json_t *given, *received;
    int64_t now_ms;
};

static const char *state_of(const struct db_share *share, int64_t now_ms)
{
    if (share->revoked_ms != 0 && share->revoked_ms < share->until_ms) return "revoked";
    if (now_ms >= share->until_ms) return "ended";
    return now_ms < share->from_ms ? "coming" : "in-force";
}

static void append(void *context, const struct db_share *share)
{
    const struct page *page = context;
    json_t *json = json_pack("{ss ss ss ss so so sb sb sb ss so ss}", "agency", share->owner, "list", share->list, "with", share->partner, "state",
                             state_of(share, page->now_ms), "from", time_json(share->from_ms), "until", time_json(share->until_ms),
                             "only_confirmed", share->only_confirmed, "verdicts", share->verdicts, "covert", share->covert, "note", share->note,
                             "changed_at", time_json(share->changed_ms), "changed_by", share->changed_by);

    (void)json_array_append_new(strcmp(share->owner, page->agency) == 0 ? page->given : page->received, json);
}

struct reply get_shares(void *app, struct request *request)
{
    static const char *const none[] = { NULL };
    struct gate *gate = app;
    struct page page = { .agency = request->peer->first, .now_ms = clock_now_ms(gate->clock) };

    TRY_REPLY(request_query_only(request, none));
    page.given = json_array();
    page.received = json_array();
    struct result result = db_shares_each(gate->agency_db, page.agency, append, &page);
    json_t *json = json_pack("{si so so}", "days_most", (int)gate->config->share_days_max, "given", page.given, "received", page.received);
    if (failed(result)) json_decref(json);
    TRY_REPLY(result);
    return reply_json(200, json);
}
