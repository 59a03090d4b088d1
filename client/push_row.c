#include "client/push.h"

#include "client/base64.h"
#include "client/moment.h"

const char *const push_columns[PUSH_COLUMNS] = { "plate",     "jurisdiction", "state",  "region",
                                                 "reference", "effective",    "expires" };

_Static_assert(PUSH_COLUMNS <= CSV_COLUMNS_MAX, "all columns must fit into a row");
/* An entry at `near` for eight epochs: 28 tokens of 35 bytes each, grade and epoch names. */
_Static_assert(LIMIT_PART_LINE_BYTES >
                   LIMIT_ENTRY_EPOCHS * ((3 + PLATESIEVE_NEAR_MAX) * (PLATESIEVE_TAGGED_TEXT + 3) + 128) + 1024,
               "the longest line must fit");

struct push_scratch {
    struct row_plate row;
    struct platesieve_message messages[PLATESIEVE_GRADES][PLATESIEVE_NEAR_MAX];
    size_t counts[PLATESIEVE_GRADES];
    struct platesieve_token tokens[PLATESIEVE_NEAR_MAX];
};

struct push_scratch *push_scratch_create(void)
{
    struct push_scratch *scratch = platesieve_secret_allocate(sizeof(*scratch));

    if (scratch == NULL) say("there is no memory that can be locked for plates");
    return scratch;
}

void push_scratch_destroy(struct push_scratch *scratch)
{
    platesieve_secret_free(scratch);
}

/* -- writing JSON -------------------------------------------------------------------------------------------------- */

struct writer {
    char *at, *end;
};

static void put(struct writer *writer, const char *text, size_t size)
{
    if ((size_t)(writer->end - writer->at) < size) abort(); /* the static assertion above says that this can't be */
    memcpy(writer->at, text, size);
    writer->at += size;
}

static void put_text(struct writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

/* References hold no control characters (reference_valid()). */
static void put_string(struct writer *writer, const char *text)
{
    put(writer, "\"", 1);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') put(writer, "\\", 1);
        put(writer, text, 1);
    }
    put(writer, "\"", 1);
}

static void put_time(struct writer *writer, const char *member, int64_t ms)
{
    char text[MOMENT_TEXT];

    if (ms < 0) return;
    moment_print(ms, text);
    put_text(writer, member);
    put(writer, text, MOMENT_TEXT - 1);
    put(writer, "\"", 1);
}

/* -- tokens -------------------------------------------------------------------------------------------------------- */

static bool put_tokens(struct writer *writer, const struct push_maker *maker, const struct platesieve_prf *prf,
                       enum platesieve_grade grade)
{
    struct push_scratch *scratch = maker->scratch;
    const size_t count = scratch->counts[grade];

    if (platesieve_failed(platesieve_prf_evaluate(prf, scratch->messages[grade], count, scratch->tokens))) return false;
    for (size_t i = 0; i < count; i++) {
        uint8_t tagged[PLATESIEVE_TOKEN_BYTES + PLATESIEVE_TAG_BYTES];
        char text[PLATESIEVE_TAGGED_TEXT + 1];

        memcpy(tagged, scratch->tokens[i].token, PLATESIEVE_TOKEN_BYTES);
        platesieve_tag(scratch->tokens[i].proof_key, maker->info->id, maker->info->agency,
                       tagged + PLATESIEVE_TOKEN_BYTES);
        base64_print(tagged, sizeof(tagged), text, sizeof(text));
        put(writer, i == 0 ? "\"" : ",\"", i == 0 ? 1 : 2);
        put(writer, text, PLATESIEVE_TAGGED_TEXT);
        put(writer, "\"", 1);
    }
    return true;
}

static bool put_epoch(struct writer *writer, const struct push_maker *maker, const struct epoch *epoch)
{
    bool first = true;

    put_string(writer, epoch->id);
    put_text(writer, ":{");
    for (unsigned grade = 0; grade <= maker->grade; grade++) {
        if (maker->scratch->counts[grade] == 0) continue;
        if (!first) put(writer, ",", 1);
        first = false;
        put_string(writer, platesieve_grade_name(grade));
        put_text(writer, ":[");
        if (!put_tokens(writer, maker, epoch->prf, grade)) return false;
        put(writer, "]", 1);
    }
    put(writer, "}", 1);
    return true;
}

/* The messages of all grades from `full` down to the list's own. */
static bool make_messages(const struct push_maker *maker, struct push_made *made)
{
    struct push_scratch *scratch = maker->scratch;

    for (unsigned grade = 0; grade <= maker->grade; grade++) {
        const struct platesieve_result result =
            platesieve_messages(&scratch->row.plate, &scratch->row.jurisdiction, grade, PLATESIEVE_SIDE_LIST,
                                scratch->messages[grade], &scratch->counts[grade]);

        if (result.reason == PLATESIEVE_UNKNOWN_JURISDICTION) made->without_full = true;
        else if (result.reason == PLATESIEVE_TOO_SHORT_FOR_NEAR) made->without_near = true;
        else if (platesieve_failed(result)) return false;
    }
    return true;
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

struct dates {
    int64_t effective_ms, expires_ms; /* negative: not said */
};

static bool read_time(const struct csv_field *field, int64_t *ms)
{
    char text[64];

    *ms = -1;
    if (field->text == NULL || field->size == 0) return true;
    if (field->size >= sizeof(text)) return false;
    memcpy(text, field->text, field->size);
    text[field->size] = '\0';
    return moment_parse(text, ms);
}

/* The field as a reference for LIST; with PLATE, told apart from the same reference on other plates. */
static bool seal(const struct push_maker *maker, const struct csv_field *field, bool with_plate,
                 struct reference *reference)
{
    const struct platesieve_plate *plate = with_plate ? &maker->scratch->row.plate : NULL;
    const struct platesieve_jurisdiction *jurisdiction = &maker->scratch->row.jurisdiction;

    if (maker->clear_references)
        return reference_clear(maker->key, maker->info->id, field->text, field->size, plate, jurisdiction, reference);
    return reference_seal(maker->key, maker->info->id, field->text, field->size, plate, jurisdiction, reference);
}

static bool has_reference(const struct csv_row *row)
{
    return row->fields[PUSH_REFERENCE].text != NULL && row->fields[PUSH_REFERENCE].size > 0;
}

/* The reference for an entry: given, or made of the plate.  False: the row needs no line; MADE says why. */
static bool choose_reference(const struct push_maker *maker, const struct csv_row *row, struct reference *reference,
                             struct push_made *made)
{
    const struct row_plate *plate = &maker->scratch->row;
    enum seen_answer seen;

    if (has_reference(row)
            ? !seal(maker, &row->fields[PUSH_REFERENCE], false, reference)
            : !reference_derive(maker->key, maker->info->id, &plate->plate, &plate->jurisdiction, reference)) {
        made->fault = ROW_REFERENCE;
        return false;
    }
    seen = seen_ask(maker->seen, reference->text, &plate->plate, &plate->jurisdiction);
    if (seen == SEEN_WITH_ANOTHER_PLATE) { /* two plates under one reference: both stay on the list */
        made->suffixed = true;
        if (!has_reference(row) || !seal(maker, &row->fields[PUSH_REFERENCE], true, reference)) {
            made->fault = ROW_REFERENCE;
            return false;
        }
        seen = seen_ask(maker->seen, reference->text, &plate->plate, &plate->jurisdiction);
    }
    made->no_memory = seen == SEEN_NO_MEMORY;
    made->repeated = seen == SEEN_WITH_THIS_PLATE || seen == SEEN_WITH_ANOTHER_PLATE;
    made->hashed = reference->kind == REFERENCE_DIGEST;
    return seen == SEEN_NEVER;
}

static const struct csv_field *jurisdiction_field(const struct csv_row *row)
{
    for (unsigned column = PUSH_JURISDICTION; column < PUSH_REGION; column++)
        if (row->fields[column].text != NULL) return &row->fields[column];
    return &row->fields[PUSH_REGION];
}

static bool write_entry(const struct push_maker *maker, const struct reference *reference, const struct dates *dates,
                        struct writer *writer)
{
    put_text(writer,
             maker->mode == PUSH_TOKENS ? "{\"op\":\"tokens\",\"reference\":" : "{\"op\":\"add\",\"reference\":");
    put_string(writer, reference->text);
    if (maker->mode != PUSH_TOKENS) {
        put_time(writer, ",\"effective\":\"", dates->effective_ms);
        put_time(writer, ",\"expires\":\"", dates->expires_ms);
    }
    put_text(writer, ",\"tokens\":{");
    for (size_t i = 0; i < maker->epochs->count; i++) {
        if (i > 0) put(writer, ",", 1);
        if (!put_epoch(writer, maker, &maker->epochs->list[i])) return false;
    }
    put_text(writer, "}}\n");
    return true;
}

static void make_entry(const struct push_maker *maker, const struct csv_row *row, struct writer *writer,
                       struct push_made *made)
{
    struct reference reference;
    struct dates dates;

    made->fault = row_read(maker->codes, &row->fields[PUSH_PLATE], jurisdiction_field(row), &maker->scratch->row);
    if (made->fault != ROW_FINE) return;
    if (memchr(row->fields[PUSH_PLATE].text, '?', row->fields[PUSH_PLATE].size) != NULL) made->fault = ROW_PARTIAL;
    else if (maker->grade == PLATESIEVE_FULL && maker->scratch->row.jurisdiction.code[0] == '\0')
        made->fault = ROW_JURISDICTION;
    else if (!read_time(&row->fields[PUSH_EFFECTIVE], &dates.effective_ms) ||
             !read_time(&row->fields[PUSH_EXPIRES], &dates.expires_ms))
        made->fault = ROW_TIME;
    if (made->fault != ROW_FINE || !choose_reference(maker, row, &reference, made)) return;
    made->no_memory = !make_messages(maker, made) || !write_entry(maker, &reference, &dates, writer);
    if (!made->no_memory) made->lines = 1;
}

/* -- removal ------------------------------------------------------------------------------------------------------- */

static void write_removal(const struct push_maker *maker, const struct reference *reference, struct writer *writer,
                          struct push_made *made)
{
    const enum seen_answer seen = seen_ask(maker->seen, reference->text, NULL, NULL);

    if (seen == SEEN_NO_MEMORY) made->no_memory = true;
    if (seen != SEEN_NEVER) return;
    put_text(writer, "{\"op\":\"remove\",\"reference\":");
    put_string(writer, reference->text);
    put_text(writer, "}\n");
    made->lines++;
}

/* By reference; by plate where there is none.  A row with both removes the entry whichever of the two forms its
 * reference has. */
static void make_removal(const struct push_maker *maker, const struct csv_row *row, struct writer *writer,
                         struct push_made *made)
{
    const struct row_plate *plate = &maker->scratch->row;
    struct reference reference;

    if (row->fields[PUSH_PLATE].size > 0 || !has_reference(row)) {
        made->fault = row_read(maker->codes, &row->fields[PUSH_PLATE], jurisdiction_field(row), &maker->scratch->row);
        if (made->fault != ROW_FINE) return;
    }
    if (!has_reference(row)) {
        if (reference_derive(maker->key, maker->info->id, &plate->plate, &plate->jurisdiction, &reference))
            write_removal(maker, &reference, writer, made);
    } else if (!seal(maker, &row->fields[PUSH_REFERENCE], false, &reference)) {
        made->fault = ROW_REFERENCE;
    } else {
        write_removal(maker, &reference, writer, made);
        if (plate->plate.length > 0 && seal(maker, &row->fields[PUSH_REFERENCE], true, &reference))
            write_removal(maker, &reference, writer, made);
    }
    made->repeated = made->fault == ROW_FINE && made->lines == 0;
}

struct push_made push_row(const struct push_maker *maker, const struct csv_row *row, char *text, size_t *size)
{
    struct push_made made = { .fault = row_fault_of(row->state) };
    struct writer writer = { text, text + PUSH_LINES_BYTES };

    if (made.fault == ROW_FINE) {
        if (maker->mode == PUSH_REMOVE) make_removal(maker, row, &writer, &made);
        else make_entry(maker, row, &writer, &made);
    }
    platesieve_wipe(maker->scratch, sizeof(*maker->scratch));
    *size = made.lines == 0 ? 0 : (size_t)(writer.at - text);
    return made;
}
