/* The client's side: messages are blinded, and what comes back becomes tokens. */
#include "crypto/voprf.h"

/* Montgomery's way: one inversion for the whole batch, whose cost is half of a multiplication of an element. */
static void invert_blinds(struct platesieve_voprf_batch *batch)
{
    struct voprf_item *items = batch->items;
    size_t last = batch->count - 1;

    memcpy(items[0].inverse, items[0].blind, VOPRF_SCALAR_BYTES);
    for (size_t i = 1; i <= last; i++) /* for now, the product of all blinds up to this one */
        crypto_core_ristretto255_scalar_mul(items[i].inverse, items[i - 1].inverse, items[i].blind);
    crypto_core_ristretto255_scalar_invert(batch->scratch, items[last].inverse);
    for (size_t i = last; i > 0; i--) {
        crypto_core_ristretto255_scalar_mul(items[i].inverse, batch->scratch, items[i - 1].inverse);
        crypto_core_ristretto255_scalar_mul(batch->scratch, batch->scratch, items[i].blind);
    }
    memcpy(items[0].inverse, batch->scratch, VOPRF_SCALAR_BYTES);
}

/* The blind is not needed any more, and all but its inverse is wiped. */
static bool blind_all(enum voprf_mode mode, struct platesieve_voprf_batch *batch)
{
    struct platesieve_element element;
    bool good = true;

    for (size_t i = 0; good && i < batch->count; i++) {
        const struct platesieve_message *message = &batch->items[i].message;

        element = voprf_hash_to_group(mode, message->bytes, message->length);
        good = voprf_multiply(batch->items[i].blind, &element, &batch->blinded[i]);
    }
    invert_blinds(batch);
    for (size_t i = 0; i < batch->count; i++)
        sodium_memzero(batch->items[i].blind, VOPRF_SCALAR_BYTES);
    sodium_memzero(batch->scratch, sizeof batch->scratch);
    sodium_memzero(&element, sizeof element); /* hash of a plate */
    return good;
}

static bool messages_fit(const struct platesieve_message *messages, size_t count, size_t capacity)
{
    if (count < 1 || count > capacity)
        return false;
    for (size_t i = 0; i < count; i++)
        if (messages[i].length > PLATESIEVE_MESSAGE_MAX)
            return false;
    return true;
}

struct platesieve_result platesieve_voprf_batch_create(size_t capacity, struct platesieve_voprf_batch **batch)
{
    struct platesieve_voprf_batch *made;

    *batch = NULL;
    if (capacity < 1 || capacity > PLATESIEVE_VOPRF_BATCH_MAX)
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    made = platesieve_secret_allocate(sizeof *made + capacity * (sizeof *made->items + sizeof *made->blinded));
    if (made == NULL)
        return (struct platesieve_result){ PLATESIEVE_NO_MEMORY };
    made->capacity = capacity;
    made->blinded = (struct platesieve_element *)(void *)&made->items[capacity];
    *batch = made;
    return (struct platesieve_result){ PLATESIEVE_OK };
}

void platesieve_voprf_batch_destroy(struct platesieve_voprf_batch *batch)
{
    platesieve_secret_free(batch);
}

void platesieve_voprf_batch_clear(struct platesieve_voprf_batch *batch)
{
    sodium_memzero(batch->items, batch->count * sizeof *batch->items);
    sodium_memzero(batch->blinded, batch->count * sizeof *batch->blinded);
    batch->count = 0;
}

struct platesieve_result voprf_blind(enum voprf_mode mode, struct platesieve_voprf_batch *batch,
                                     const struct platesieve_message *messages, size_t count,
                                     const uint8_t (*blinds)[VOPRF_SCALAR_BYTES])
{
    bool good;

    platesieve_voprf_batch_clear(batch);
    if (!messages_fit(messages, count, batch->capacity))
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    batch->count = count;
    for (size_t i = 0; i < count; i++) {
        batch->items[i].message = messages[i];
        if (blinds != NULL)
            memcpy(batch->items[i].blind, blinds[i], VOPRF_SCALAR_BYTES);
        else
            crypto_core_ristretto255_scalar_random(batch->items[i].blind);
    }
    good = blind_all(mode, batch);
    sodium_stackzero(VOPRF_STACK_BYTES);
    if (good)
        return (struct platesieve_result){ PLATESIEVE_OK };
    platesieve_voprf_batch_clear(batch); /* a blind of zero, or a message that hashes to the identity: nobody knows one */
    return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
}

struct platesieve_result platesieve_voprf_blind(struct platesieve_voprf_batch *batch,
                                                const struct platesieve_message *messages, size_t count)
{
    return voprf_blind(VOPRF_MODE_VOPRF, batch, messages, count, NULL);
}

struct platesieve_result voprf_begin(enum voprf_mode mode, const struct platesieve_message *messages, size_t count,
                                     const uint8_t (*blinds)[VOPRF_SCALAR_BYTES],
                                     struct platesieve_voprf_batch **batch)
{
    struct platesieve_result result = platesieve_voprf_batch_create(count, batch);

    if (platesieve_failed(result))
        return result;
    result = voprf_blind(mode, *batch, messages, count, blinds);
    if (!platesieve_failed(result))
        return result;
    platesieve_voprf_batch_destroy(*batch);
    *batch = NULL;
    return result;
}

struct platesieve_result platesieve_voprf_begin(const struct platesieve_message *messages, size_t count,
                                                struct platesieve_voprf_batch **batch)
{
    return voprf_begin(VOPRF_MODE_VOPRF, messages, count, NULL, batch);
}

const struct platesieve_element *platesieve_voprf_blinded(const struct platesieve_voprf_batch *batch)
{
    return batch->blinded;
}

/* -- finishing ----------------------------------------------------------------------------------------------------- */

bool voprf_unblind(struct platesieve_voprf_batch *batch, size_t index, const struct voprf_part *parts, size_t count,
                   struct platesieve_element *unblinded)
{
    struct platesieve_element product;
    bool good = count > 0;

    for (size_t i = 0; good && i < count; i++) {
        const uint8_t *scalar = batch->items[index].inverse;

        if (parts[i].coefficient != NULL) {
            crypto_core_ristretto255_scalar_mul(batch->scratch, scalar, parts[i].coefficient);
            scalar = batch->scratch;
        }
        good = voprf_multiply(scalar, &parts[i].evaluated[index], i == 0 ? unblinded : &product) &&
               (i == 0 || voprf_sum(unblinded, &product, unblinded));
    }
    sodium_memzero(batch->scratch, sizeof batch->scratch);
    sodium_memzero(&product, sizeof product);
    return good;
}

struct platesieve_result voprf_tokens(struct platesieve_voprf_batch *batch, const struct voprf_part *parts,
                                      size_t count, struct platesieve_token *tokens)
{
    uint8_t output[VOPRF_OUTPUT_BYTES];
    struct platesieve_element unblinded;
    bool good = true;

    for (size_t i = 0; good && i < batch->count; i++) {
        good = voprf_unblind(batch, i, parts, count, &unblinded);
        voprf_finalize(&batch->items[i].message, &unblinded, output);
        memcpy(tokens[i].token, output, PLATESIEVE_TOKEN_BYTES);
        memcpy(tokens[i].proof_key, output + PLATESIEVE_TOKEN_BYTES, PLATESIEVE_PROOF_KEY_BYTES);
    }
    sodium_memzero(output, sizeof output);
    sodium_memzero(&unblinded, sizeof unblinded);
    sodium_stackzero(VOPRF_STACK_BYTES);
    if (good)
        return (struct platesieve_result){ PLATESIEVE_OK };
    platesieve_wipe(tokens, batch->count * sizeof *tokens);
    return (struct platesieve_result){ PLATESIEVE_BAD_ELEMENT };
}

struct platesieve_result platesieve_voprf_finish(struct platesieve_voprf_batch *batch,
                                                 const struct platesieve_element *public_key,
                                                 const struct platesieve_element *evaluated, size_t count,
                                                 const struct platesieve_voprf_proof *proof,
                                                 struct platesieve_token *tokens)
{
    const struct voprf_part whole = { .evaluated = evaluated };
    struct platesieve_result result;

    platesieve_wipe(tokens, batch->count * sizeof *tokens);
    if (count < 1 || count != batch->count)
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    result = voprf_verify(public_key, batch->blinded, evaluated, count, proof);
    return platesieve_failed(result) ? result : voprf_tokens(batch, &whole, 1, tokens);
}
