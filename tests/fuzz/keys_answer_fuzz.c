/* Any bytes as the key server's answer: what is taken keeps its promises, and survives being written and read. */
#include "server/gate/keys/answer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct keys_answer answer;
    struct result result = keys_answer_parse((const char *)data, size, &answer);

    FUZZ_ASSERT(answer.count <= LIMIT_EPOCHS_KNOWN);
    FUZZ_ASSERT(!failed(result) || answer.count == 0);
    for (size_t i = 0; i < answer.count; i++) {
        const struct keys_epoch *epoch = &answer.epochs[i];

        FUZZ_ASSERT(epoch->id[0] != 0 && strlen(epoch->id) <= LIMIT_EPOCH_ID_MAX);
        FUZZ_ASSERT(epoch->opens_ms < epoch->closes_ms && epoch->closes_ms <= epoch->destroyed_ms);
        FUZZ_ASSERT(epoch->number <= INT32_MAX && (i == 0 || epoch->number > epoch[-1].number));
    }
    return 0;
}
