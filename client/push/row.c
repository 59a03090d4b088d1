#include "client/push/push.h"

#include "client/import/when.h"

#define GATE_TIME_MS_MAX (INT64_C(4291747200) * 1000) /* 2106-01-01: a gate knows no later time */

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

/* The messages of all grades from `full` down to the list's own; of a partial plate one for each but `near`, which
   partial.c makes many of. */
static bool make_messages(const struct push_maker *maker, struct push_chunk *chunk, struct push_made *made)
{
    const struct row_plate *row = &maker->scratch->row;
    struct push_entry *entry = &chunk->entries[chunk->entry_count];
    const bool no_near = row->unknowns > 0 && maker->grade == PLATESIEVE_NEAR;
    size_t used = chunk->message_count;

    entry->unknowns = row->unknowns;
    made->without_near = no_near;
    made->partial = row->unknowns > 0;
    for (unsigned grade = 0; grade + no_near <= maker->grade; grade++) {
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

static bool is_blank(const struct csv_field *field)
{
    for (size_t i = 0; i < field->size; i++)
        if (field->text[i] != ' ' && field->text[i] != '\t') return false;
    return true;
}

/* Negative where nothing is said. */
static bool read_time(const struct push_maker *maker, const struct csv_field *field, enum when when, int64_t *ms)
{
    *ms = -1;
    return field->text == NULL || is_blank(field) || when_read(maker->profile, when, field->text, field->size, ms);
}

/* The end of the year that stands in FIELD and of those that the profile adds, where that is sooner than *EXPIRES_MS.
   What is no year ("NX", "UNKN") says nothing. */
static void read_year(const struct push_maker *maker, const struct csv_field *field, int64_t *expires_ms)
{
    int64_t ends_ms;
    int year = 0;

    if (maker->profile->years < 0 || field->text == NULL || field->size != 4) return;
    for (size_t i = 0; i < 4; i++) {
        if (field->text[i] < '0' || field->text[i] > '9') return;
        year = 10 * year + (field->text[i] - '0');
    }
    if (year < 1970) return;
    ends_ms = when_year_ends(year + maker->profile->years);
    if (*expires_ms < 0 || ends_ms < *expires_ms) *expires_ms = ends_ms;
}

/* What a gate does not know as a time is left out where it changes nothing: it is always over, or never comes. */
static enum row_fault read_times(const struct push_maker *maker, const struct csv_row *row, struct push_entry *entry)
{
    if (!read_time(maker, &row->fields[IMPORT_EFFECTIVE], WHEN_EFFECTIVE, &entry->effective_ms) ||
        !read_time(maker, &row->fields[IMPORT_EXPIRES], WHEN_EXPIRES, &entry->expires_ms))
        return ROW_TIME;
    if (!is_blank(&row->fields[IMPORT_EXPIRES]) && entry->expires_ms < maker->now_ms) return ROW_EXPIRED;
    read_year(maker, &row->fields[IMPORT_YEAR], &entry->expires_ms);
    if (entry->expires_ms >= 0 && entry->expires_ms <= maker->now_ms) return ROW_EXPIRED;
    if (entry->expires_ms >= GATE_TIME_MS_MAX) entry->expires_ms = -1;
    if (entry->effective_ms >= GATE_TIME_MS_MAX) return ROW_TIME;
    return entry->expires_ms >= 0 && entry->effective_ms >= entry->expires_ms ? ROW_TIME : ROW_FINE;
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
    return row->fields[IMPORT_REFERENCE].text != NULL && row->fields[IMPORT_REFERENCE].size > 0;
}

/* The reference for an entry: given, or made of the plate.  False: the row needs no line; MADE says why. */
static bool choose_reference(const struct push_maker *maker, const struct csv_row *row, struct reference *reference,
                             struct push_made *made)
{
    const struct row_plate *plate = &maker->scratch->row;
    enum seen_answer seen;

    if (has_reference(row)
            ? !seal(maker, &row->fields[IMPORT_REFERENCE], false, reference)
            : !reference_derive(maker->key, maker->info->id, &plate->plate, &plate->jurisdiction, reference)) {
        made->fault = ROW_REFERENCE;
        return false;
    }
    seen = seen_ask(maker->seen, reference->text, &plate->plate, &plate->jurisdiction);
    if (seen == SEEN_WITH_ANOTHER_PLATE) { /* two plates under one reference: both stay on the list */
        made->suffixed = true;
        if (!has_reference(row) || !seal(maker, &row->fields[IMPORT_REFERENCE], true, reference)) {
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
    for (unsigned column = IMPORT_JURISDICTION; column < IMPORT_REGION; column++)
        if (row->fields[column].text != NULL) return &row->fields[column];
    return &row->fields[IMPORT_REGION];
}

static enum row_fault read_plate(const struct push_maker *maker, const struct csv_row *row)
{
    return row_read_listed(maker->profile->codes, &row->fields[IMPORT_PLATE], maker->profile->wildcard,
                           jurisdiction_field(row), &maker->scratch->row);
}

static void make_entry(const struct push_maker *maker, const struct csv_row *row, struct push_chunk *chunk,
                       struct push_made *made)
{
    struct push_entry *entry = &chunk->entries[chunk->entry_count];

    made->fault = read_plate(maker, row);
    if (made->fault != ROW_FINE) return;
    if (maker->grade == PLATESIEVE_FULL && maker->scratch->row.jurisdiction.code[0] == '\0')
        made->fault = ROW_JURISDICTION;
    else made->fault = read_times(maker, row, entry);
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

    if (row->fields[IMPORT_PLATE].size > 0 || !has_reference(row)) {
        made->fault = read_plate(maker, row);
        if (made->fault != ROW_FINE) return;
    }
    if (!has_reference(row)) {
        if (reference_derive(maker->key, maker->info->id, &plate->plate, &plate->jurisdiction, &reference))
            write_removal(maker, &reference, chunk, made);
    } else if (!seal(maker, &row->fields[IMPORT_REFERENCE], false, &reference)) {
        made->fault = ROW_REFERENCE;
    } else {
        write_removal(maker, &reference, chunk, made);
        if (plate->plate.length > 0 && seal(maker, &row->fields[IMPORT_REFERENCE], true, &reference))
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
