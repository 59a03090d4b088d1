#include "client/check/internal.h"

_Static_assert(_Alignof(struct platesieve_token) == 1, "tokens stand behind messages without a gap");
_Static_assert(PLATESIEVE_NEAR_MAX <= UINT8_MAX, "a count fits");

/* Room for one more `near` set than there can be: platesieve_messages() wants room for a whole one. */
bool check_place_create(struct check_place *place, size_t reads, size_t candidates)
{
    const size_t capacity = reads * candidates * CHECK_TOKENS_MAX + PLATESIEVE_NEAR_MAX;
    const size_t each = sizeof(*place->messages) + LIMIT_EPOCHS_OPEN * sizeof(*place->tokens);

    *place = (struct check_place) { .reads = reads, .candidates = candidates, .capacity = capacity };
    place->sets = calloc(reads * candidates, sizeof(*place->sets));
    place->messages = platesieve_secret_allocate(capacity * each);
    if (place->messages != NULL) place->tokens = (struct platesieve_token *)(void *)&place->messages[capacity];
    return place->sets != NULL && place->messages != NULL;
}

void check_place_destroy(struct check_place *place)
{
    platesieve_secret_free(place->messages);
    free(place->sets);
    *place = (struct check_place) { 0 };
}

static void wipe_messages(struct check_place *place)
{
    const size_t dirty = place->used + PLATESIEVE_NEAR_MAX;

    platesieve_wipe(place->messages, (dirty < place->capacity ? dirty : place->capacity) * sizeof(*place->messages));
}

void check_place_wipe(struct check_place *place)
{
    wipe_messages(place);
    for (size_t i = 0; i < LIMIT_EPOCHS_OPEN; i++) platesieve_wipe(place->tokens + i * place->capacity, place->used * sizeof(*place->tokens));
    platesieve_wipe(place->sets, place->reads * place->candidates * sizeof(*place->sets));
    place->used = 0;
}

size_t check_candidates(const struct check_policy *policy, const struct check_place *place, const struct check_read *read)
{
    size_t count = read->count;

    if (count > LIMIT_CHECK_CANDIDATES) count = LIMIT_CHECK_CANDIDATES;
    if (count > place->candidates) count = place->candidates;
    return count < policy->candidates_max ? count : policy->candidates_max;
}

const struct check_set *check_set_of(const struct check_place *place, size_t read, size_t candidate)
{
    return &place->sets[read * place->candidates + candidate];
}

const struct platesieve_token *check_tokens_of(const struct check_place *place, size_t epoch, const struct check_set *set, enum platesieve_grade grade)
{
    return place->tokens + epoch * place->capacity + set->first[grade];
}

/* -- messages -------------------------------------------------------------------------------------------------------- */

/* Candidates of one read have much in common: folded, most of them are one text.  The same messages are evaluated once. */
static bool find_same(const struct check_place *place, size_t read, size_t candidate, enum platesieve_grade grade, size_t count, uint32_t *first)
{
    const struct platesieve_message *messages = place->messages + place->used;

    for (size_t i = 0; count > 0 && i < candidate; i++) {
        const struct check_set *other = check_set_of(place, read, i);

        if (other->counts[grade] != count || memcmp(place->messages + other->first[grade], messages, count * sizeof(*messages)) != 0) continue;
        *first = other->first[grade];
        return true;
    }
    return false;
}

/* The messages of one candidate, one grade after the other. */
static bool add_messages(const struct check_policy *policy, const struct check_candidate *plate, struct check_place *place, size_t read,
                         size_t candidate)
{
    struct check_set *set = &place->sets[read * place->candidates + candidate];

    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) {
        struct platesieve_result result;
        size_t count = 0;

        if ((policy->grades & (1u << grade)) == 0) continue;
        if (place->used + PLATESIEVE_NEAR_MAX > place->capacity) return false;
        result = platesieve_messages(&plate->plate, &plate->jurisdiction, grade, PLATESIEVE_SIDE_LANE, place->messages + place->used, &count);
        if (result.reason == PLATESIEVE_UNKNOWN_JURISDICTION) continue; /* `full` is left out */
        if (platesieve_failed(result) && result.reason != PLATESIEVE_TOO_SHORT_FOR_NEAR) return false;
        set->made[grade] = true;
        set->first[grade] = (uint32_t)place->used;
        if (!find_same(place, read, candidate, grade, count, &set->first[grade])) place->used += count;
        set->counts[grade] = (uint8_t)count;
    }
    return true;
}

/* -- tokens ---------------------------------------------------------------------------------------------------------- */

enum key_outcome check_tokens_make(const struct check_policy *policy, const struct check_read *reads, size_t count, struct evaluator *evaluator,
                                   struct check_place *place)
{
    enum key_outcome outcome = KEY_DONE;
    unsigned retry_after_s;

    check_place_wipe(place);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < check_candidates(policy, place, &reads[i]); c++)
            if (!add_messages(policy, &reads[i].candidates[c], place, i, c)) outcome = KEY_WRONG;
    if (outcome == KEY_DONE)
        outcome = evaluator_tokens(evaluator, policy->epochs, policy->epoch_count, place->messages, place->used, place->tokens, place->capacity,
                                   &retry_after_s);
    wipe_messages(place);
    return outcome;
}
