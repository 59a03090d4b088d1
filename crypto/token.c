/* Tokens, proof keys and tags. */
#include <platesieve/platesieve.h>

#include <sodium.h>

#include "cleanup.h"
#include "crypto/keyed.h"
#include "crypto/suite.h"

static const struct suite *const suites[] = {
    [PLATESIEVE_HMAC_SHA256] = &suite_hmac_sha256,
    [PLATESIEVE_VOPRF_RISTRETTO255_SHA512] = &suite_voprf_ristretto255_sha512,
};

struct platesieve_prf {
    const struct suite *suite;
    _Alignas(16) unsigned char state[]; /* suite->state_size bytes */
};

const char *platesieve_suite_name(enum platesieve_suite suite)
{
    return (size_t)suite < ARRAY_LENGTH(suites) ? suites[suite]->name : "unknown";
}

bool platesieve_suite_parse(const char *name, enum platesieve_suite *suite)
{
    for (size_t i = 0; i < ARRAY_LENGTH(suites); i++) {
        if (strcmp(name, suites[i]->name) == 0) {
            *suite = (enum platesieve_suite)i;
            return true;
        }
    }
    return false;
}

struct platesieve_result platesieve_prf_create(enum platesieve_suite suite, const uint8_t *key, struct platesieve_prf **prf)
{
    struct platesieve_prf *made;
    struct platesieve_result result;

    *prf = NULL;
    if ((size_t)suite >= ARRAY_LENGTH(suites) || suites[suite]->prepare == NULL)
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    made = platesieve_secret_allocate(sizeof *made + suites[suite]->state_size);
    if (made == NULL)
        return (struct platesieve_result){ PLATESIEVE_NO_MEMORY };
    made->suite = suites[suite];
    result = made->suite->prepare(made->state, key);
    if (platesieve_failed(result))
        platesieve_prf_destroy(made);
    else
        *prf = made;
    return result;
}

void platesieve_prf_destroy(struct platesieve_prf *prf)
{
    platesieve_secret_free(prf);
}

void platesieve_prf_key_id(const struct platesieve_prf *prf, uint8_t key_id[PLATESIEVE_KEY_ID_BYTES])
{
    prf->suite->key_id(prf->state, key_id);
}

struct platesieve_result platesieve_prf_evaluate(const struct platesieve_prf *prf, const struct platesieve_message *messages,
                                                 size_t count, struct platesieve_token *tokens)
{
    for (size_t i = 0; i < count; i++)
        if (messages[i].length > PLATESIEVE_MESSAGE_MAX)
            return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    return prf->suite->evaluate(prf->state, messages, count, tokens);
}

void platesieve_tag(const uint8_t proof_key[PLATESIEVE_PROOF_KEY_BYTES], const char *list, const char *agency,
                    uint8_t tag[PLATESIEVE_TAG_BYTES])
{
    static const char label[] = "platesieve/1/tag";
    struct keyed keyed;
    uint8_t mac[KEYED_BYTES];

    keyed_init(&keyed, proof_key, PLATESIEVE_PROOF_KEY_BYTES);
    keyed_prefix(&keyed, label, sizeof label);
    keyed_prefix(&keyed, list, strlen(list) + 1);
    keyed_mac(&keyed, agency, strlen(agency), mac);
    memcpy(tag, mac, PLATESIEVE_TAG_BYTES);
    sodium_memzero(&keyed, sizeof keyed);
    sodium_memzero(mac, sizeof mac);
}
