/* Canonical and folded forms of a plate.  docs/protocol.md, "From plate to slot", says the same in words. */
#include <platesieve/platesieve.h>

#include <sodium.h>
#include <utf8proc.h>

#include "cleanup.h"

/* NFKC makes at most 18 code points of one (U+FDFA, three bytes in UTF-8). */
#define DECOMPOSED_MAX (PLATESIEVE_PLATE_RAW_MAX / 3 * 18 + 18)
/* How deep utf8proc's own frames reach, generously: they held parts of the plate. */
#define STACK_BELOW_BYTES 2048

struct look_alike {
    utf8proc_int32_t seen;
    char meant;
};

/* Capitals of Cyrillic and Greek that can't be told from Latin ones on a plate; no others. */
static const struct look_alike look_alikes[] = {
    { 0x0391, 'A' }, { 0x0392, 'B' }, { 0x0395, 'E' }, { 0x0396, 'Z' }, { 0x0397, 'H' }, { 0x0399, 'I' }, { 0x039A, 'K' },
    { 0x039C, 'M' }, { 0x039D, 'N' }, { 0x039F, 'O' }, { 0x03A1, 'P' }, { 0x03A4, 'T' }, { 0x03A5, 'Y' }, { 0x03A7, 'X' },
    { 0x0410, 'A' }, { 0x0412, 'B' }, { 0x0415, 'E' }, { 0x041A, 'K' }, { 0x041C, 'M' }, { 0x041D, 'H' }, { 0x041E, 'O' },
    { 0x0420, 'P' }, { 0x0421, 'C' }, { 0x0422, 'T' }, { 0x0423, 'Y' }, { 0x0425, 'X' },
};

/* The canonical character for a normalised code point, or 0 if it is dropped. */
static char canonical_character(utf8proc_int32_t point)
{
    point = point < 0x80 ? (point >= 'a' && point <= 'z' ? point - 'a' + 'A' : point) : utf8proc_toupper(point);
    for (size_t i = 0; point >= 0x80 && i < ARRAY_LENGTH(look_alikes); i++)
        if (look_alikes[i].seen == point)
            point = look_alikes[i].meant;
    if (point == 'O')
        return '0';
    if ((point >= 'A' && point <= 'Z') || (point >= '0' && point <= '9'))
        return (char)point;
    return 0;
}

/* False when the plate is full already. */
static bool plate_append(struct platesieve_plate *plate, utf8proc_int32_t point)
{
    char character = canonical_character(point);

    if (character == 0)
        return true;
    if (plate->length == PLATESIEVE_PLATE_MAX)
        return false;
    plate->text[plate->length++] = character;
    return true;
}

static bool is_ascii(const char *raw, size_t size)
{
    unsigned char any = 0;

    for (size_t i = 0; i < size; i++)
        any |= (unsigned char)raw[i];
    return any < 0x80;
}

/* ASCII is its own NFKC. */
static bool append_ascii(const char *raw, size_t size, struct platesieve_plate *plate)
{
    for (size_t i = 0; i < size; i++)
        if (!plate_append(plate, raw[i]))
            return false;
    return true;
}

/* Not inlined, so that its frame lies in the stack that the caller wipes afterwards. */
static __attribute__((noinline)) bool append_unicode(const char *raw, size_t size, struct platesieve_plate *plate)
{
    utf8proc_int32_t points[DECOMPOSED_MAX];
    const utf8proc_option_t nfkc = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    utf8proc_ssize_t decomposed, count;
    bool fits = true;

    decomposed = utf8proc_decompose((const utf8proc_uint8_t *)raw, (utf8proc_ssize_t)size, points, DECOMPOSED_MAX, nfkc);
    count = decomposed >= 0 && decomposed <= DECOMPOSED_MAX ? utf8proc_normalize_utf32(points, decomposed, nfkc) : -1;
    for (utf8proc_ssize_t i = 0; fits && i < count; i++)
        fits = plate_append(plate, points[i]);
    sodium_memzero(points, sizeof points);
    return count >= 0 && fits;
}

struct platesieve_result platesieve_plate_canonicalise(const char *raw, size_t size, struct platesieve_plate *plate)
{
    bool good;

    *plate = (struct platesieve_plate){ 0 };
    if (size > PLATESIEVE_PLATE_RAW_MAX)
        return (struct platesieve_result){ PLATESIEVE_NOT_A_PLATE };
    if (is_ascii(raw, size)) {
        good = append_ascii(raw, size, plate);
    } else {
        good = append_unicode(raw, size, plate);
        sodium_stackzero(STACK_BELOW_BYTES);
    }
    if (!good || plate->length == 0) {
        platesieve_wipe(plate, sizeof *plate);
        return (struct platesieve_result){ PLATESIEVE_NOT_A_PLATE };
    }
    return (struct platesieve_result){ PLATESIEVE_OK };
}

/* What plate recognition confuses, 0 where it doesn't: Q D with 0, I L with 1, Z with 2, S with 5, B with 8, G with 6. */
static char confused_with(char letter)
{
    switch (letter) {
    case 'Q':
    case 'D':
        return '0';
    case 'I':
    case 'L':
        return '1';
    case 'Z':
        return '2';
    case 'S':
        return '5';
    case 'B':
        return '8';
    case 'G':
        return '6';
    default:
        return 0;
    }
}

struct platesieve_plate platesieve_plate_fold(const struct platesieve_plate *canonical)
{
    struct platesieve_plate folded = *canonical;

    for (size_t i = 0; i < PLATESIEVE_PLATE_MAX; i++) {
        char digit = confused_with(folded.text[i]);

        if (digit != 0)
            folded.text[i] = digit;
    }
    return folded;
}
