#include "server/gate/state.h"

#include <sodium.h>

#include "server/http/sealed_file.h"

#define STATE_FILE "gate.sealed"
#define STATE_PURPOSE "platesieve/1/gate-state"
#define STATE_VERSION 1
#define RATCHET_STEPS_MAX (1 << 26) /* a number counts two seconds: four years that a gate may have slept through */

/* What lies in the file, as it is. */
struct secrets {
    uint8_t version;
    uint8_t begun;               /* the ratchet has its first number */
    uint8_t number[8];           /* of the epoch that `pepper` is the ratchet's state for; big endian */
    uint8_t pepper[PLATESIEVE_KEY_BYTES];
    uint8_t spool_key[32];
    uint8_t mac_key[32];
};
_Static_assert(sizeof(struct secrets) == 106, "the file's layout");

struct gate_state {              /* in locked memory */
    char folder[4096];
    uint8_t sealing_key[SEALING_KEY_BYTES];
    struct secrets secrets;
};

static uint64_t number_of(const struct secrets *secrets)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof secrets->number; i++) number = number << 8 | secrets->number[i];
    return number;
}

static void set_number(struct secrets *secrets, uint64_t number)
{
    for (size_t i = sizeof secrets->number; i-- > 0; number >>= 8) secrets->number[i] = (uint8_t)number;
}

static struct result save(const struct gate_state *state)
{
    return sealed_file_write(state->folder, STATE_FILE, state->sealing_key, STATE_PURPOSE, &state->secrets, sizeof state->secrets);
}

static struct result state_new(const char *folder, const uint8_t *key, FILE *errors, struct gate_state **state)
{
    *state = platesieve_secret_allocate(sizeof **state);
    if (*state == NULL) {
        fprintf(errors, "no memory can be locked for the gate's secrets\n");
        return FAIL(REASON_INTERNAL);
    }
    if (snprintf((*state)->folder, sizeof (*state)->folder, "%s", folder) >= (int)sizeof (*state)->folder) {
        fprintf(errors, "the state folder's path is too long\n");
        return FAIL(REASON_INTERNAL);
    }
    memcpy((*state)->sealing_key, key, SEALING_KEY_BYTES);
    return OK;
}

struct result gate_state_free(const char *folder, FILE *errors)
{
    if (!sealed_file_exists(folder, STATE_FILE)) return OK;
    fprintf(errors, "%s/" STATE_FILE " is there already: peppers are not made anew over a living state\n", folder);
    return FAIL(REASON_INTERNAL);
}

static struct result state_fill(struct gate_state *state, FILE *errors)
{
    state->secrets = (struct secrets){ .version = STATE_VERSION };
    randombytes_buf(state->secrets.pepper, sizeof state->secrets.pepper);
    randombytes_buf(state->secrets.spool_key, sizeof state->secrets.spool_key);
    randombytes_buf(state->secrets.mac_key, sizeof state->secrets.mac_key);
    struct result result = save(state);
    if (failed(result)) fprintf(errors, "%s/" STATE_FILE " can't be written\n", state->folder);
    return result;
}

struct result gate_state_create(const char *folder, const uint8_t key[PLATESIEVE_KEY_BYTES], FILE *errors)
{
    struct gate_state *state = NULL;

    TRY(folder_create(folder, errors));
    TRY(gate_state_free(folder, errors));
    struct result result = state_new(folder, key, errors, &state);
    if (!failed(result)) result = state_fill(state, errors);
    gate_state_close(state);
    return result;
}

static struct result state_load(struct gate_state *state, FILE *errors)
{
    size_t size = 0;
    struct result result =
        sealed_file_read(state->folder, STATE_FILE, state->sealing_key, STATE_PURPOSE, &state->secrets, sizeof state->secrets, &size);

    if (!failed(result) && (size != sizeof state->secrets || state->secrets.version != STATE_VERSION)) result = FAIL(REASON_INTERNAL);
    if (result.reason == REASON_NOT_FOUND) fprintf(errors, "%s holds no state: run platesieved init\n", state->folder);
    else if (failed(result)) fprintf(errors, "%s/" STATE_FILE " can't be opened: another key, damaged, or of another version\n", state->folder);
    return result;
}

struct result gate_state_open(const char *folder, const uint8_t key[PLATESIEVE_KEY_BYTES], FILE *errors, struct gate_state **state)
{
    struct result result = state_new(folder, key, errors, state);

    if (!failed(result)) result = state_load(*state, errors);
    if (!failed(result)) return OK;
    gate_state_close(*state);
    *state = NULL;
    return FAIL(REASON_INTERNAL);
}

void gate_state_close(struct gate_state *state)
{
    platesieve_secret_free(state);
}

const uint8_t *gate_state_spool_key(const struct gate_state *state)
{
    return state->secrets.spool_key;
}

const uint8_t *gate_state_mac_key(const struct gate_state *state)
{
    return state->secrets.mac_key;
}

struct result gate_state_file_write(const struct gate_state *state, const char *name, const char *purpose, const void *plain, size_t size)
{
    return sealed_file_write(state->folder, name, state->sealing_key, purpose, plain, size);
}

struct result gate_state_file_read(const struct gate_state *state, const char *name, const char *purpose, void *plain, size_t size_max, size_t *size)
{
    return sealed_file_read(state->folder, name, state->sealing_key, purpose, plain, size_max, size);
}

const char *gate_state_folder(const struct gate_state *state)
{
    return state->folder;
}

/* -- the ratchet ------------------------------------------------------------------------------------------------------------- */

static void derive(const uint8_t key[PLATESIEVE_KEY_BYTES], const char *label, uint8_t out[PLATESIEVE_KEY_BYTES])
{
    crypto_auth_hmacsha256_state hmac;

    (void)crypto_auth_hmacsha256_init(&hmac, key, PLATESIEVE_KEY_BYTES);
    (void)crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)label, strlen(label));
    (void)crypto_auth_hmacsha256_final(&hmac, out);
    sodium_memzero(&hmac, sizeof hmac);
}

/* PEPPER becomes the ratchet's state at NUMBER. */
static struct result turn(const struct secrets *secrets, uint64_t number, uint8_t pepper[PLATESIEVE_KEY_BYTES])
{
    uint64_t at = number_of(secrets);

    if (secrets->begun == 0 || number < at) return FAIL(REASON_GONE);
    if (number - at > RATCHET_STEPS_MAX) return FAIL(REASON_INTERNAL);
    memcpy(pepper, secrets->pepper, PLATESIEVE_KEY_BYTES);
    for (; at < number; at++) derive(pepper, "platesieve/1/ratchet", pepper);
    return OK;
}

struct result gate_state_pepper(const struct gate_state *state, uint64_t number, uint8_t pepper[PLATESIEVE_KEY_BYTES])
{
    uint8_t at[PLATESIEVE_KEY_BYTES];
    struct result result = turn(&state->secrets, number, at);

    if (!failed(result)) derive(at, "platesieve/1/pepper", pepper);
    sodium_memzero(at, sizeof at);
    return result;
}

struct result gate_state_mark(const struct gate_state *state, uint64_t number, const uint8_t key_id[PLATESIEVE_KEY_ID_BYTES], uint8_t mark[16])
{
    static const char label[] = "platesieve/1/epoch-mark";
    uint8_t pepper[PLATESIEVE_KEY_BYTES], mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state hmac;

    TRY(gate_state_pepper(state, number, pepper));
    (void)crypto_auth_hmacsha256_init(&hmac, pepper, sizeof pepper);
    (void)crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)label, sizeof label);
    (void)crypto_auth_hmacsha256_update(&hmac, key_id, PLATESIEVE_KEY_ID_BYTES);
    (void)crypto_auth_hmacsha256_final(&hmac, mac);
    memcpy(mark, mac, 16);
    sodium_memzero(&hmac, sizeof hmac);
    sodium_memzero(pepper, sizeof pepper);
    return OK;
}

struct result gate_state_ratchet(struct gate_state *state, uint64_t number)
{
    uint8_t pepper[PLATESIEVE_KEY_BYTES];

    if (state->secrets.begun != 0 && number_of(&state->secrets) == number) return OK;
    if (state->secrets.begun != 0) {
        TRY(turn(&state->secrets, number, pepper));
        memcpy(state->secrets.pepper, pepper, sizeof pepper);
        sodium_memzero(pepper, sizeof pepper);
    }
    state->secrets.begun = 1;
    set_number(&state->secrets, number);
    return save(state);
}
