#include "client/import/partial.h"

#include <ctype.h>
#include <string.h>

static const char canonical_alphabet[] = "0123456789ABCDEFGHIJKLMNPQRSTUVWXYZ";
static const char folded_alphabet[] = "0123456789ACEFHJKMNPRTUVWXY";
static const char full_width[] = "\xef\xbc\x9f"; /* U+FF1F */

_Static_assert((sizeof(canonical_alphabet) - 1) * (sizeof(canonical_alphabet) - 1) <= LIMIT_ENTRY_TOKENS,
               "an entry takes the tokens of two unknown characters");

/* Bytes of the sign for an unknown character that TEXT begins with; 0: it does not. */
static size_t unknown_at(const char *text, size_t size, char wildcard)
{
    if (*text == PARTIAL_UNKNOWN || (wildcard != '\0' && *text == wildcard)) return 1;
    return size >= sizeof(full_width) - 1 && memcmp(text, full_width, sizeof(full_width) - 1) == 0
               ? sizeof(full_width) - 1
               : 0;
}

bool partial_is(const char *raw, size_t size, char wildcard)
{
    for (size_t at = 0; at < size; at++)
        if (unknown_at(raw + at, size - at, wildcard) > 0) return true;
    return false;
}

static bool has_alphanumeric(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (isalnum((unsigned char)text[i])) return true;
    return false;
}

/* Adds the canonical form of what stands between two unknown characters. */
static enum partial_fault add_known(const char *text, size_t size, struct platesieve_plate *plate)
{
    struct platesieve_plate piece = { 0 };

    if (size == 0) return PARTIAL_FINE;
    if (platesieve_failed(platesieve_plate_canonicalise(text, size, &piece)))
        return has_alphanumeric(text, size) ? PARTIAL_TOO_LONG : PARTIAL_FINE; /* else: signs only */
    if (plate->length + piece.length > PLATESIEVE_PLATE_MAX) {
        platesieve_wipe(&piece, sizeof(piece));
        return PARTIAL_TOO_LONG;
    }
    memcpy(plate->text + plate->length, piece.text, piece.length);
    plate->length = (uint8_t)(plate->length + piece.length);
    platesieve_wipe(&piece, sizeof(piece));
    return PARTIAL_FINE;
}

static enum partial_fault judge(const struct platesieve_plate *plate, unsigned unknowns)
{
    if (plate->length == 0) return PARTIAL_NO_PLATE;
    if (unknowns > PARTIAL_UNKNOWNS_MAX) return PARTIAL_TOO_MANY;
    return plate->length - unknowns < PARTIAL_KNOWN_MIN ? PARTIAL_TOO_FEW : PARTIAL_FINE;
}

enum partial_fault partial_read(const char *raw, size_t size, char wildcard, struct platesieve_plate *plate,
                                unsigned *unknowns)
{
    enum partial_fault fault = PARTIAL_FINE;
    size_t begin = 0;

    *plate = (struct platesieve_plate) { 0 };
    *unknowns = 0;
    for (size_t at = 0; at < size && fault == PARTIAL_FINE;) {
        const size_t sign = unknown_at(raw + at, size - at, wildcard);

        if (sign > 0) {
            fault = add_known(raw + begin, at - begin, plate);
            if (fault == PARTIAL_FINE && plate->length == PLATESIEVE_PLATE_MAX) fault = PARTIAL_TOO_LONG;
            if (fault == PARTIAL_FINE) plate->text[plate->length++] = PARTIAL_UNKNOWN;
            ++*unknowns;
            begin = at + sign;
        }
        at += sign > 0 ? sign : 1;
    }
    if (fault == PARTIAL_FINE) fault = add_known(raw + begin, size - begin, plate);
    if (fault == PARTIAL_FINE) fault = judge(plate, *unknowns);
    if (fault != PARTIAL_FINE) platesieve_wipe(plate, sizeof(*plate));
    return fault;
}

static const char *alphabet_of(enum platesieve_grade grade, size_t *size)
{
    *size = grade == PLATESIEVE_SIMILAR ? sizeof(folded_alphabet) - 1 : sizeof(canonical_alphabet) - 1;
    return grade == PLATESIEVE_SIMILAR ? folded_alphabet : canonical_alphabet;
}

size_t partial_count(enum platesieve_grade grade, unsigned unknowns)
{
    size_t size, count = 1;

    if (grade == PLATESIEVE_NEAR) return 0;
    (void)alphabet_of(grade, &size);
    while (unknowns-- > 0) count *= size;
    return count;
}

void partial_message(const struct platesieve_message *partial, enum platesieve_grade grade, size_t index,
                     struct platesieve_message *message)
{
    size_t size;
    const char *alphabet = alphabet_of(grade, &size);

    *message = *partial;
    for (size_t i = 0; i < message->length; i++) {
        if (message->bytes[i] != PARTIAL_UNKNOWN) continue; /* no name of a grade or jurisdiction holds one */
        message->bytes[i] = (uint8_t)alphabet[index % size];
        index /= size;
    }
}
