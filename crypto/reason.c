/* Reasons in words, and the one call that comes before all others. */
#include <platesieve/platesieve.h>

#include <sodium.h>

#include "cleanup.h"

static const char *const reason_texts[] = {
    [PLATESIEVE_OK] = "It worked.",
    [PLATESIEVE_NO_MEMORY] = "There is no memory left that could be locked.",
    [PLATESIEVE_NOT_A_PLATE] = "This is not a plate: between 1 and 12 letters and digits must remain, in valid UTF-8.",
    [PLATESIEVE_TOO_SHORT_FOR_NEAR] = "The plate is too short for grade near, which needs 4 characters.",
    [PLATESIEVE_UNKNOWN_JURISDICTION] = "The jurisdiction is unknown, or not in the code set named.",
    [PLATESIEVE_BAD_ARGUMENT] = "An argument is outside of its range.",
    [PLATESIEVE_UNAVAILABLE] = "The machine lacks something that is needed: a source of randomness, or a digest.",
    [PLATESIEVE_BAD_ELEMENT] = "This is not an element of the group in its canonical form, or it is the identity.",
    [PLATESIEVE_BAD_PROOF] = "The proof does not show that these elements were evaluated with that key.",
    [PLATESIEVE_BAD_SHARE] = "The public shares do not belong to the public key.",
};

const char *platesieve_reason_text(enum platesieve_reason reason)
{
    if ((size_t)reason >= ARRAY_LENGTH(reason_texts))
        return "The reason is unknown.";
    return reason_texts[reason];
}

struct platesieve_result platesieve_init(void)
{
    if (sodium_init() < 0)
        return (struct platesieve_result){ PLATESIEVE_UNAVAILABLE };
    return (struct platesieve_result){ PLATESIEVE_OK };
}
