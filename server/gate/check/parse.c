/* The edge of a check: JSON (yajl) into struct check_batch, strictly.  Every byte that comes from it, yajl's own memory included, lies in
   one arena of locked memory of the calling thread (batch.c). */
#include "server/gate/check/batch.h"

#include <yajl/yajl_parse.h>

#define ESCAPED_STRING_MAX 1024 /* bytes of a string, where there are escapes; nothing valid comes near */

enum place { AT_START, IN_TOP, IN_EPOCHS, IN_EPOCH, IN_READS, IN_READ, IN_CANDIDATES, IN_CANDIDATE, IN_SETS, IN_SET, IN_NEAR, AT_END, PLACES };

enum member {
    MEMBER_NONE, MEMBER_POLICY, MEMBER_EPOCHS, MEMBER_READS, MEMBER_ID, MEMBER_KEY_ID, MEMBER_READ_ID, MEMBER_SEEN_AT, MEMBER_CANDIDATES,
    MEMBER_AGAIN, MEMBER_CONFIDENCE, MEMBER_TOKENS, MEMBER_FULL, MEMBER_PLATE, MEMBER_SIMILAR, MEMBER_NEAR,
};

struct parser {
    struct check_batch *batch;
    int64_t now_ms;
    enum place place;
    enum member member;     /* whose value comes next */
    uint32_t seen[PLACES];  /* bit per member, of the object that is open there */
    enum reason reason;     /* why a callback stopped */
    yajl_handle yajl;
    size_t end;             /* where the body's value ended */
};

/* -- yajl's memory ---------------------------------------------------------------------------------------------------------- */

/* yajl does not look whether it got memory; the arena is large enough for all it asks for (see strings_short). */
static void *yajl_allocate(void *arena, size_t size)
{
    size_t *block = platesieve_arena_allocate(arena, size + 16);

    if (block == NULL) abort();
    *block = size;
    return (uint8_t *)block + 16;
}

static void *yajl_reallocate(void *arena, void *old, size_t size)
{
    size_t had = old == NULL ? 0 : *(size_t *)(void *)((uint8_t *)old - 16);
    void *block;

    if (size <= had) return old;
    block = yajl_allocate(arena, size);
    if (had > 0) memcpy(block, old, had);
    return block;
}

static void yajl_release(void *arena, void *block)
{
    (void)arena;
    (void)block; /* goes with the arena */
}

/* -- members ----------------------------------------------------------------------------------------------------------------- */

static int stop(struct parser *parser, enum reason reason)
{
    parser->reason = reason;
    return 0;
}

static int need(struct parser *parser, bool good)
{
    return good ? 1 : stop(parser, REASON_BAD_FIELD);
}

#define IS(name) (memcmp(key, name, sizeof(name) - 1) == 0)

/* The member called KEY of the object that is open at PLACE, or MEMBER_NONE. */
static enum member member_named(enum place place, const char *key, size_t size)
{
    switch ((unsigned)place << 8 | (unsigned)(size < 255 ? size : 255)) {
    case IN_TOP << 8 | 6: return IS("policy") ? MEMBER_POLICY : IS("epochs") ? MEMBER_EPOCHS : MEMBER_NONE;
    case IN_TOP << 8 | 5: return IS("reads") ? MEMBER_READS : MEMBER_NONE;
    case IN_EPOCH << 8 | 2: return IS("id") ? MEMBER_ID : MEMBER_NONE;
    case IN_EPOCH << 8 | 6: return IS("key_id") ? MEMBER_KEY_ID : MEMBER_NONE;
    case IN_READ << 8 | 7: return IS("read_id") ? MEMBER_READ_ID : IS("seen_at") ? MEMBER_SEEN_AT : MEMBER_NONE;
    case IN_READ << 8 | 5: return IS("again") ? MEMBER_AGAIN : MEMBER_NONE;
    case IN_READ << 8 | 10: return IS("candidates") ? MEMBER_CANDIDATES : MEMBER_NONE;
    case IN_CANDIDATE << 8 | 10: return IS("confidence") ? MEMBER_CONFIDENCE : MEMBER_NONE;
    case IN_CANDIDATE << 8 | 6: return IS("tokens") ? MEMBER_TOKENS : MEMBER_NONE;
    case IN_SET << 8 | 4: return IS("full") ? MEMBER_FULL : IS("near") ? MEMBER_NEAR : MEMBER_NONE;
    case IN_SET << 8 | 5: return IS("plate") ? MEMBER_PLATE : MEMBER_NONE;
    case IN_SET << 8 | 7: return IS("similar") ? MEMBER_SIMILAR : MEMBER_NONE;
    default: return MEMBER_NONE;
    }
}

static int on_key(void *context, const unsigned char *key, size_t size)
{
    struct parser *parser = context;
    enum member member = member_named(parser->place, (const char *)key, size);

    if (member == MEMBER_NONE) return stop(parser, REASON_BAD_FIELD);
    if (parser->seen[parser->place] & 1u << member) return stop(parser, REASON_BAD_JSON);
    parser->seen[parser->place] |= 1u << member;
    parser->member = member;
    return 1;
}

static bool has(const struct parser *parser, enum place place, enum member member)
{
    return parser->seen[place] & 1u << member;
}

/* -- values ------------------------------------------------------------------------------------------------------------------ */

static struct check_read *last_read(struct check_batch *batch)
{
    return &batch->reads[batch->read_count - 1];
}

static struct check_candidate *last_candidate(struct check_batch *batch)
{
    return &batch->candidates[batch->candidate_count - 1];
}

static struct check_set *last_set(struct check_batch *batch)
{
    return &batch->sets[batch->set_count - 1];
}

static bool is_policy(const char *text, size_t size)
{
    if (size != LIMIT_POLICY_TEXT) return false;
    for (size_t i = 0; i < size; i++)
        if ((text[i] < '0' || text[i] > '9') && (text[i] < 'a' || text[i] > 'f')) return false;
    return true;
}

static bool take_epoch_id(struct check_epoch *epoch, const char *text, size_t size)
{
    if (size < 1 || size > LIMIT_EPOCH_ID_MAX || memchr(text, 0, size) != NULL) return false;
    memcpy(epoch->id, text, size); /* the rest is zero */
    return true;
}

static int take_seen_at(struct parser *parser, const char *text, size_t size)
{
    int64_t seen_ms;

    if (!time_parse(text, size, &seen_ms)) return stop(parser, REASON_BAD_FIELD);
    if (seen_ms < parser->now_ms - LIMIT_SEEN_AGE_S * INT64_C(1000)) return stop(parser, REASON_TIME);
    if (seen_ms > parser->now_ms + LIMIT_SEEN_AHEAD_S * INT64_C(1000)) return stop(parser, REASON_TIME);
    last_read(parser->batch)->seen_ms = seen_ms;
    return 1;
}

static bool take_read_id(struct check_read *read, const char *text, size_t size)
{
    if (!check_decode16(text, size, read->id)) return false;
    memcpy(read->id_text, text, sizeof(read->id_text));
    return true;
}

static bool take_token(struct check_batch *batch, enum platesieve_grade grade, const char *text, size_t size)
{
    struct check_set *set = last_set(batch);

    if (batch->token_count == batch->token_room) return false; /* can't be: the room is for all that a body can hold */
    if (!check_decode16(text, size, batch->tokens[batch->token_count].bytes)) return false;
    if (grade != PLATESIEVE_NEAR) set->token[grade] = (uint16_t)batch->token_count;
    else if (set->near_count++ == PLATESIEVE_NEAR_MAX) return false;
    set->present |= (uint8_t)(1u << grade);
    batch->token_count++;
    return true;
}

static int on_string(void *context, const unsigned char *bytes, size_t size)
{
    struct parser *parser = context;
    struct check_batch *batch = parser->batch;
    const char *text = (const char *)bytes;
    enum member member = parser->member;

    parser->member = MEMBER_NONE;
    if (parser->place == IN_NEAR) return need(parser, take_token(batch, PLATESIEVE_NEAR, text, size));
    switch (member) {
    case MEMBER_POLICY: return need(parser, is_policy(text, size));
    case MEMBER_ID: return need(parser, take_epoch_id(&batch->epochs[batch->epoch_count - 1], text, size));
    case MEMBER_KEY_ID: return need(parser, check_decode16(text, size, batch->epochs[batch->epoch_count - 1].key_id));
    case MEMBER_READ_ID: return need(parser, take_read_id(last_read(batch), text, size));
    case MEMBER_SEEN_AT: return take_seen_at(parser, text, size);
    case MEMBER_FULL: return need(parser, take_token(batch, PLATESIEVE_FULL, text, size));
    case MEMBER_PLATE: return need(parser, take_token(batch, PLATESIEVE_PLATE, text, size));
    case MEMBER_SIMILAR: return need(parser, take_token(batch, PLATESIEVE_SIMILAR, text, size));
    default: return stop(parser, REASON_BAD_FIELD);
    }
}

static int on_number(void *context, const char *text, size_t size)
{
    struct parser *parser = context;
    enum member member = parser->member;

    parser->member = MEMBER_NONE;
    if (member != MEMBER_CONFIDENCE) return stop(parser, REASON_BAD_FIELD);
    return need(parser, check_decode_share(text, size, &last_candidate(parser->batch)->confidence));
}

static int on_null(void *context)
{
    return stop(context, REASON_BAD_FIELD);
}

static int on_boolean(void *context, int value)
{
    struct parser *parser = context;
    enum member member = parser->member;

    parser->member = MEMBER_NONE;
    if (member != MEMBER_AGAIN) return stop(parser, REASON_BAD_FIELD);
    last_read(parser->batch)->again = value != 0;
    return 1;
}

/* -- objects and arrays ------------------------------------------------------------------------------------------------------ */

static int enter(struct parser *parser, enum place place)
{
    parser->place = place;
    parser->seen[place] = 0;
    return 1;
}

static int on_start_array(void *context)
{
    struct parser *parser = context;
    enum member member = parser->member;

    parser->member = MEMBER_NONE;
    switch (member) {
    case MEMBER_EPOCHS: return enter(parser, IN_EPOCHS);
    case MEMBER_READS: return enter(parser, IN_READS);
    case MEMBER_CANDIDATES: return enter(parser, IN_CANDIDATES);
    case MEMBER_TOKENS: return enter(parser, IN_SETS);
    case MEMBER_NEAR:
        last_set(parser->batch)->token[PLATESIEVE_NEAR] = (uint16_t)parser->batch->token_count;
        last_set(parser->batch)->present |= 1u << PLATESIEVE_NEAR; /* empty is present too */
        return enter(parser, IN_NEAR);
    default: return stop(parser, REASON_BAD_FIELD);
    }
}

static int leave(struct parser *parser, bool good, enum place place)
{
    parser->place = place;
    return need(parser, good);
}

static int on_end_array(void *context)
{
    struct parser *parser = context;
    struct check_batch *batch = parser->batch;

    switch (parser->place) {
    case IN_EPOCHS: return leave(parser, true, IN_TOP); /* none: what a lane sends while none is open; check_run() has the answer */
    case IN_READS: return leave(parser, batch->read_count > 0, IN_TOP);
    case IN_CANDIDATES: return leave(parser, last_read(batch)->candidate_count > 0, IN_READ);
    case IN_SETS: return leave(parser, true, IN_CANDIDATE); /* as many as epochs: seen to at the end */
    case IN_NEAR: return leave(parser, true, IN_SET);
    default: return stop(parser, REASON_BAD_FIELD); /* can't be */
    }
}

static bool add_read(struct check_batch *batch)
{
    if (batch->read_count == batch->read_room) return false;
    batch->reads[batch->read_count++].candidates = (uint16_t)batch->candidate_count;
    return true;
}

static bool add_candidate(struct check_batch *batch)
{
    if (batch->candidate_count == batch->candidate_room || last_read(batch)->candidate_count++ == LIMIT_CHECK_CANDIDATES) return false;
    batch->candidates[batch->candidate_count++].sets = (uint16_t)batch->set_count;
    return true;
}

static bool add_set(struct check_batch *batch)
{
    if (batch->set_count == batch->set_room || last_candidate(batch)->set_count++ == LIMIT_EPOCHS_OPEN) return false;
    batch->set_count++;
    return true;
}

static int on_start_map(void *context)
{
    struct parser *parser = context;
    struct check_batch *batch = parser->batch;

    switch (parser->place) {
    case AT_START: return enter(parser, IN_TOP);
    case IN_EPOCHS: return need(parser, batch->epoch_count++ < LIMIT_EPOCHS_OPEN) && enter(parser, IN_EPOCH);
    case IN_READS: return need(parser, add_read(batch)) && enter(parser, IN_READ);
    case IN_CANDIDATES: return need(parser, add_candidate(batch)) && enter(parser, IN_CANDIDATE);
    case IN_SETS: return need(parser, add_set(batch)) && enter(parser, IN_SET);
    default: return stop(parser, REASON_BAD_FIELD);
    }
}

static bool last_epoch_is_new(const struct check_batch *batch)
{
    for (size_t i = 0; i + 1 < batch->epoch_count; i++)
        if (strcmp(batch->epochs[i].id, batch->epochs[batch->epoch_count - 1].id) == 0) return false;
    return true;
}

static int on_end_map(void *context)
{
    struct parser *parser = context;

    switch (parser->place) {
    case IN_TOP:
        parser->end = yajl_get_bytes_consumed(parser->yajl);
        return leave(parser, has(parser, IN_TOP, MEMBER_POLICY) && has(parser, IN_TOP, MEMBER_EPOCHS) && has(parser, IN_TOP, MEMBER_READS), AT_END);
    case IN_EPOCH:
        return leave(parser, has(parser, IN_EPOCH, MEMBER_ID) && has(parser, IN_EPOCH, MEMBER_KEY_ID) && last_epoch_is_new(parser->batch), IN_EPOCHS);
    case IN_READ:
        return leave(parser,
                     has(parser, IN_READ, MEMBER_READ_ID) && has(parser, IN_READ, MEMBER_SEEN_AT) && has(parser, IN_READ, MEMBER_CANDIDATES),
                     IN_READS);
    case IN_CANDIDATE:
        return leave(parser, has(parser, IN_CANDIDATE, MEMBER_CONFIDENCE) && has(parser, IN_CANDIDATE, MEMBER_TOKENS), IN_CANDIDATES);
    case IN_SET: return leave(parser, true, IN_SETS);
    default: return stop(parser, REASON_BAD_FIELD); /* can't be */
    }
}

/* -- the whole --------------------------------------------------------------------------------------------------------------- */

/* yajl copies a string with escapes into a buffer of its own.  Nothing valid is long, so a body that has escapes may not have long strings;
   most bodies have none, and are not looked at. */
static bool strings_short(const char *body, size_t size)
{
    size_t length = 0;
    bool inside = false;

    if (memchr(body, '\\', size) == NULL) return true;
    for (size_t i = 0; i < size; i++) {
        if (body[i] == '"') {
            inside = !inside;
            length = 0;
        } else if (inside && body[i] == '\\') {
            i++;
            length += 2;
        } else {
            length++;
        }
        if (inside && length > ESCAPED_STRING_MAX) return false;
    }
    return true;
}

/* yajl takes these two for white space; JSON has them nowhere. */
static bool has_odd_space(const char *body, size_t size)
{
    return memchr(body, '\v', size) != NULL || memchr(body, '\f', size) != NULL;
}

/* yajl refuses what trails, but not a string that has no end. */
static bool only_space(const char *body, size_t from, size_t size)
{
    for (; from < size; from++)
        if (body[from] != ' ' && body[from] != '\t' && body[from] != '\r' && body[from] != '\n') return false;
    return true;
}

static bool parse(struct parser *parser, const char *body, size_t size)
{
    static const yajl_callbacks callbacks = {
        .yajl_null = on_null,           .yajl_boolean = on_boolean, .yajl_number = on_number,           .yajl_string = on_string,
        .yajl_start_map = on_start_map, .yajl_map_key = on_key,     .yajl_end_map = on_end_map,         .yajl_start_array = on_start_array,
        .yajl_end_array = on_end_array,
    };
    yajl_alloc_funcs memory = { yajl_allocate, yajl_reallocate, yajl_release, parser->batch->arena };

    parser->yajl = yajl_alloc(&callbacks, &memory, parser);
    if (yajl_parse(parser->yajl, (const unsigned char *)body, size) != yajl_status_ok) return false;
    return yajl_complete_parse(parser->yajl) == yajl_status_ok && parser->place == AT_END && only_space(body, parser->end, size);
}

static bool sets_match_epochs(const struct check_batch *batch)
{
    for (size_t i = 0; i < batch->candidate_count; i++)
        if (batch->candidates[i].set_count != batch->epoch_count) return false;
    return true;
}

struct result check_batch_parse(const char *body, size_t size, int64_t now_ms, struct check_batch **batch)
{
    struct parser parser = { .now_ms = now_ms };

    *batch = NULL;
    if (size > LIMIT_CHECK_BODY_BYTES) return FAIL(REASON_BODY_TOO_LARGE);
    if (size == 0 || has_odd_space(body, size) || !strings_short(body, size)) return FAIL(REASON_BAD_JSON);
    TRY(check_batch_allocate(size, batch));
    parser.batch = *batch;
    if (!parse(&parser, body, size)) {
        if (parser.reason == REASON_NONE) parser.reason = REASON_BAD_JSON;
    } else if (!sets_match_epochs(parser.batch)) {
        parser.reason = REASON_BAD_FIELD;
    }
    if (parser.reason == REASON_NONE) return OK;
    check_batch_wipe(batch);
    return FAIL(parser.reason);
}
