/* The key server's side: key pairs and evaluation. */
#include "crypto/suite.h"
#include "crypto/voprf.h"

/* Tokens come by way of platesieve_voprf_begin: who makes them does not hold the key. */
const struct suite suite_voprf_ristretto255_sha512 = {
    .name = "voprf-ristretto255-sha512",
};

struct platesieve_result voprf_key_allocate(struct platesieve_voprf_key **key)
{
    *key = platesieve_secret_allocate(sizeof **key + sizeof *(*key)->desk);
    if (*key == NULL)
        return (struct platesieve_result){ PLATESIEVE_NO_MEMORY };
    (*key)->desk = (struct voprf_desk *)(void *)(*key + 1);
    return (struct platesieve_result){ PLATESIEVE_OK };
}

struct platesieve_result voprf_key_finish(struct platesieve_voprf_key **key)
{
    bool good = voprf_scalar_is_canonical((*key)->scalar) && voprf_multiply_base((*key)->scalar, &(*key)->public_key);

    sodium_stackzero(VOPRF_STACK_BYTES);
    if (good)
        return (struct platesieve_result){ PLATESIEVE_OK };
    platesieve_voprf_key_destroy(*key);
    *key = NULL;
    return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
}

struct platesieve_result voprf_key_derive(enum voprf_mode mode, const uint8_t seed[PLATESIEVE_SEED_BYTES],
                                          const void *info, size_t size, struct platesieve_voprf_key **key)
{
    const struct voprf_bytes tag = voprf_tag("DeriveKeyPair", mode); /* no dash: RFC 9497, 3.2.1 */
    struct platesieve_result result = voprf_key_allocate(key);
    struct voprf_bytes input = { .size = 0 };

    assert(size <= VOPRF_INFO_MAX);
    if (platesieve_failed(result))
        return result;
    voprf_add(&input, seed, PLATESIEVE_SEED_BYTES);
    voprf_add_sized(&input, info, size);
    voprf_add(&input, "", 1); /* the counter, which goes up when the scalar is zero: never */
    voprf_hash_to_scalar(&tag, &input, (*key)->scalar);
    while (sodium_is_zero((*key)->scalar, VOPRF_SCALAR_BYTES) && ++input.bytes[input.size - 1] != 0)
        voprf_hash_to_scalar(&tag, &input, (*key)->scalar);
    sodium_memzero(&input, sizeof input);
    return voprf_key_finish(key);
}

struct platesieve_result platesieve_voprf_key_derive(const uint8_t seed[PLATESIEVE_SEED_BYTES], const char *epoch_id,
                                                     struct platesieve_voprf_key **key)
{
    static const char label[] = "platesieve/1/epoch-key";
    size_t length = strnlen(epoch_id, LIMIT_EPOCH_ID_MAX + 1);
    struct voprf_bytes info = { .size = 0 };

    *key = NULL;
    if (length == 0 || length > LIMIT_EPOCH_ID_MAX)
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    static_assert(sizeof label + LIMIT_EPOCH_ID_MAX <= VOPRF_INFO_MAX, "label and id must fit");
    voprf_add(&info, label, sizeof label);
    voprf_add(&info, epoch_id, length);
    return voprf_key_derive(VOPRF_MODE_VOPRF, seed, info.bytes, info.size, key);
}

void platesieve_voprf_key_destroy(struct platesieve_voprf_key *key)
{
    platesieve_secret_free(key);
}

struct platesieve_element platesieve_voprf_public_key(const struct platesieve_voprf_key *key)
{
    return key->public_key;
}

struct platesieve_result platesieve_voprf_key_id(const struct platesieve_element *public_key,
                                                 uint8_t key_id[PLATESIEVE_KEY_ID_BYTES])
{
    uint8_t digest[crypto_hash_sha256_BYTES];

    memset(key_id, 0, PLATESIEVE_KEY_ID_BYTES);
    if (!voprf_element_is_good(public_key))
        return (struct platesieve_result){ PLATESIEVE_BAD_ELEMENT };
    crypto_hash_sha256(digest, public_key->bytes, sizeof public_key->bytes);
    memcpy(key_id, digest, PLATESIEVE_KEY_ID_BYTES);
    return (struct platesieve_result){ PLATESIEVE_OK };
}

/* -- evaluation ---------------------------------------------------------------------------------------------------- */

static struct platesieve_result evaluate_all(const struct platesieve_voprf_key *key,
                                             const struct platesieve_element *blinded, size_t count,
                                             struct platesieve_element *evaluated)
{
    if (count < 1 || count > PLATESIEVE_VOPRF_BATCH_MAX)
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    for (size_t i = 0; i < count; i++) {
        if (voprf_multiply(key->scalar, &blinded[i], &evaluated[i]))
            continue;
        sodium_memzero(evaluated, count * sizeof *evaluated);
        return (struct platesieve_result){ PLATESIEVE_BAD_ELEMENT };
    }
    return (struct platesieve_result){ PLATESIEVE_OK };
}

struct platesieve_result platesieve_voprf_evaluate_unverified(const struct platesieve_voprf_key *key,
                                                              const struct platesieve_element *blinded, size_t count,
                                                              struct platesieve_element *evaluated)
{
    struct platesieve_result result = evaluate_all(key, blinded, count, evaluated);

    sodium_stackzero(VOPRF_STACK_BYTES);
    return result;
}

struct platesieve_result voprf_evaluate(const struct platesieve_voprf_key *key,
                                        const struct platesieve_element *blinded, size_t count,
                                        struct voprf_proving *proving, struct platesieve_element *evaluated,
                                        struct platesieve_voprf_proof *proof)
{
    struct platesieve_result result = evaluate_all(key, blinded, count, evaluated);

    if (platesieve_failed(result))
        return result;
    result = voprf_prove(key->scalar, &key->public_key, blinded, evaluated, count, proving, proof);
    sodium_stackzero(VOPRF_STACK_BYTES);
    if (platesieve_failed(result)) {
        sodium_memzero(evaluated, count * sizeof *evaluated);
        sodium_memzero(proof, sizeof *proof);
    }
    return result;
}

/* A place at the desk, or one of its own where all are taken.  NULL: no memory. */
static struct voprf_proving *sit_down(struct voprf_desk *desk)
{
    uint_least32_t taken = atomic_load(&desk->taken);

    while (taken != UINT32_MAX) {
        const int free_place = __builtin_ctz((unsigned)~taken);

        if (atomic_compare_exchange_weak(&desk->taken, &taken, taken | UINT32_C(1) << free_place))
            return &desk->places[free_place];
    }
    return platesieve_secret_allocate(sizeof(struct voprf_proving));
}

static void stand_up(struct voprf_desk *desk, struct voprf_proving *proving)
{
    if (proving < desk->places || proving >= desk->places + VOPRF_DESK_PLACES) {
        platesieve_secret_free(proving);
        return;
    }
    sodium_memzero(proving, sizeof *proving);
    atomic_fetch_and(&desk->taken, ~(UINT32_C(1) << (proving - desk->places)));
}

struct platesieve_result platesieve_voprf_evaluate(const struct platesieve_voprf_key *key,
                                                   const struct platesieve_element *blinded, size_t count,
                                                   struct platesieve_element *evaluated,
                                                   struct platesieve_voprf_proof *proof)
{
    struct voprf_proving *proving = sit_down(key->desk);
    struct platesieve_result result;

    sodium_memzero(proof, sizeof *proof);
    if (proving == NULL)
        return (struct platesieve_result){ PLATESIEVE_NO_MEMORY };
    crypto_core_ristretto255_scalar_random(proving->nonce);
    result = voprf_evaluate(key, blinded, count, proving, evaluated, proof);
    stand_up(key->desk, proving);
    return result;
}
