/* POST /v1/epochs/rotate: an epoch with a new key out of the calendar, for emergencies.  Operators of key servers only.
   Asking twice for the same time does no harm, so that a broken request can be repeated. */
#include "server/keys/keyd.h"

#define SOON_S 2 /* when no time was said */

struct wish {
    struct rotation rotation;
    char why[LIMIT_ROTATION_REASON_MAX + 1];
};

/* One line that does to a log nothing but being read: no control characters, none that turn the direction of writing. */
static bool is_plain_line(const char *text)
{
    for (const uint8_t *at = (const uint8_t *)text; *at != 0; at++) {
        if (*at < 0x20 || *at == 0x7f) return false;
        if (at[0] == 0xc2 && at[1] < 0xa0) return false;                             /* C1 */
        if (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) return false; /* separators, directions */
        if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9) return false;
    }
    return true;
}

static bool take_opens(const char *text, int64_t now_ms, int64_t *opens_s)
{
    int64_t ms;
    if (text == NULL) {
        *opens_s = (now_ms / 1000 + SOON_S) / SCHEDULE_NUMBER_S * SCHEDULE_NUMBER_S;
        return true;
    }
    if (!time_parse(text, strlen(text), &ms) || ms < 0 || ms % 1000 != 0) return false;
    *opens_s = ms / 1000;
    return true;
}

static struct result take(json_t *json, int64_t now_ms, struct wish *wish)
{
    const char *opens = NULL, *why = "";
    int keep = 0, destroy = 0, coming = 0;
    if (json_unpack_ex(json, NULL, JSON_STRICT, "{s?s s?b s?b s?b s?s}", "opens", &opens, "keep", &keep, "destroy",
                       &destroy, "coming", &coming, "reason", &why) != 0)
        return FAIL(REASON_BAD_FIELD);
    if (strlen(why) > LIMIT_ROTATION_REASON_MAX || !is_plain_line(why) || (keep != 0 && destroy != 0))
        return FAIL(REASON_BAD_FIELD);
    if (!take_opens(opens, now_ms, &wish->rotation.opens_s)) return FAIL(REASON_BAD_FIELD);
    wish->rotation.keep = keep != 0;
    wish->rotation.destroy = destroy != 0;
    wish->rotation.coming = coming != 0;
    memcpy(wish->why, why, strlen(why) + 1);
    return OK;
}

static json_t *answer(struct keyd *keyd, const struct epoch *opened)
{
    struct epoch epochs[LIMIT_EPOCHS_KNOWN];
    char now[TIME_TEXT_SIZE];
    int64_t now_ms = clock_now_ms(keyd->clock);
    size_t count = epoch_store_list(keyd->store, epochs);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(array, epoch_json(&epochs[i], now_ms));
    time_format(now_ms, now);
    return json_pack("{ss ss so}", "now", now, "rotation", opened->id, "epochs", array);
}

struct reply post_rotation(void *app, struct request *request)
{
    static const char *const no_arguments[] = { NULL };
    struct keyd *keyd = app;
    struct wish wish = { .why = "" };
    struct epoch opened;
    json_t *json = NULL;

    TRY_REPLY(request_query_only(request, no_arguments));
    TRY_REPLY(request_json(request, &json));
    struct result taken = take(json, clock_now_ms(keyd->clock), &wish);
    json_decref(json);
    TRY_REPLY(taken);
    TRY_REPLY(keeper_rotate(keyd->keeper, &wish.rotation, request->peer->name, wish.why, &opened));
    metric_add(keyd->rotations, 1);
    return reply_json(200, answer(keyd, &opened));
}
