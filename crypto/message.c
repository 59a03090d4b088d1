/* What is evaluated: "platesieve/1" 00 grade 00 jurisdiction 00 text. */
#include <platesieve/platesieve.h>

#include "cleanup.h"

static const char *const grade_names[PLATESIEVE_GRADES] = {
    [PLATESIEVE_FULL] = "full",
    [PLATESIEVE_PLATE] = "plate",
    [PLATESIEVE_SIMILAR] = "similar",
    [PLATESIEVE_NEAR] = "near",
};

/* A text of a plate with its marks: one character more than the plate. */
struct text {
    uint8_t length;
    char bytes[PLATESIEVE_PLATE_MAX + 1];
};

const char *platesieve_grade_name(enum platesieve_grade grade)
{
    return (size_t)grade < PLATESIEVE_GRADES ? grade_names[grade] : "unknown";
}

bool platesieve_grade_parse(const char *name, enum platesieve_grade *grade)
{
    for (size_t i = 0; i < PLATESIEVE_GRADES; i++) {
        if (strcmp(name, grade_names[i]) == 0) {
            *grade = (enum platesieve_grade)i;
            return true;
        }
    }
    return false;
}

static void append(struct platesieve_message *message, const void *bytes, size_t size)
{
    memcpy(message->bytes + message->length, bytes, size);
    message->length = (uint8_t)(message->length + size);
}

/* The rest of the message stays zero, so that comparing whole arrays compares by bytes. */
static void message_make(enum platesieve_grade grade, const char *jurisdiction, const char *text, size_t size,
                         struct platesieve_message *message)
{
    static const char protocol[] = "platesieve/1";

    *message = (struct platesieve_message){ 0 };
    append(message, protocol, sizeof protocol);
    append(message, grade_names[grade], strlen(grade_names[grade]) + 1);
    append(message, jurisdiction, strlen(jurisdiction) + 1);
    append(message, text, size);
}

/* MARK and the plate, without the character at LEFT_OUT (the plate's length: none). */
static void text_shortened(const struct platesieve_plate *plate, char mark, size_t left_out, struct text *text)
{
    text->length = 0;
    text->bytes[text->length++] = mark;
    for (size_t i = 0; i < plate->length; i++)
        if (i != left_out)
            text->bytes[text->length++] = plate->text[i];
}

static void text_masked(const struct platesieve_plate *plate, size_t masked, struct text *text)
{
    text->length = plate->length;
    memcpy(text->bytes, plate->text, plate->length);
    text->bytes[masked] = '?';
}

static int compare(const void *left, const void *right)
{
    const struct platesieve_message *a = left, *b = right;

    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* Sorts and removes duplicates; sets are small, so by insertion. */
static size_t make_set(struct platesieve_message *messages, size_t count)
{
    struct platesieve_message moved;
    size_t kept = 1;

    for (size_t i = 1; i < count; i++) {
        size_t place = kept;

        while (place > 0 && compare(&messages[i], &messages[place - 1]) < 0)
            place--;
        if (place > 0 && compare(&messages[i], &messages[place - 1]) == 0)
            continue;
        moved = messages[i];
        memmove(&messages[place + 1], &messages[place], (kept - place) * sizeof moved);
        messages[place] = moved;
        kept++;
    }
    platesieve_wipe(&messages[kept], (count - kept) * sizeof *messages);
    platesieve_wipe(&moved, sizeof moved);
    return kept;
}

/* Both sides mask each character: one misread.  The side that has a character more leaves each out in turn; the other sends the
   whole: `=` where the lane misses one, `+` where it has one too many.  A text one short of the least length sends only its whole, so that
   texts of that length are found with a character missing or extra too. */
static size_t near_set(const struct platesieve_plate *folded, enum platesieve_side side, struct platesieve_message *messages)
{
    const char whole = side == PLATESIEVE_SIDE_LANE ? '=' : '+';
    const char shortened = side == PLATESIEVE_SIDE_LANE ? '+' : '=';
    struct text text;
    size_t count = 0;

    for (size_t i = 0; folded->length >= PLATESIEVE_NEAR_LENGTH_MIN && i < folded->length; i++) {
        text_masked(folded, i, &text);
        message_make(PLATESIEVE_NEAR, "", text.bytes, text.length, &messages[count++]);
        text_shortened(folded, shortened, i, &text);
        message_make(PLATESIEVE_NEAR, "", text.bytes, text.length, &messages[count++]);
    }
    text_shortened(folded, whole, folded->length, &text);
    message_make(PLATESIEVE_NEAR, "", text.bytes, text.length, &messages[count++]);
    platesieve_wipe(&text, sizeof text);
    return make_set(messages, count);
}

static bool arguments_are_good(const struct platesieve_plate *canonical, const struct platesieve_jurisdiction *jurisdiction,
                               enum platesieve_grade grade, enum platesieve_side side)
{
    return canonical->length >= 1 && canonical->length <= PLATESIEVE_PLATE_MAX && (size_t)grade < PLATESIEVE_GRADES &&
           (side == PLATESIEVE_SIDE_LIST || side == PLATESIEVE_SIDE_LANE) &&
           memchr(jurisdiction->code, 0, sizeof jurisdiction->code) != NULL;
}

struct platesieve_result platesieve_messages(const struct platesieve_plate *canonical,
                                             const struct platesieve_jurisdiction *jurisdiction, enum platesieve_grade grade,
                                             enum platesieve_side side, struct platesieve_message *messages, size_t *count)
{
    enum platesieve_reason reason = PLATESIEVE_OK;
    struct platesieve_plate folded;

    *count = 0;
    if (!arguments_are_good(canonical, jurisdiction, grade, side))
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    folded = platesieve_plate_fold(canonical);
    switch (grade) {
    case PLATESIEVE_FULL:
        if (jurisdiction->code[0] == 0) {
            reason = PLATESIEVE_UNKNOWN_JURISDICTION;
            break;
        }
        message_make(grade, jurisdiction->code, canonical->text, canonical->length, &messages[(*count)++]);
        break;
    case PLATESIEVE_PLATE:
        message_make(grade, "", canonical->text, canonical->length, &messages[(*count)++]);
        break;
    case PLATESIEVE_SIMILAR:
        message_make(grade, "", folded.text, folded.length, &messages[(*count)++]);
        break;
    case PLATESIEVE_NEAR:
        if (folded.length < PLATESIEVE_NEAR_LENGTH_MIN - 1) {
            reason = PLATESIEVE_TOO_SHORT_FOR_NEAR;
            break;
        }
        *count = near_set(&folded, side, messages);
        break;
    }
    platesieve_wipe(&folded, sizeof folded);
    return (struct platesieve_result){ reason };
}
