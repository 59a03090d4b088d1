/* An agency's webhooks: PUT, GET, DELETE /v1/webhooks/{name}, GET /v1/webhooks, POST /v1/webhooks/{name}/test. */
#include <sodium.h>
#include <stdlib.h>

#include "server/gate/db/webhooks.h"
#include "server/gate/endpoints/hit_json.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/endpoints/webhook_json.h"
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/routes.h"
#include "server/gate/webhooks/seal.h"
#include "server/gate/webhooks/url.h"

static const char *const no_arguments[] = { NULL };

/* -- how it looks ----------------------------------------------------------------------------------------------------------- */

static json_t *cursor_json(uint64_t cursor)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)cursor);
    return json_string(text);
}

static json_t *test_json(const struct db_webhook *hook)
{
    if (!hook->test && hook->tested_ms == 0) return json_null();
    return json_pack("{so so}", "at", time_json(hook->test ? 0 : hook->tested_ms), "error",
                     *hook->test_error == 0 ? json_null() : json_string(hook->test_error));
}

static json_t *webhook_json(const struct db_webhook *hook)
{
    return json_pack("{ss ss so sI so ss so so so sI so so}", "webhook", hook->name, "url", hook->url, "cursor", cursor_json(hook->cursor), "lag",
                     (json_int_t)(hook->head > hook->cursor ? hook->head - hook->cursor : 0), "made_at", time_json(hook->made_ms), "made_by",
                     hook->made_by, "delivered_at", time_json(hook->delivered_ms), "failing_since", time_json(hook->failing_since_ms), "error",
                     *hook->error == 0 ? json_null() : json_string(hook->error), "failures", (json_int_t)hook->failures, "next_at",
                     time_json(hook->failures == 0 ? 0 : hook->next_ms), "test", test_json(hook));
}

char *webhook_body(const char *type, const struct db_webhook *hook, uint64_t cursor, json_t *hits, int64_t now_ms)
{
    json_t *body = json_pack("{ss so s{ss ss so so so}}", "type", type, "timestamp", time_json(now_ms), "data", "agency", hook->agency, "webhook",
                             hook->name, "after", cursor_json(hook->cursor), "cursor", cursor_json(cursor), "hits", hits);
    char *text = body == NULL ? NULL : json_dumps(body, HIT_JSON_FLAGS);

    json_decref(body);
    return text;
}

/* -- what is asked ---------------------------------------------------------------------------------------------------------- */

struct wanted {
    struct db_webhook hook;
    uint64_t after;
    bool given;
};

static struct result parse(const struct request *request, const char *allow, struct wanted *wanted)
{
    static const char *const members[] = { "url", "after", NULL };
    json_t *json;
    char after[24] = "";

    if (!name_is_valid(request->arguments[0])) return FAIL(REASON_NOT_FOUND);
    memcpy(wanted->hook.name, request->arguments[0], strlen(request->arguments[0]) + 1);
    TRY(request_json(request, &json));
    struct result result = fields_only(json, members);
    if (!failed(result)) result = field_text(json, "url", NULL, wanted->hook.url, sizeof wanted->hook.url);
    if (!failed(result)) result = field_text(json, "after", "", after, sizeof after);
    json_decref(json);
    TRY(result);
    wanted->given = *after != 0;
    if (wanted->given && failed(number_parse(after, 0, INT64_MAX, &wanted->after))) return FAIL(REASON_BAD_FIELD);
    return webhook_url_check(allow, wanted->hook.url);
}

/* The secret is told in this answer and in no other. */
struct reply put_webhook(void *app, struct request *request)
{
    struct gate *gate = app;
    struct wanted wanted = { 0 };
    uint8_t secret[WEBHOOK_SECRET_BYTES];
    char text[WEBHOOK_SECRET_TEXT];
    bool made = false;

    TRY_REPLY(parse(request, gate->config->webhooks_allow, &wanted));
    randombytes_buf(secret, sizeof secret);
    webhook_secret_seal(gate_state_mac_key(gate->state), request->peer->first, wanted.hook.name, wanted.hook.url, secret, wanted.hook.secret);
    webhook_secret_print(secret, text);
    sodium_memzero(secret, sizeof secret);
    struct result result = db_webhook_put(gate->agency_db, request->peer->first, request->peer->name, wanted.given ? &wanted.after : NULL,
                                          &wanted.hook, &made);
    json_t *json = failed(result) ? NULL : webhook_json(&wanted.hook);
    if (json != NULL) (void)json_object_set_new(json, "secret", json_string(text));
    sodium_memzero(text, sizeof text);
    TRY_REPLY(result);
    struct reply reply = reply_json(made ? 201 : 200, json);
    reply.secret = true;
    return reply;
}

static void append(void *context, const struct db_webhook *hook)
{
    (void)json_array_append_new(context, webhook_json(hook));
}

struct reply get_webhooks(void *app, struct request *request)
{
    struct gate *gate = app;

    TRY_REPLY(request_query_only(request, no_arguments));
    json_t *hooks = json_array();
    struct result result = db_webhook_each(gate->agency_db, request->peer->first, NULL, append, hooks);
    if (failed(result)) json_decref(hooks);
    TRY_REPLY(result);
    return reply_json(200, json_pack("{so}", "webhooks", hooks));
}

static void take_one(void *context, const struct db_webhook *hook)
{
    *(struct db_webhook *)context = *hook;
}

struct reply get_webhook(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_webhook hook = { 0 };

    TRY_REPLY(request_query_only(request, no_arguments));
    TRY_REPLY(db_webhook_each(gate->agency_db, request->peer->first, request->arguments[0], take_one, &hook));
    return reply_json(200, webhook_json(&hook));
}

struct reply delete_webhook(void *app, struct request *request)
{
    struct gate *gate = app;

    TRY_REPLY(request_query_only(request, no_arguments));
    TRY_REPLY(db_webhook_drop(gate->agency_db, request->peer->first, request->arguments[0]));
    return reply_empty(204);
}

/* Whichever gate delivers does it; GET says how it went. */
struct reply post_webhook_test(void *app, struct request *request)
{
    struct gate *gate = app;
    struct db_webhook hook = { 0 };

    TRY_REPLY(request_query_only(request, no_arguments));
    TRY_REPLY(db_webhook_test(gate->agency_db, request->peer->first, request->arguments[0]));
    webhooks_hint(gate->webhooks);
    TRY_REPLY(db_webhook_each(gate->agency_db, request->peer->first, request->arguments[0], take_one, &hook));
    return reply_json(202, webhook_json(&hook));
}
