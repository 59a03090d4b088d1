#include "client/vehicles/similar.h"

struct similar_form similar_form(const struct platesieve_plate *canonical)
{
    struct similar_form form = { .folded = platesieve_plate_fold(canonical) };

    for (size_t i = 0; i < form.folded.length; i++) {
        const char character = form.folded.text[i];

        form.characters |= UINT64_C(1) << (character >= 'A' ? character - 'A' + 10 : character - '0');
    }
    return form;
}

bool similar_one_edit(const struct similar_form *a, const struct similar_form *b)
{
    const struct platesieve_plate *longer = &a->folded, *shorter = &b->folded;
    size_t begin = 0, end = 0;

    if (longer->length < shorter->length) {
        longer = &b->folded;
        shorter = &a->folded;
    }
    /* One edit adds at most one character that was not there and takes at most one away. */
    if (longer->length > shorter->length + 1 || __builtin_popcountll(a->characters ^ b->characters) > 2) return false;
    while (begin < shorter->length && longer->text[begin] == shorter->text[begin]) begin++;
    if (begin == longer->length) return true;
    if (longer->length < PLATESIEVE_NEAR_LENGTH_MIN) return false;
    while (end < shorter->length - begin && longer->text[longer->length - 1 - end] == shorter->text[shorter->length - 1 - end]) end++;
    return longer->length - begin - end <= 1;
}

/* Levenshtein's, row by row. */
static size_t distance(const struct platesieve_plate *a, const struct platesieve_plate *b)
{
    size_t row[PLATESIEVE_PLATE_MAX + 1];

    for (size_t j = 0; j <= b->length; j++) row[j] = j;
    for (size_t i = 0; i < a->length; i++) {
        size_t diagonal = row[0]++;

        for (size_t j = 1; j <= b->length; j++) {
            const size_t kept = diagonal + (a->text[i] != b->text[j - 1]);
            const size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = kept < other ? kept : other;
        }
    }
    return row[b->length];
}

bool similar_unlike(const struct similar_form *a, const struct similar_form *b)
{
    const size_t longer = a->folded.length > b->folded.length ? a->folded.length : b->folded.length;

    return 2 * distance(&a->folded, &b->folded) > longer;
}
