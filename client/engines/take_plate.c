/* Plates and confidences as engines write them. */
#include <ctype.h>
#include <strings.h>
#include <utf8proc.h>

#include "client/engines/document_internal.h"
#include "client/import/rows.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct value trim(struct value value)
{
    while (value.size > 0 && is_space(value.text[0])) value.text++, value.size--;
    while (value.size > 0 && is_space(value.text[value.size - 1])) value.size--;
    return value;
}

/* -- confidences --------------------------------------------------------------------------------------------------- */

/* What engines write where they have none, with nothing but white space around it. */
static bool is_word_for_none(struct value text)
{
    static const char *const words[] = { "", "-", "--", "n/a", "na", "none", "null", "nil", "undefined" };

    text = trim(text);
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (strlen(words[i]) == text.size && strncasecmp(words[i], text.text, text.size) == 0) return true;
    return false;
}

static bool confidence_is_unsaid(struct value confidence)
{
    return confidence.kind == VALUE_NONE || (confidence.kind == VALUE_TEXT && is_word_for_none(confidence));
}

double confidence_take(struct engine_reads *reads, struct value confidence, enum engine_scale scale, bool of_1_too)
{
    double number;

    if (confidence_is_unsaid(confidence)) return 1;
    if (!value_number(confidence, &number) || !(number >= 0 && number <= 100)) {
        reads->faults[ENGINE_CONFIDENCE]++;
        return 0;
    }
    if (scale == ENGINE_OF_1 && number <= 1) return number;
    if (scale == ENGINE_OF_100 && of_1_too && number < 1) return number;
    return number / 100;
}

/* -- plates -------------------------------------------------------------------------------------------------------- */

/* The letters of LABEL, in lower case, are one of the words that stand before a plate. */
static bool is_label(const char *label, size_t size)
{
    static const char *const words[] = { "plate",  "platenumber", "licenseplate", "licenceplate", "licenseplatenumber", "numberplate", "number",
                                         "lp",     "lpn",         "lpr",          "anpr",         "reg",                "registration", "tag",
                                         "vrm",    "vrn",         "kennzeichen",  "kenteken",     "matricula",          "targa" };
    char letters[24];
    size_t count = 0;

    for (size_t i = 0; i < size; i++) {
        if (!isalpha((unsigned char)label[i])) continue;
        if (count == sizeof(letters) - 1) return false;
        letters[count++] = (char)tolower((unsigned char)label[i]);
    }
    letters[count] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (strcmp(words[i], letters) == 0) return true;
    return false;
}

static struct value without_label(struct value plate)
{
    for (size_t i = 0; i < plate.size; i++)
        if ((plate.text[i] == ':' || plate.text[i] == '=') && is_label(plate.text, i))
            return trim((struct value){ .kind = VALUE_TEXT, .text = plate.text + i + 1, .size = plate.size - i - 1 });
    return plate;
}

/* No UTF-8, or with characters that are in no plate: bytes that could not be read, control characters; or that say that one was not read, or that a template was
 * sent as it stands ("#PLATE_READ#", "$plate$"). */
static bool is_broken(struct value plate)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)plate.text, *end = at + plate.size;
    utf8proc_int32_t character;
    utf8proc_ssize_t size;

    for (; at < end; at += size) {
        size = utf8proc_iterate(at, end - at, &character);
        if (size <= 0 || character == 0xFFFD || (character != 0 && character < 0x80 && strchr("?*#{}$%", (char)character) != NULL)) return true;
        if (utf8proc_category(character) == UTF8PROC_CATEGORY_CC && !is_space((char)character)) return true;
    }
    return false;
}

/* Words that engines send for a vehicle without a plate, beside those that lists have; canonical, with 0 for O. */
static bool is_no_plate(struct value text, const struct platesieve_plate *plate)
{
    static const char *const words[] = { "N0READ",      "N0PLATEREAD", "N0PLATEF0UND", "N0TF0UND",    "N0TDETECTED",
                                         "N0DETECTI0N", "UNREC0GNIZED", "UNREC0GNISED", "UNLICENSED", "UNLICENCED" };

    if (row_is_placeholder(text.text, text.size, plate)) return true;
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (strlen(words[i]) == plate->length && memcmp(words[i], plate->text, plate->length) == 0) return true;
    return false;
}

/* ENGINE_FAULTS: it is one. */
static enum engine_fault take(struct value plate, struct engine_candidate *candidate)
{
    if (plate.kind == VALUE_NONE) return ENGINE_PLATE_EMPTY;
    if (plate.kind == VALUE_LONG) return ENGINE_PLATE_LONG;
    if (plate.kind == VALUE_OTHER) return ENGINE_PLATE_FORM;
    if (plate.kind == VALUE_NUMBER && memchr(plate.text, '.', plate.size) != NULL) return ENGINE_PLATE_FORM;
    plate = without_label(trim(plate));
    if (plate.size == 0) return ENGINE_PLATE_EMPTY;
    if (is_broken(plate)) return ENGINE_PLATE_FORM;
    if (plate.size > PLATESIEVE_PLATE_RAW_MAX) return ENGINE_PLATE_LONG;
    if (platesieve_failed(platesieve_plate_canonicalise(plate.text, plate.size, &candidate->plate))) {
        for (size_t i = 0; i < plate.size; i++)
            if (isalnum((unsigned char)plate.text[i])) return ENGINE_PLATE_LONG;
        return ENGINE_PLATE_EMPTY;
    }
    if (is_no_plate(plate, &candidate->plate)) return ENGINE_PLATE_FORM;
    return value_print(plate, candidate->raw, sizeof(candidate->raw)) ? ENGINE_FAULTS : ENGINE_PLATE_FORM;
}

static bool is_same(const struct platesieve_plate *a, const struct platesieve_plate *b)
{
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* Where CANDIDATE goes in READ; NULL: nowhere. */
static struct engine_candidate *place_of(struct engine_reads *reads, struct engine_read *read, const struct engine_candidate *candidate)
{
    struct engine_candidate *worst = &read->candidates[0];

    for (size_t i = 0; i < read->count; i++) {
        struct engine_candidate *other = &read->candidates[i];

        if (is_same(&other->plate, &candidate->plate)) return other->confidence < candidate->confidence ? other : NULL;
        if (other->confidence <= worst->confidence) worst = other;
    }
    if (read->count < ENGINE_CANDIDATES_MAX) return &read->candidates[read->count++];
    reads->faults[ENGINE_TOO_MUCH]++;
    return worst->confidence < candidate->confidence ? worst : NULL;
}

void engine_candidate(struct engine_reads *reads, struct engine_read *read, struct value plate, struct value confidence, enum engine_scale scale)
{
    struct engine_candidate candidate = { 0 }, *place;
    const enum engine_fault fault = take(plate, &candidate);

    if (fault == ENGINE_FAULTS) {
        candidate.confidence = confidence_is_unsaid(confidence) ? CONFIDENCE_UNSAID : confidence_take(reads, confidence, scale, true);
        place = place_of(reads, read, &candidate);
        if (place != NULL) *place = candidate;
    } else reads->faults[fault]++;
    platesieve_wipe(&candidate, sizeof(candidate));
}
