#include "server/gate/lists/part_parse.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <yajl/yajl_parse.h>

#include "server/gate/index/entries.h"
#include "server/http/clock.h"

#define ARENA_BYTES (256 * 1024) /* what yajl needs for one line, and some */
#define TAGGED_BYTES (PLATESIEVE_TOKEN_BYTES + PLATESIEVE_TAG_BYTES)

enum place { /* where in a line the parser stands */
    AT_START,
    IN_LINE,
    IN_TOKENS,
    IN_EPOCH,
    IN_GRADE,
    AT_END,
};

enum member {
    MEMBER_NONE,
    MEMBER_OP,
    MEMBER_REFERENCE,
    MEMBER_EFFECTIVE,
    MEMBER_EXPIRES,
    MEMBER_TOKENS,
};

struct parse {
    const char *agency, *list;
    const struct part_epoch *epochs;
    size_t epoch_count;
    struct part *part;
    size_t entry_room, slot_room;
    /* the line */
    enum place place;
    enum member member;
    unsigned seen;                       /* members of this line, bit per enum member */
    unsigned grades_seen;                /* of this epoch */
    uint8_t epoch, grade;
    uint32_t tokens;                     /* in this array */
    struct part_entry entry;
    yajl_handle yajl;
    size_t end;                          /* of the line's object, in the line */
    enum reason reason;
};

static int refuse(struct parse *parse, enum reason reason)
{
    if (parse->reason == REASON_NONE) parse->reason = reason;
    return 0; /* yajl stops */
}

static bool is_text(const unsigned char *text, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(text, word, size) == 0;
}

/* -- values ---------------------------------------------------------------------------------------------------------- */

static int take_op(struct parse *parse, const unsigned char *text, size_t size)
{
    if (is_text(text, size, "add")) parse->entry.op = PART_ADD;
    else if (is_text(text, size, "remove")) parse->entry.op = PART_REMOVE;
    else if (is_text(text, size, "tokens")) parse->entry.op = PART_TOKENS;
    else return refuse(parse, REASON_LINE);
    return 1;
}

/* 1 to 64 visible ASCII characters: opaque to the gate, whole to the agency. */
static int take_reference(struct parse *parse, const unsigned char *text, size_t size)
{
    if (size == 0 || size > LIMIT_REFERENCE_MAX) return refuse(parse, REASON_LINE);
    for (size_t i = 0; i < size; i++)
        if (text[i] < 0x20 || text[i] == 0x7f) return refuse(parse, REASON_LINE);
    memcpy(parse->entry.reference, text, size);
    parse->entry.reference[size] = '\0';
    parse->entry.key = entry_key(parse->agency, parse->list, parse->entry.reference);
    return 1;
}

/* Whole seconds: an entry begins with the second that its time lies in, and ends with the one after. */
static int take_time(struct parse *parse, const unsigned char *text, size_t size, bool up, uint32_t *seconds)
{
    int64_t ms;

    if (!time_parse((const char *)text, size, &ms)) return refuse(parse, REASON_LINE);
    *seconds = (uint32_t)(ms / 1000 + (up && ms % 1000 != 0));
    return 1;
}

static int take_token(struct parse *parse, const unsigned char *text, size_t size)
{
    struct part *part = parse->part;
    uint8_t bytes[TAGGED_BYTES];
    size_t length = 0;

    if (size != PLATESIEVE_TAGGED_TEXT || ++parse->tokens > LIMIT_ENTRY_TOKENS) return refuse(parse, REASON_LINE);
    if (sodium_base642bin(bytes, sizeof bytes, (const char *)text, size, NULL, &length, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        length != sizeof bytes)
        return refuse(parse, REASON_LINE);
    if (part->slot_count == parse->slot_room) {
        size_t room = parse->slot_room == 0 ? 4096 : 2 * parse->slot_room;
        struct part_slot *slots = realloc(part->slots, room * sizeof *slots);
        if (slots == NULL) return refuse(parse, REASON_BUSY);
        part->slots = slots;
        parse->slot_room = room;
    }
    struct part_slot *slot = &part->slots[part->slot_count++];
    *slot = (struct part_slot){ .entry = (uint32_t)part->entry_count, .epoch = parse->epoch, .grade = parse->grade };
    platesieve_slot(parse->epochs[parse->epoch].pepper, bytes, slot->slot);
    memcpy(slot->tag, bytes + PLATESIEVE_TOKEN_BYTES, PLATESIEVE_TAG_BYTES);
    sodium_memzero(bytes, sizeof bytes);
    parse->entry.epochs |= 1u << parse->epoch;
    return 1;
}

static int on_string(void *context, const unsigned char *text, size_t size)
{
    struct parse *parse = context;

    if (parse->place == IN_GRADE) return take_token(parse, text, size);
    if (parse->place != IN_LINE) return refuse(parse, REASON_LINE);
    switch (parse->member) {
    case MEMBER_OP: return take_op(parse, text, size);
    case MEMBER_REFERENCE: return take_reference(parse, text, size);
    case MEMBER_EFFECTIVE: return take_time(parse, text, size, false, &parse->entry.effective);
    case MEMBER_EXPIRES: return take_time(parse, text, size, true, &parse->entry.expires);
    case MEMBER_TOKENS:
    case MEMBER_NONE: break;
    }
    return refuse(parse, REASON_LINE);
}

/* -- structure ------------------------------------------------------------------------------------------------------- */

static int line_key(struct parse *parse, const unsigned char *text, size_t size)
{
    static const char *const names[] = { [MEMBER_OP] = "op",
                                         [MEMBER_REFERENCE] = "reference",
                                         [MEMBER_EFFECTIVE] = "effective",
                                         [MEMBER_EXPIRES] = "expires",
                                         [MEMBER_TOKENS] = "tokens" };

    for (unsigned member = MEMBER_OP; member <= MEMBER_TOKENS; member++) {
        if (!is_text(text, size, names[member])) continue;
        if ((parse->seen & 1u << member) != 0) return refuse(parse, REASON_LINE);
        parse->seen |= 1u << member;
        parse->member = (enum member)member;
        return 1;
    }
    return refuse(parse, REASON_LINE);
}

static int epoch_key(struct parse *parse, const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < parse->epoch_count; i++) {
        if (!is_text(text, size, parse->epochs[i].id)) continue;
        if ((parse->entry.epochs & 1u << (16 + i)) != 0) return refuse(parse, REASON_LINE); /* named twice */
        parse->entry.epochs |= 1u << (16 + i);
        parse->epoch = (uint8_t)i;
        parse->grades_seen = 0;
        return 1;
    }
    return refuse(parse, REASON_KEY_ID);
}

static int grade_key(struct parse *parse, const unsigned char *text, size_t size)
{
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) {
        if (!is_text(text, size, platesieve_grade_name((enum platesieve_grade)grade))) continue;
        if ((parse->grades_seen & 1u << grade) != 0) return refuse(parse, REASON_LINE);
        parse->grades_seen |= 1u << grade;
        parse->grade = (uint8_t)grade;
        return 1;
    }
    return refuse(parse, REASON_LINE);
}

static int on_key(void *context, const unsigned char *text, size_t size)
{
    struct parse *parse = context;

    switch (parse->place) {
    case IN_LINE: return line_key(parse, text, size);
    case IN_TOKENS: return epoch_key(parse, text, size);
    case IN_EPOCH: return grade_key(parse, text, size);
    case AT_START:
    case IN_GRADE:
    case AT_END: break;
    }
    return refuse(parse, REASON_LINE);
}

static int on_start_map(void *context)
{
    struct parse *parse = context;

    if (parse->place == AT_START) parse->place = IN_LINE;
    else if (parse->place == IN_LINE && parse->member == MEMBER_TOKENS) parse->place = IN_TOKENS;
    else if (parse->place == IN_TOKENS) parse->place = IN_EPOCH;
    else return refuse(parse, REASON_LINE);
    return 1;
}

static int on_end_map(void *context)
{
    struct parse *parse = context;

    parse->place = parse->place == IN_EPOCH ? IN_TOKENS : parse->place == IN_TOKENS ? IN_LINE : AT_END;
    if (parse->place == AT_END) parse->end = yajl_get_bytes_consumed(parse->yajl);
    return 1;
}

static int on_start_array(void *context)
{
    struct parse *parse = context;

    if (parse->place != IN_EPOCH) return refuse(parse, REASON_LINE);
    parse->place = IN_GRADE;
    parse->tokens = 0;
    return 1;
}

static int on_end_array(void *context)
{
    struct parse *parse = context;

    parse->place = IN_EPOCH;
    return 1;
}

static int on_other(void *context)
{
    return refuse(context, REASON_LINE);
}

static int on_boolean(void *context, int value)
{
    (void)value;
    return refuse(context, REASON_LINE);
}

static int on_number(void *context, const char *text, size_t size)
{
    (void)text;
    (void)size;
    return refuse(context, REASON_LINE);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_other,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

/* -- yajl's memory: locked, and wiped after each line ------------------------------------------------------------------- */

struct block {
    size_t size;
    unsigned char bytes[];
};

static void *arena_malloc(void *arena, size_t size)
{
    struct block *block = platesieve_arena_allocate(arena, sizeof *block + size);
    if (block == NULL) return NULL;
    block->size = size;
    return block->bytes;
}

static void arena_free(void *arena, void *memory)
{
    (void)arena; /* all at once, at the line's end */
    (void)memory;
}

static void *arena_realloc(void *arena, void *memory, size_t size)
{
    struct block *old = memory == NULL ? NULL : (struct block *)((char *)memory - offsetof(struct block, bytes));
    void *bytes = arena_malloc(arena, size);
    if (bytes != NULL && old != NULL) memcpy(bytes, memory, old->size < size ? old->size : size);
    return bytes;
}

/* -- a line, a part -------------------------------------------------------------------------------------------------------- */

static bool line_is_whole(const struct parse *parse)
{
    const unsigned given = 1u << MEMBER_OP | 1u << MEMBER_REFERENCE;
    const unsigned tokens = 1u << MEMBER_TOKENS;

    if (parse->place != AT_END) return false;
    switch (parse->entry.op) {
    case PART_ADD: return (parse->seen & (given | tokens)) == (given | tokens) && parse->entry.effective < parse->entry.expires;
    case PART_TOKENS: return parse->seen == (given | tokens);
    case PART_REMOVE: return parse->seen == given;
    }
    return false;
}

/* yajl takes a string that never ends behind the object, and two characters as white space that JSON has nowhere. */
static bool is_strict(const char *text, size_t size, size_t end)
{
    for (; end < size; end++)
        if (text[end] != ' ' && text[end] != '\t') return false;
    return memchr(text, '\v', size) == NULL && memchr(text, '\f', size) == NULL;
}

static struct result parse_line(struct parse *parse, struct platesieve_arena *arena, const char *text, size_t size)
{
    yajl_alloc_funcs memory = { arena_malloc, arena_realloc, arena_free, arena };

    parse->place = AT_START;
    parse->member = MEMBER_NONE;
    parse->seen = 0;
    parse->entry = (struct part_entry){ .expires = ENTRY_FOREVER };
    if (size == 0 || size > LIMIT_PART_LINE_BYTES) return FAIL(REASON_LINE);
    parse->yajl = yajl_alloc(&callbacks, &memory, parse);
    if (parse->yajl == NULL) return FAIL(REASON_BUSY);
    bool good = yajl_parse(parse->yajl, (const unsigned char *)text, size) == yajl_status_ok && yajl_complete_parse(parse->yajl) == yajl_status_ok;
    platesieve_arena_reset(arena);
    if (!good || !line_is_whole(parse) || !is_strict(text, size, parse->end)) return FAIL(parse->reason == REASON_NONE ? REASON_LINE : parse->reason);
    return OK;
}

static struct result append_entry(struct parse *parse)
{
    struct part *part = parse->part;

    if (part->entry_count == parse->entry_room) {
        size_t room = parse->entry_room == 0 ? 1024 : 2 * parse->entry_room;
        struct part_entry *entries = realloc(part->entries, room * sizeof *entries);
        if (entries == NULL) return FAIL(REASON_BUSY);
        part->entries = entries;
        parse->entry_room = room;
    }
    parse->entry.epochs &= 0xffff;
    part->entries[part->entry_count++] = parse->entry;
    return OK;
}

static struct result parse_lines(struct parse *parse, struct platesieve_arena *arena, const char *body, size_t size, uint32_t *line)
{
    const char *end = body + size;

    for (const char *next; body < end; body = next) {
        const char *newline = memchr(body, '\n', (size_t)(end - body));
        size_t length = (size_t)((newline == NULL ? end : newline) - body);
        next = newline == NULL ? end : newline + 1;
        ++*line;
        if (length > 0 && body[length - 1] == '\r') length--;
        TRY(parse_line(parse, arena, body, length));
        TRY(append_entry(parse));
    }
    *line = 0;
    return OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct part_entry *const *left = a, *const *right = b;
    return ((*left)->key > (*right)->key) - ((*left)->key < (*right)->key);
}

/* A reference twice in one part; over parts, the commit sees it. */
static struct result find_repeats(const struct part *part, uint32_t *line)
{
    const struct part_entry **sorted = calloc(part->entry_count + 1, sizeof *sorted);

    if (sorted == NULL) return FAIL(REASON_BUSY);
    for (size_t i = 0; i < part->entry_count; i++) sorted[i] = &part->entries[i];
    qsort(sorted, part->entry_count, sizeof *sorted, compare_keys);
    for (size_t i = 1; i < part->entry_count; i++) {
        if (sorted[i]->key != sorted[i - 1]->key) continue;
        const struct part_entry *later = sorted[i] > sorted[i - 1] ? sorted[i] : sorted[i - 1];
        *line = (uint32_t)(later - part->entries) + 1;
    }
    free(sorted);
    return *line == 0 ? OK : FAIL(REASON_DUPLICATE_REFERENCE);
}

static void name_epochs(const struct part_epoch *epochs, size_t count, struct part *part)
{
    part->epoch_count = count;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(part->epochs[i].id, sizeof part->epochs[i].id, "%s", epochs[i].id);
        part->epochs[i].number = epochs[i].number;
    }
}

struct result part_parse(const char *body, size_t size, const char *agency, const char *list, const struct part_epoch *epochs, size_t epoch_count,
                         struct part *part, uint32_t *line)
{
    struct parse parse = { .agency = agency, .list = list, .epochs = epochs, .epoch_count = epoch_count, .part = part };
    struct platesieve_arena *arena = NULL;
    unsigned digest_size = sizeof part->sha256;

    *line = 0;
    if (epoch_count > LIMIT_ENTRY_EPOCHS) return FAIL(REASON_KEY_ID);
    name_epochs(epochs, epoch_count, part);
    if (EVP_Digest(body, size, part->sha256, &digest_size, EVP_sha256(), NULL) != 1) return FAIL(REASON_INTERNAL);
    if (platesieve_failed(platesieve_arena_create(ARENA_BYTES, &arena))) return FAIL(REASON_BUSY);
    struct result result = parse_lines(&parse, arena, body, size, line);
    platesieve_arena_destroy(arena);
    TRY(result);
    return find_repeats(part, line);
}

void part_free(struct part *part)
{
    free(part->entries);
    free(part->slots);
    *part = (struct part){ 0 };
}
