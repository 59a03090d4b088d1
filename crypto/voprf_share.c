/* A key that no machine holds: shares are the values at 1, 2, 3 of a line, the whole key its value at 0, and any two
   points are the line.  Server i's share is the sum over j of s_j (1 - i/j), where s_j comes from seed j: the term
   of j = i is zero, so server i does without seed i, and whoever has the seeds of one server alone knows nothing of
   the key. */
#include "crypto/voprf.h"

#define ANSWERS 2

static bool is_server(unsigned number)
{
    return number >= 1 && number <= PLATESIEVE_KEY_SERVERS;
}

/* s_j: HMAC-SHA-512 of the epoch under the seed, little-endian, reduced. */
static void seed_scalar(const uint8_t seed[PLATESIEVE_SEED_BYTES], const char *epoch_id,
                        uint8_t scalar[VOPRF_SCALAR_BYTES])
{
    static const char label[] = "platesieve/1/share";
    crypto_auth_hmacsha512_state state;
    uint8_t mac[crypto_auth_hmacsha512_BYTES];

    static_assert(sizeof mac == crypto_core_ristretto255_NONREDUCEDSCALARBYTES, "a MAC is reduced to a scalar");
    crypto_auth_hmacsha512_init(&state, seed, PLATESIEVE_SEED_BYTES);
    crypto_auth_hmacsha512_update(&state, (const uint8_t *)label, sizeof label);
    crypto_auth_hmacsha512_update(&state, (const uint8_t *)epoch_id, strlen(epoch_id));
    crypto_auth_hmacsha512_final(&state, mac);
    crypto_core_ristretto255_scalar_reduce(scalar, mac);
    sodium_memzero(&state, sizeof state);
    sodium_memzero(mac, sizeof mac);
}

/* 1 - i/j */
static void weight_of_seed(unsigned i, unsigned j, uint8_t weight[VOPRF_SCALAR_BYTES])
{
    uint8_t one[VOPRF_SCALAR_BYTES], of_i[VOPRF_SCALAR_BYTES], of_j[VOPRF_SCALAR_BYTES];

    voprf_small_scalar(1, one);
    voprf_small_scalar(i, of_i);
    voprf_small_scalar(j, of_j);
    crypto_core_ristretto255_scalar_invert(of_j, of_j);
    crypto_core_ristretto255_scalar_mul(of_i, of_i, of_j);
    crypto_core_ristretto255_scalar_sub(weight, one, of_i);
}

/* What s_j must be multiplied with is public; s_j and the sum are not. */
struct share_scratch {
    uint8_t term[VOPRF_SCALAR_BYTES];
    uint8_t sum[VOPRF_SCALAR_BYTES];
};

static void share_scalar(unsigned server, const uint8_t *const seeds[2], const char *epoch_id,
                         struct share_scratch *scratch)
{
    uint8_t weight[VOPRF_SCALAR_BYTES];

    for (unsigned j = 1, next = 0; j <= PLATESIEVE_KEY_SERVERS; j++) {
        if (j == server)
            continue;
        weight_of_seed(server, j, weight);
        seed_scalar(seeds[next++], epoch_id, scratch->term);
        crypto_core_ristretto255_scalar_mul(scratch->term, scratch->term, weight);
        crypto_core_ristretto255_scalar_add(scratch->sum, scratch->sum, scratch->term);
    }
}

struct platesieve_result platesieve_voprf_key_share(unsigned server, const uint8_t lower[PLATESIEVE_SEED_BYTES],
                                                    const uint8_t higher[PLATESIEVE_SEED_BYTES], const char *epoch_id,
                                                    struct platesieve_voprf_key **key)
{
    const uint8_t *const seeds[2] = { lower, higher };
    size_t length = strnlen(epoch_id, LIMIT_EPOCH_ID_MAX + 1);
    struct share_scratch *scratch;
    struct platesieve_result result;

    static_assert(PLATESIEVE_KEY_SERVERS == 3, "a server has the seeds of two others");
    *key = NULL;
    if (!is_server(server) || length == 0 || length > LIMIT_EPOCH_ID_MAX)
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    scratch = platesieve_secret_allocate(sizeof *scratch); /* zero */
    if (scratch == NULL)
        return (struct platesieve_result){ PLATESIEVE_NO_MEMORY };
    share_scalar(server, seeds, epoch_id, scratch);
    result = voprf_key_allocate(key);
    if (!platesieve_failed(result)) {
        memcpy((*key)->scalar, scratch->sum, VOPRF_SCALAR_BYTES);
        result = voprf_key_finish(key);
    }
    platesieve_secret_free(scratch);
    return result;
}

/* -- combining ----------------------------------------------------------------------------------------------------- */

/* What the value at A counts for the value at 0, when the other is at B: b/(b - a). */
static void weight_of_share(unsigned a, unsigned b, uint8_t weight[VOPRF_SCALAR_BYTES])
{
    uint8_t of_a[VOPRF_SCALAR_BYTES], of_b[VOPRF_SCALAR_BYTES];

    voprf_small_scalar(a, of_a);
    voprf_small_scalar(b, of_b);
    crypto_core_ristretto255_scalar_sub(of_a, of_b, of_a);
    crypto_core_ristretto255_scalar_invert(of_a, of_a);
    crypto_core_ristretto255_scalar_mul(weight, of_b, of_a);
}

struct platesieve_result platesieve_voprf_combine(unsigned a, const struct platesieve_element *of_a, unsigned b,
                                                  const struct platesieve_element *of_b,
                                                  struct platesieve_element *whole)
{
    uint8_t weight[VOPRF_SCALAR_BYTES];
    struct platesieve_element left, right, sum;

    memset(whole, 0, sizeof *whole);
    if (!is_server(a) || !is_server(b) || a == b)
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    weight_of_share(a, b, weight);
    if (!voprf_multiply(weight, of_a, &left))
        return (struct platesieve_result){ PLATESIEVE_BAD_ELEMENT };
    weight_of_share(b, a, weight);
    if (!voprf_multiply(weight, of_b, &right) || !voprf_sum(&left, &right, &sum) ||
        sodium_is_zero(sum.bytes, sizeof sum.bytes))
        return (struct platesieve_result){ PLATESIEVE_BAD_ELEMENT };
    *whole = sum;
    return (struct platesieve_result){ PLATESIEVE_OK };
}

static bool on_one_line(const struct platesieve_voprf_shares *shares, unsigned a, unsigned b)
{
    struct platesieve_element whole;

    return !platesieve_failed(
               platesieve_voprf_combine(a, &shares->shares[a - 1], b, &shares->shares[b - 1], &whole)) &&
           sodium_memcmp(whole.bytes, shares->public_key.bytes, sizeof whole.bytes) == 0;
}

struct platesieve_result platesieve_voprf_shares_check(
    const struct platesieve_element *public_key, const struct platesieve_element *const shares[PLATESIEVE_KEY_SERVERS],
    struct platesieve_voprf_shares *checked)
{
    bool any = false;

    *checked = (struct platesieve_voprf_shares){ .public_key = *public_key };
    if (!voprf_element_is_good(public_key))
        return (struct platesieve_result){ PLATESIEVE_BAD_ELEMENT };
    for (unsigned i = 0; i < PLATESIEVE_KEY_SERVERS; i++)
        if (shares[i] != NULL)
            checked->shares[i] = *shares[i];
    for (unsigned a = 1; a < PLATESIEVE_KEY_SERVERS; a++) {
        for (unsigned b = a + 1; b <= PLATESIEVE_KEY_SERVERS;
             b++) { /* one that was not told is zero: no pair of it fits */
            if (!on_one_line(checked, a, b))
                continue;
            checked->good[a - 1] = checked->good[b - 1] = any = true;
        }
    }
    return (struct platesieve_result){ any ? PLATESIEVE_OK : PLATESIEVE_BAD_SHARE };
}

static bool answers_are_of_two(const struct platesieve_voprf_shares *shares,
                               const struct platesieve_voprf_answer answers[ANSWERS])
{
    for (size_t i = 0; i < ANSWERS; i++)
        if (!is_server(answers[i].server) || !shares->good[answers[i].server - 1])
            return false;
    return answers[0].server != answers[1].server;
}

struct platesieve_result platesieve_voprf_finish_shares(struct platesieve_voprf_batch *batch,
                                                        const struct platesieve_voprf_shares *shares,
                                                        const struct platesieve_voprf_answer answers[ANSWERS],
                                                        struct platesieve_token *tokens, unsigned *at_fault)
{
    uint8_t weights[ANSWERS][VOPRF_SCALAR_BYTES];
    struct voprf_part parts[ANSWERS];
    unsigned nobody;

    if (at_fault == NULL)
        at_fault = &nobody;
    *at_fault = 0;
    platesieve_wipe(tokens, batch->count * sizeof *tokens);
    if (batch->count < 1 || !answers_are_of_two(shares, answers))
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    for (size_t i = 0; i < ANSWERS; i++) {
        const struct platesieve_voprf_answer *answer = &answers[i];
        struct platesieve_result result = { PLATESIEVE_BAD_ARGUMENT };

        if (answer->count == batch->count)
            result = voprf_verify(&shares->shares[answer->server - 1], batch->blinded, answer->evaluated,
                                  answer->count, answer->proof);
        if (platesieve_failed(result)) {
            *at_fault = answer->server;
            return result;
        }
        weight_of_share(answer->server, answers[ANSWERS - 1 - i].server, weights[i]);
        parts[i] = (struct voprf_part){ .evaluated = answer->evaluated, .coefficient = weights[i] };
    }
    return voprf_tokens(batch, parts, ANSWERS, tokens);
}
