/* Lines of a part, as an agency's client sends them: whatever comes, memory stays whole and what is taken is within its limits. */

#include "server/gate/lists/part_parse.h"
#include "tests/fuzz/fuzz.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[PLATESIEVE_KEY_BYTES] = { 1 };
    struct platesieve_pepper *pepper = NULL;
    struct part part = { 0 };
    uint32_t line = 0;

    if (platesieve_failed(platesieve_init())) return 0;
    if (platesieve_failed(platesieve_pepper_create(key, "20990101T000000Z", &pepper))) return 0;
    struct part_epoch epoch = { "20990101T000000Z", 1, pepper };
    if (!failed(part_parse((const char *)data, size, "customs", "watch", &epoch, 1, &part, &line))) {
        for (size_t i = 0; i < part.slot_count; i++) FUZZ_ASSERT(part.slots[i].entry < part.entry_count && part.slots[i].grade < PLATESIEVE_GRADES);
        for (size_t i = 0; i < part.entry_count; i++) FUZZ_ASSERT(part.entries[i].reference[0] != '\0');
    }
    part_free(&part);
    platesieve_pepper_destroy(pepper);
    return 0;
}
