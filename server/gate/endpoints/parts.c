/* PUT /v1/lists/{list}/revisions/{revision}/parts/{n}: a part of a revision.  The tokens become slots here and are gone with the request;
   the database gets slots only.  Agencies, their own lists only. */
#include <sodium.h>
#include <urcu-bp.h>

#include "server/gate/endpoints/refused.h"
#include "server/gate/fields.h"
#include "server/gate/gate.h"
#include "server/gate/lists/part_parse.h"
#include "server/gate/routes.h"

/* One "<epoch id>=<key id>" of the header. */
struct named_epoch {
    char id[LIMIT_EPOCH_ID_MAX + 1];
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
};

static bool named_epoch_parse(const char *text, size_t size, struct named_epoch *epoch)
{
    const char *equals = memchr(text, '=', size);
    size_t id_size = equals == NULL ? 0 : (size_t)(equals - text), length = 0;

    if (id_size == 0 || id_size > LIMIT_EPOCH_ID_MAX || size - id_size - 1 != PLATESIEVE_TOKEN_TEXT) return false;
    memcpy(epoch->id, text, id_size);
    epoch->id[id_size] = '\0';
    return sodium_base642bin(epoch->key_id, sizeof epoch->key_id, equals + 1, PLATESIEVE_TOKEN_TEXT, NULL, &length, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 && length == sizeof epoch->key_id;
}

/* "a=…, b=…"; an absent header names none. */
static struct result named_epochs_parse(const char *header, struct named_epoch epochs[LIMIT_ENTRY_EPOCHS], size_t *count)
{
    *count = 0;
    while (header != NULL && *header != '\0') {
        size_t skip = strspn(header, " "), size = strcspn(header + skip, ", ");
        if (*count == LIMIT_ENTRY_EPOCHS || !named_epoch_parse(header + skip, size, &epochs[*count])) return FAIL(REASON_KEY_ID);
        for (size_t i = 0; i < *count; i++)
            if (strcmp(epochs[i].id, epochs[*count].id) == 0) return FAIL(REASON_KEY_ID);
        ++*count;
        header += skip + size;
        header += strspn(header, " ");
        if (*header == ',') header++;
    }
    return OK;
}

/* The epochs that the pusher named, as this gate knows them: coming or open, and under the same key. */
static struct result find_epochs(const struct catalogue *catalogue, const struct named_epoch *named, size_t count, int64_t now_ms,
                                 struct part_epoch *epochs)
{
    for (size_t i = 0; i < count; i++) {
        const struct catalogue_epoch *found = NULL;
        for (size_t j = 0; j < catalogue->epoch_count && found == NULL; j++)
            if (strcmp(catalogue->epochs[j].id, named[i].id) == 0) found = &catalogue->epochs[j];
        if (found == NULL || found->pepper == NULL || now_ms >= found->closes_ms) return FAIL(REASON_KEY_ID);
        if (memcmp(found->key_id, named[i].key_id, sizeof found->key_id) != 0) return FAIL(REASON_KEY_ID);
        (void)snprintf(epochs[i].id, sizeof epochs[i].id, "%s", found->id);
        epochs[i].number = found->number;
        epochs[i].pepper = found->pepper;
    }
    return OK;
}

/* Parses under one catalogue: its peppers stay until the read-side critical section ends. */
static struct result parse(struct gate *gate, const struct request *request, const struct named_epoch *named, size_t count, struct part *part,
                           uint32_t *line)
{
    struct part_epoch epochs[LIMIT_ENTRY_EPOCHS];

    rcu_read_lock();
    const struct catalogue *catalogue = follow_catalogue(gate->follow);
    struct result result = catalogue == NULL ? FAIL(REASON_STARTING)
                                             : find_epochs(catalogue, named, count, clock_now_ms(gate->clock), epochs);
    if (!failed(result))
        result = part_parse(request->body, request->body_size, request->peer->first, request->arguments[0], epochs, count, part, line);
    rcu_read_unlock();
    return result;
}

/* A problem that says which line; the line itself stays unsaid. */
static struct reply line_problem(enum reason reason, uint32_t line)
{
    const struct reason_row *row = reason_row(reason);
    char *text = NULL;
    int size = asprintf(&text,
                        "{\"type\":\"https://platesieve.example/problems/%s\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\",\"line\":%u}",
                        row->name, row->title, row->status, row->advice, line);

    if (size < 0) return reply_problem(reason);
    return reply_text(row->status, "application/problem+json", text, (size_t)size);
}

static struct reply part_reply(const struct part *part)
{
    char hex[65];

    (void)sodium_bin2hex(hex, sizeof hex, part->sha256, sizeof part->sha256);
    return reply_json(200, json_pack("{sI sI ss}", "part", (json_int_t)part->number, "lines", (json_int_t)part->entry_count, "sha256", hex));
}

/* Charges the tokens, which are slots by now, and stores the part; a part that is not stored costs nothing. */
static struct result charge_and_store(struct gate *gate, const struct request *request, uint32_t revision, const struct part *part,
                                      struct quota_refusal *over)
{
    struct quota_cost cost = { .amount[QUOTA_TOKENS] = part->slot_count };

    TRY(quota_charge(gate->quota, request, &cost, over));
    struct result result = db_part_put(gate->agency_db, request->peer->first, request->arguments[0], revision, part);
    if (failed(result)) quota_give_back(gate->quota, request, &cost);
    return result;
}

struct reply put_part(void *app, struct request *request)
{
    struct gate *gate = app;
    struct part part CLEANUP(part_free) = { 0 };
    struct named_epoch named[LIMIT_ENTRY_EPOCHS];
    size_t count = 0;
    uint32_t revision = 0, line = 0;
    struct quota_refusal over;

    if (!name_is_valid(request->arguments[0])) return reply_problem(REASON_NOT_FOUND);
    TRY_REPLY(path_number(request->arguments[1], 1, UINT32_MAX, &revision));
    TRY_REPLY(path_number(request->arguments[2], 1, LIMIT_PARTS, &part.number));
    TRY_REPLY(named_epochs_parse(request_header(request, "Platesieve-Key-Ids"), named, &count));
    TRY_QUOTA(quota_look(gate->quota, request, &over), over);
    struct result result = parse(gate, request, named, count, &part, &line);
    if (failed(result) && line != 0) return line_problem(result.reason, line);
    TRY_REPLY(result);
    result = charge_and_store(gate, request, revision, &part, &over);
    if (over.reason != REASON_NONE) return quota_problem(&over);
    if (result.reason == REASON_CAP) commit_note_refused(gate, request, DB_REFUSED_CAP, 0, 0);
    TRY_REPLY(result);
    return part_reply(&part);
}
