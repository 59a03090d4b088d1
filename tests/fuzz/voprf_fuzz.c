/* What comes over the wire in the second suite.  The first byte says where the rest goes.  Even: it is XORed onto the
   right answer of a server (two evaluated elements, proof, public key), so that any change must be refused.  Odd: it is
   taken as it is, as elements for a server to evaluate, and as an answer, a public key and shares for a client. */
#include <platesieve/platesieve.h>

#include "crypto/voprf.h"
#include "tests/fuzz/fuzz.h"

#define BATCH 2

/* All that a client is told. */
struct told {
    struct platesieve_element evaluated[BATCH];
    struct platesieve_voprf_proof proof;
    struct platesieve_element public_key;
};

struct scene {
    struct platesieve_voprf_key *key;
    struct platesieve_voprf_batch *batch;
    struct told right;
};

/* The same each time, so that a finding can be found again. */
static void make_scene(struct scene *scene)
{
    static const uint8_t blinds[BATCH][VOPRF_SCALAR_BYTES] = { { 2 }, { 3 } };
    static const struct platesieve_message messages[BATCH] = { { 1, { 'a' } }, { 2, { 'b', 'c' } } };
    const uint8_t seed[PLATESIEVE_SEED_BYTES] = { 1 };
    struct voprf_proving proving = { .nonce = { 5 } };

    FUZZ_ASSERT(!platesieve_failed(platesieve_init()));
    FUZZ_ASSERT(!platesieve_failed(platesieve_voprf_key_derive(seed, "20261122T000000Z", &scene->key)));
    FUZZ_ASSERT(!platesieve_failed(voprf_begin(VOPRF_MODE_VOPRF, messages, BATCH, blinds, &scene->batch)));
    FUZZ_ASSERT(!platesieve_failed(voprf_evaluate(scene->key, scene->batch->blinded, BATCH, &proving,
                                                  scene->right.evaluated, &scene->right.proof)));
    scene->right.public_key = platesieve_voprf_public_key(scene->key);
}

static void try_told(struct scene *scene, const struct told *told)
{
    struct platesieve_token tokens[BATCH];
    struct platesieve_result result =
        platesieve_voprf_finish(scene->batch, &told->public_key, told->evaluated, BATCH, &told->proof, tokens);

    FUZZ_ASSERT(platesieve_failed(result) == (memcmp(told, &scene->right, sizeof *told) != 0));
    FUZZ_ASSERT(platesieve_failed(result) == sodium_is_zero((const uint8_t *)tokens, sizeof tokens));
}

/* A server answers exactly what is canonical and not the identity; what it answered is good, and proven. */
static void try_evaluate(const struct scene *scene, const struct platesieve_element *elements, size_t count)
{
    struct platesieve_element evaluated[BATCH], unverified[BATCH];
    struct platesieve_voprf_proof proof;
    bool good = count > 0;

    for (size_t i = 0; i < count; i++)
        good = good && voprf_element_is_good(&elements[i]) && elements[i].bytes[31] >> 7 == 0 &&
               elements[i].bytes[0] % 2 == 0;
    FUZZ_ASSERT(platesieve_failed(platesieve_voprf_evaluate(scene->key, elements, count, evaluated, &proof)) == !good);
    FUZZ_ASSERT(platesieve_failed(platesieve_voprf_evaluate_unverified(scene->key, elements, count, unverified)) ==
                !good);
    if (!good)
        return;
    FUZZ_ASSERT(memcmp(evaluated, unverified, count * sizeof *evaluated) == 0);
    FUZZ_ASSERT(!platesieve_failed(voprf_verify(&scene->right.public_key, elements, evaluated, count, &proof)));
}

static void try_shares(const struct scene *scene, const struct platesieve_element *element)
{
    const struct platesieve_element *const shares[PLATESIEVE_KEY_SERVERS] = { element, &scene->right.public_key,
                                                                              NULL };
    struct platesieve_voprf_shares checked;
    struct platesieve_element whole;
    struct platesieve_result result = platesieve_voprf_combine(1, element, 2, &scene->right.public_key, &whole);

    FUZZ_ASSERT(platesieve_failed(result) == sodium_is_zero(whole.bytes, sizeof whole.bytes));
    FUZZ_ASSERT(platesieve_failed(platesieve_voprf_shares_check(&whole, shares, &checked)) ==
                platesieve_failed(result));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scene scene;
    struct told told = { .public_key = { { 0 } } };
    uint8_t *bytes = (uint8_t *)&told;

    if (scene.key == NULL)
        make_scene(&scene);
    if (size == 0 || size - 1 > sizeof told)
        return 0;
    if (data[0] % 2 == 0) {
        told = scene.right;
        for (size_t i = 1; i < size; i++)
            bytes[i - 1] ^= data[i];
        try_told(&scene, &told);
        return 0;
    }
    memcpy(bytes, data + 1, size - 1);
    try_told(&scene, &told);
    try_evaluate(&scene, told.evaluated,
                 (size - 1) / sizeof *told.evaluated > BATCH ? BATCH : (size - 1) / sizeof *told.evaluated);
    try_shares(&scene, told.evaluated);
    return 0;
}
