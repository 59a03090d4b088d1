#include "client/push.h"

#include "client/moment.h"

const char *const push_columns[PUSH_COLUMNS] = { "plate",     "jurisdiction", "state",  "region",
                                                 "reference", "effective",    "expires" };

_Static_assert(PUSH_COLUMNS <= CSV_COLUMNS_MAX, "all columns must fit into a row");
struct push_scratch {
    struct row_plate row;
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

/* -- messages ------------------------------------------------------------------------------------------------------ */

/* The messages of all grades from `full` down to the list's own. */
static bool make_messages(const struct push_maker *maker, struct push_chunk *chunk, struct push_made *made)
{
    const struct row_plate *row = &maker->scratch->row;
    struct push_entry *entry = &chunk->entries[chunk->entry_count];
    size_t used = chunk->message_count;

    for (unsigned grade = 0; grade <= maker->grade; grade++) {
        const struct platesieve_result result =
            platesieve_messages(&row->plate, &row->jurisdiction, grade, PLATESIEVE_SIDE_LIST, chunk->messages + used,
                                &entry->counts[grade]);

        if (result.reason == PLATESIEVE_UNKNOWN_JURISDICTION) made->without_full = true;
        else if (result.reason == PLATESIEVE_TOO_SHORT_FOR_NEAR) made->without_near = true;
        else if (platesieve_failed(result)) return false;
        used += entry->counts[grade];
    }
    chunk->message_count = used;
    return true;
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

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

static void make_entry(const struct push_maker *maker, const struct csv_row *row, struct push_chunk *chunk,
                       struct push_made *made)
{
    struct push_entry *entry = &chunk->entries[chunk->entry_count];

    made->fault = row_read(maker->codes, &row->fields[PUSH_PLATE], jurisdiction_field(row), &maker->scratch->row);
    if (made->fault != ROW_FINE) return;
    if (memchr(row->fields[PUSH_PLATE].text, '?', row->fields[PUSH_PLATE].size) != NULL) made->fault = ROW_PARTIAL;
    else if (maker->grade == PLATESIEVE_FULL && maker->scratch->row.jurisdiction.code[0] == '\0')
        made->fault = ROW_JURISDICTION;
    else if (!read_time(&row->fields[PUSH_EFFECTIVE], &entry->effective_ms) ||
             !read_time(&row->fields[PUSH_EXPIRES], &entry->expires_ms))
        made->fault = ROW_TIME;
    if (made->fault != ROW_FINE || !choose_reference(maker, row, &entry->reference, made)) return;
    made->no_memory = !make_messages(maker, chunk, made);
    if (!made->no_memory) made->lines = 1;
}

/* -- removal ------------------------------------------------------------------------------------------------------- */

static void write_removal(const struct push_maker *maker, const struct reference *reference, struct push_chunk *chunk,
                          struct push_made *made)
{
    const enum seen_answer seen = seen_ask(maker->seen, reference->text, NULL, NULL);

    if (seen == SEEN_NO_MEMORY) made->no_memory = true;
    if (seen != SEEN_NEVER) return;
    push_chunk_remove(chunk, reference);
    made->lines++;
}

/* By reference; by plate where there is none.  A row with both removes the entry whichever of the two forms its
 * reference has. */
static void make_removal(const struct push_maker *maker, const struct csv_row *row, struct push_chunk *chunk,
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
            write_removal(maker, &reference, chunk, made);
    } else if (!seal(maker, &row->fields[PUSH_REFERENCE], false, &reference)) {
        made->fault = ROW_REFERENCE;
    } else {
        write_removal(maker, &reference, chunk, made);
        if (plate->plate.length > 0 && seal(maker, &row->fields[PUSH_REFERENCE], true, &reference))
            write_removal(maker, &reference, chunk, made);
    }
    made->repeated = made->fault == ROW_FINE && made->lines == 0;
}

struct push_made push_row(const struct push_maker *maker, const struct csv_row *row, struct push_chunk *chunk)
{
    struct push_made made = { .fault = row_fault_of(row->state) };
    struct push_entry *entry = &chunk->entries[chunk->entry_count];

    *entry = (struct push_entry) { 0 };
    if (made.fault == ROW_FINE) {
        if (maker->mode == PUSH_REMOVE) make_removal(maker, row, chunk, &made);
        else make_entry(maker, row, chunk, &made);
    }
    platesieve_wipe(maker->scratch, sizeof(*maker->scratch));
    entry->lines = made.lines;
    if (made.lines > 0) chunk->entry_count++;
    return made;
}
