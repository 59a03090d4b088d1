/* Any bytes as a file of registered names: what is accepted is sorted, of the right roles, and survives being printed. */
#include "server/http/roll.h"

#include "tests/fuzz/fuzz.h"

#define KEYD (ROLE_READER | ROLE_AGENCY | ROLE_OPERATOR_KEYS | ROLE_AUDITOR | ROLE_NODE)

static void check_entry(const struct roll_entry *entry)
{
    struct peer peer;

    FUZZ_ASSERT(!failed(peer_parse_name(entry->name, strlen(entry->name), &peer)));
    FUZZ_ASSERT(peer.role == entry->role && (peer.role & KEYD) != 0);
    FUZZ_ASSERT(roll_quota_valid(entry->quota));
    FUZZ_ASSERT((entry->rights != 0) == (entry->role == ROLE_AGENCY) && entry->rights <= RIGHTS_ALL);
    FUZZ_ASSERT(strlen(entry->by) <= LIMIT_IDENTITY_MAX && strpbrk(entry->by, "\n[]=") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct roll roll, again;
    struct roll_problem problem;
    size_t printed = 0;

    bool good = roll_parse((const char *)data, size, KEYD, &roll, &problem);
    FUZZ_ASSERT(good || problem.why != NULL);
    FUZZ_ASSERT(roll.count <= LIMIT_REGISTERED);
    if (good) {
        for (size_t i = 0; i < roll.count; i++) {
            check_entry(&roll.entries[i]);
            FUZZ_ASSERT(i == 0 || strcmp(roll.entries[i - 1].name, roll.entries[i].name) < 0);
        }
        char *text = roll_print(&roll, &printed);
        FUZZ_ASSERT(text != NULL && roll_parse(text, printed, KEYD, &again, &problem));
        FUZZ_ASSERT(again.count == roll.count);
        free(text);
        roll_clear(&again);
    }
    roll_clear(&roll);
    return 0;
}
