/* Any bytes as a plate and as a jurisdiction: what comes out keeps the library's promises. */
#include <platesieve/platesieve.h>

#include "tests/fuzz/fuzz.h"

static void check_form(const struct platesieve_plate *plate)
{
    FUZZ_ASSERT(plate->length >= 1 && plate->length <= PLATESIEVE_PLATE_MAX);
    for (size_t i = 0; i < plate->length; i++) {
        char character = plate->text[i];

        FUZZ_ASSERT((character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z' && character != 'O'));
    }
}

static void check_messages(const struct platesieve_plate *plate, enum platesieve_grade grade, enum platesieve_side side)
{
    static const struct platesieve_jurisdiction longest = { "MX-BCN" };
    struct platesieve_message messages[PLATESIEVE_NEAR_MAX];
    struct platesieve_result result;
    size_t count;

    result = platesieve_messages(plate, &longest, grade, side, messages, &count);
    if (grade == PLATESIEVE_NEAR && plate->length < PLATESIEVE_NEAR_LENGTH_MIN - 1) {
        FUZZ_ASSERT(result.reason == PLATESIEVE_TOO_SHORT_FOR_NEAR && count == 0);
        return;
    }
    FUZZ_ASSERT(!platesieve_failed(result));
    FUZZ_ASSERT(grade == PLATESIEVE_NEAR && plate->length >= PLATESIEVE_NEAR_LENGTH_MIN
                    ? count > plate->length && count <= 2u * plate->length + 1
                    : count == 1);
    for (size_t i = 0; i < count; i++) {
        FUZZ_ASSERT(messages[i].length <= PLATESIEVE_MESSAGE_MAX);
        FUZZ_ASSERT(i == 0 || memcmp(messages[i - 1].bytes, messages[i].bytes, PLATESIEVE_MESSAGE_MAX) < 0);
    }
}

static void try_plate(const char *raw, size_t size)
{
    struct platesieve_plate plate, again, folded;

    if (platesieve_failed(platesieve_plate_canonicalise(raw, size, &plate)))
        return;
    check_form(&plate);
    FUZZ_ASSERT(!platesieve_failed(platesieve_plate_canonicalise(plate.text, plate.length, &again)));
    FUZZ_ASSERT(memcmp(&plate, &again, sizeof plate) == 0);
    folded = platesieve_plate_fold(&plate);
    check_form(&folded);
    FUZZ_ASSERT(folded.length == plate.length);
    for (int grade = 0; grade < PLATESIEVE_GRADES; grade++) {
        check_messages(&plate, (enum platesieve_grade)grade, PLATESIEVE_SIDE_LANE);
        check_messages(&plate, (enum platesieve_grade)grade, PLATESIEVE_SIDE_LIST);
    }
}

static void try_jurisdiction(enum platesieve_codes codes, const char *raw, size_t size)
{
    struct platesieve_jurisdiction jurisdiction, again;

    if (platesieve_failed(platesieve_jurisdiction_map(codes, raw, size, &jurisdiction))) {
        FUZZ_ASSERT(jurisdiction.code[0] == 0);
        return;
    }
    FUZZ_ASSERT(!platesieve_failed(
        platesieve_jurisdiction_map(PLATESIEVE_CODES_ISO, jurisdiction.code, strlen(jurisdiction.code), &again)));
    FUZZ_ASSERT(strcmp(jurisdiction.code, again.code) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_plate((const char *)data, size);
    for (int codes = 0; codes <= PLATESIEVE_CODES_USPS; codes++)
        try_jurisdiction((enum platesieve_codes)codes, (const char *)data, size);
    return 0;
}
