/* Slots: a gate's pepper over a token, so that what lies in the index and the database opens with no epoch key alone. */
#include <platesieve/platesieve.h>

#include <sodium.h>

#include "crypto/keyed.h"

struct platesieve_pepper {
    struct keyed keyed; /* the pepper, then epoch id and a zero byte */
};

struct platesieve_result platesieve_pepper_create(const uint8_t pepper[PLATESIEVE_KEY_BYTES], const char *epoch_id,
                                                  struct platesieve_pepper **out)
{
    size_t length = strnlen(epoch_id, LIMIT_EPOCH_ID_MAX + 1);
    struct platesieve_pepper *made;

    *out = NULL;
    if (length == 0 || length > LIMIT_EPOCH_ID_MAX)
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    made = platesieve_secret_allocate(sizeof *made);
    if (made == NULL)
        return (struct platesieve_result){ PLATESIEVE_NO_MEMORY };
    keyed_init(&made->keyed, pepper, PLATESIEVE_KEY_BYTES);
    keyed_prefix(&made->keyed, epoch_id, length + 1);
    *out = made;
    return (struct platesieve_result){ PLATESIEVE_OK };
}

void platesieve_pepper_destroy(struct platesieve_pepper *pepper)
{
    platesieve_secret_free(pepper);
}

void platesieve_slot(const struct platesieve_pepper *pepper, const uint8_t token[PLATESIEVE_TOKEN_BYTES],
                     uint8_t slot[PLATESIEVE_SLOT_BYTES])
{
    uint8_t mac[KEYED_BYTES];

    keyed_mac(&pepper->keyed, token, PLATESIEVE_TOKEN_BYTES, mac);
    memcpy(slot, mac, PLATESIEVE_SLOT_BYTES);
    sodium_memzero(mac, sizeof mac);
}
