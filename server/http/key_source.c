#include "server/http/key_source.h"

#include <signal.h>
#include <sodium.h>

#include "server/http/pkcs11_key.h"
#include "server/http/secret_file.h"

static bool is_token(const char *value)
{
    return strncmp(value, "pkcs11:", 7) == 0;
}

static bool is_stored(const char *value)
{
    return strncmp(value, "file:", 5) == 0 || strncmp(value, "credential:", 11) == 0;
}

static struct result refuse(const struct key_source *source, FILE *errors)
{
    fprintf(errors, "%s: what belongs here: file:PATH, credential:NAME or pkcs11:…\n", source->setting);
    return FAIL(REASON_SETTINGS);
}

static struct result read_stored(const struct key_source *source, uint8_t key[SEALING_KEY_BYTES], FILE *errors)
{
    size_t size = 0;
    TRY(secret_read(source->setting, source->value, key, SEALING_KEY_BYTES, &size, errors));
    if (size == SEALING_KEY_BYTES) return OK;
    sodium_memzero(key, SEALING_KEY_BYTES);
    fprintf(errors, "%s: a key is exactly 32 bytes\n", source->setting);
    return FAIL(REASON_SETTINGS);
}

/* No call to a token has a time limit.  The signals that stop a daemon wait until it is ready for them; here nothing needs an
   orderly end, so they are let through. */
static struct result ask_token(const struct key_source *source, bool make, uint8_t key[SEALING_KEY_BYTES], FILE *errors)
{
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &set, &before);
    struct result result = make ? pkcs11_key_make(source->setting, source->value, errors) : OK;
    if (!failed(result)) result = pkcs11_key_derive(source->setting, source->value, source->label, key, errors);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

struct result key_source_read(const struct key_source *source, uint8_t key[SEALING_KEY_BYTES], FILE *errors)
{
    if (is_token(source->value)) return ask_token(source, false, key, errors);
    return is_stored(source->value) ? read_stored(source, key, errors) : refuse(source, errors);
}

struct result key_source_create(const struct key_source *source, bool on_token, uint8_t key[SEALING_KEY_BYTES], FILE *errors)
{
    if (is_token(source->value)) return ask_token(source, on_token, key, errors);
    if (!is_stored(source->value)) return refuse(source, errors);
    TRY(secret_create(source->setting, source->value, SEALING_KEY_BYTES, errors));
    return read_stored(source, key, errors);
}
