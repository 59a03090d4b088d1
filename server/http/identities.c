#include "server/http/identities.h"

#include "server/http/clock.h"
#include "server/http/internal.h"
#include "server/http/log.h"
#include "server/http/quota.h"
#include "server/http/registry.h"
#include "server/http/rights.h"

static struct http_server *server_of(const struct request *request)
{
    return exchange_of(request)->connection->server;
}

/* -- names ------------------------------------------------------------------------------------- */

/* The name that the path's parts make; false when it can't be one. */
static bool name_of(const struct request *request, struct peer *peer)
{
    char name[3 * (LIMIT_NAME_MAX + 1)];
    const char *const *part = request->arguments;
    int size = snprintf(name, sizeof name, "%s/%s%s%s", part[0], part[1], part[2][0] != 0 ? "/" : "", part[2]);
    return size > 0 && size < (int)sizeof name && !failed(peer_parse_name(name, (size_t)size, peer));
}

struct found {
    const char *name;
    struct roll_entry entry;
    bool there;
};

static void keep_found(void *context, const struct roll_entry *entry)
{
    struct found *found = context;
    if (strcmp(entry->name, found->name) != 0) return;
    found->entry = *entry;
    found->there = true;
}

static struct result find(struct registry *registry, const char *name, struct found *found)
{
    *found = (struct found){ .name = name };
    if (!registry_each(registry, keep_found, found)) return FAIL(REASON_BUSY);
    return found->there ? OK : FAIL(REASON_NOT_FOUND);
}

/* -- as JSON ----------------------------------------------------------------------------------- */

static void add_text(json_t *object, const char *name, const char *text)
{
    if (*text != 0) (void)json_object_set_new(object, name, json_string(text));
}

/* What the parts of a name mean. */
static void add_parts(json_t *object, const struct peer *peer)
{
    switch (peer->role) {
    case ROLE_READER:
        add_text(object, "role", "reader");
        add_text(object, "site", peer->first);
        add_text(object, "lane", peer->second);
        break;
    case ROLE_AGENCY:
        add_text(object, "role", "agency");
        add_text(object, "agency", peer->first);
        add_text(object, "user", peer->second);
        break;
    case ROLE_NODE:
        add_text(object, "role", "node");
        add_text(object, "node", peer->first);
        break;
    default:
        add_text(object, "role",
                 peer->role == ROLE_OPERATOR_GATE   ? "operator/gate"
                 : peer->role == ROLE_OPERATOR_KEYS ? "operator/keys"
                                                    : "auditor");
        add_text(object, "user", peer->first);
    }
}

/* Only readers and agencies have quotas. */
static void add_use(json_t *object, struct quota_book *quota, const struct roll_entry *entry)
{
    json_t *use = quota_use_json(quota, entry->name, entry->quota);
    if (json_is_null(use))
        json_decref(use);
    else
        (void)json_object_set_new(object, "use", use);
}

static json_t *identity_json(struct quota_book *quota, const struct roll_entry *entry)
{
    struct peer peer;
    char since[TIME_TEXT_SIZE] = "";
    json_t *object = json_object();
    if (failed(peer_parse_name(entry->name, strlen(entry->name), &peer))) return object; /* the roll holds none such */
    add_text(object, "name", entry->name);
    add_parts(object, &peer);
    add_text(object, "quota", entry->quota);
    if (entry->rights != 0) (void)json_object_set_new(object, "rights", rights_json(entry->rights));
    if (entry->since_s > 0) time_format(entry->since_s * 1000, since);
    add_text(object, "since", since);
    add_text(object, "by", entry->by);
    add_use(object, quota, entry);
    return object;
}

/* -- endpoints --------------------------------------------------------------------------------- */

struct listing {
    struct quota_book *quota;
    json_t *array;
};

static void list_one(void *context, const struct roll_entry *entry)
{
    struct listing *listing = context;
    (void)json_array_append_new(listing->array, identity_json(listing->quota, entry));
}

struct reply get_identities(void *app, struct request *request)
{
    struct http_server *server = server_of(request);
    struct listing listing = { .quota = server->quota };
    (void)app;
    TRY_REPLY(request_query_only(request, (const char *const[]){ NULL }));
    listing.array = json_array();
    if (registry_each(server->registry, list_one, &listing))
        return reply_json(200, json_pack("{so}", "identities", listing.array));
    json_decref(listing.array);
    return reply_problem(REASON_BUSY);
}

struct reply get_identity(void *app, struct request *request)
{
    struct http_server *server = server_of(request);
    struct peer peer;
    struct found found;
    (void)app;
    TRY_REPLY(request_query_only(request, (const char *const[]){ NULL }));
    if (!name_of(request, &peer)) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(find(server->registry, peer.name, &found));
    return reply_json(200, identity_json(server->quota, &found.entry));
}

static bool take_quota(const struct request *request, const json_t *given, struct roll_entry *entry)
{
    const char *text = json_string_value(given);
    if (given == NULL) return true;
    if (text == NULL || strlen(text) != json_string_length(given) || !roll_quota_valid(text) ||
        !quota_fits(server_of(request)->quota, entry->role, text))
        return false;
    snprintf(entry->quota, sizeof entry->quota, "%s", text);
    return true;
}

/* {"quota": "lane", "rights": ["push", "view"]}, both optional: then ENTRY's stay as they are. */
static struct result take_body(const struct request *request, struct roll_entry *entry)
{
    json_t *body;
    TRY(request_json(request, &body));
    const json_t *quota = json_object_get(body, "quota"), *rights = json_object_get(body, "rights");
    bool good = json_object_size(body) == (size_t)(quota != NULL) + (rights != NULL) &&
                take_quota(request, quota, entry) &&
                (rights == NULL || (roll_rights_default(entry->role) != 0 && rights_take(rights, &entry->rights)));
    json_decref(body);
    return good ? OK : FAIL(REASON_BAD_FIELD);
}

static void tell_put(const struct request *request, const struct roll_entry *entry, bool fresh)
{
    char rights[RIGHTS_TEXT_SIZE];
    rights_print(entry->rights, ' ', rights);
    log_line(LOG_NOTICE, "%s %s %s, quota %s%s%s", request->peer->name,
             fresh ? "registered" : "changed the registration of", entry->name, entry->quota,
             *rights != 0 ? ", rights " : "", rights);
}

struct reply put_identity(void *app, struct request *request)
{
    struct http_server *server = server_of(request);
    struct peer peer;
    struct roll_entry entry = { .since_s = clock_now_ms(&system_clock) / 1000 };
    bool fresh;
    (void)app;
    TRY_REPLY(request_query_only(request, (const char *const[]){ NULL }));
    if (!name_of(request, &peer) || (peer.role & registry_roles(server->registry)) == 0)
        return reply_problem(REASON_NAME);
    entry.role = peer.role;
    TRY_REPLY(take_body(request, &entry));
    memcpy(entry.name, peer.name, sizeof entry.name);
    memcpy(entry.by, request->peer->name, sizeof entry.by);
    TRY_REPLY(registry_put(server->registry, &entry, &fresh));
    tell_put(request, &entry, fresh);
    return reply_json(fresh ? 201 : 200, identity_json(server->quota, &entry));
}

struct reply delete_identity(void *app, struct request *request)
{
    struct peer peer;
    (void)app;
    TRY_REPLY(request_query_only(request, (const char *const[]){ NULL }));
    if (!name_of(request, &peer)) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(registry_remove(server_of(request)->registry, peer.name, request->peer->role));
    log_line(LOG_NOTICE, "%s removed the registration of %s", request->peer->name, peer.name);
    return reply_empty(204);
}
