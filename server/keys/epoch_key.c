#include "server/keys/epoch_key.h"

#include <pthread.h>

struct epoch_key {
    uint8_t *bytes;                    /* hmac-sha256 */
    struct platesieve_voprf_key *pair; /* voprf-ristretto255-sha512 */
    pthread_mutex_t lock;
    pthread_cond_t returned;
    unsigned borrowed;
};

static struct result reason_of(struct platesieve_result result)
{
    if (!platesieve_failed(result)) return OK;
    return FAIL(result.reason == PLATESIEVE_NO_MEMORY ? REASON_BUSY : REASON_INTERNAL);
}

static struct result take_bytes(struct epoch *epoch, const uint8_t *secret, struct epoch_key *key)
{
    struct platesieve_prf *prf = NULL;
    TRY(reason_of(platesieve_prf_create(epoch->suite, secret, &prf)));
    platesieve_prf_key_id(prf, epoch->key_id);
    platesieve_prf_destroy(prf);
    key->bytes = platesieve_secret_allocate(PLATESIEVE_KEY_BYTES);
    if (key->bytes == NULL) return FAIL(REASON_BUSY);
    memcpy(key->bytes, secret, PLATESIEVE_KEY_BYTES);
    return OK;
}

static struct result make_pair(struct epoch *epoch, const uint8_t *secret, struct epoch_key *key)
{
    if (epoch->server == 0)
        TRY(reason_of(platesieve_voprf_key_derive(secret, epoch->id, &key->pair)));
    else
        TRY(reason_of(platesieve_voprf_key_share(epoch->server, secret, secret + PLATESIEVE_SEED_BYTES, epoch->id,
                                                 &key->pair)));
    epoch->public_key = platesieve_voprf_public_key(key->pair);
    return reason_of(platesieve_voprf_key_id(&epoch->public_key, epoch->key_id));
}

struct result epoch_key_create(struct epoch *epoch, const uint8_t *secret, struct epoch_key **out)
{
    struct epoch_key *key = calloc(1, sizeof *key);
    if (key == NULL) return FAIL(REASON_BUSY);
    pthread_mutex_init(&key->lock, NULL);
    pthread_cond_init(&key->returned, NULL);
    struct result result = epoch->suite == PLATESIEVE_HMAC_SHA256 ? take_bytes(epoch, secret, key)
                                                                  : make_pair(epoch, secret, key);
    if (failed(result))
        epoch_key_retire(key);
    else
        *out = key;
    return result;
}

void epoch_key_borrow(struct epoch_key *key)
{
    pthread_mutex_lock(&key->lock);
    key->borrowed++;
    pthread_mutex_unlock(&key->lock);
}

void epoch_key_give_back(struct epoch_key *key)
{
    pthread_mutex_lock(&key->lock);
    assert(key->borrowed > 0);
    if (--key->borrowed == 0) pthread_cond_signal(&key->returned);
    pthread_mutex_unlock(&key->lock);
}

void epoch_key_retire(struct epoch_key *key)
{
    if (key == NULL) return;
    pthread_mutex_lock(&key->lock);
    while (key->borrowed > 0) pthread_cond_wait(&key->returned, &key->lock);
    pthread_mutex_unlock(&key->lock);
    platesieve_secret_free(key->bytes);
    platesieve_voprf_key_destroy(key->pair);
    pthread_cond_destroy(&key->returned);
    pthread_mutex_destroy(&key->lock);
    free(key);
}

const uint8_t *epoch_key_bytes(const struct epoch_key *key)
{
    return key->bytes;
}

const struct platesieve_voprf_key *epoch_key_pair(const struct epoch_key *key)
{
    return key->pair;
}
