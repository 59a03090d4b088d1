#include "client/import/reference.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "client/file.h"
#include "client/state.h"

#define KEY_BYTES 64 /* AES-256-SIV */
#define SIV_BYTES 16
#define DIGEST_BYTES 16
#define SUFFIX_TEXT 6

struct reference_key {
    uint8_t seal[KEY_BYTES];
    uint8_t digest[crypto_auth_hmacsha256_KEYBYTES];
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *context; /* used by one call at a time */
};

/* -- the key ------------------------------------------------------------------------------------------------------- */

struct reference_key *reference_key_from(const uint8_t bytes[KEY_BYTES])
{
    static const char purpose[] = "platesieve/1/reference-digest";
    struct reference_key *key = platesieve_secret_allocate(sizeof(*key));
    crypto_auth_hmacsha256_state state;

    if (key == NULL) return NULL;
    memcpy(key->seal, bytes, KEY_BYTES);
    crypto_auth_hmacsha256_init(&state, bytes, KEY_BYTES);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)purpose, sizeof(purpose) - 1);
    crypto_auth_hmacsha256_final(&state, key->digest);
    platesieve_wipe(&state, sizeof(state));
    key->cipher = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
    key->context = EVP_CIPHER_CTX_new();
    if (key->cipher != NULL && key->context != NULL) return key;
    reference_key_close(key);
    return NULL;
}

static bool make_key_file(const char *path)
{
    uint8_t *bytes = platesieve_secret_allocate(KEY_BYTES);
    bool made;

    if (bytes == NULL) {
        say("there is no memory that can be locked for keys");
        return false;
    }
    randombytes_buf(bytes, KEY_BYTES);
    made = folder_make_for(path, 0700) && file_write(path, bytes, KEY_BYTES, 0600);
    if (made) say("made a key for references: %s; keep a copy, and give it to the agency's other machines", path);
    platesieve_secret_free(bytes);
    return made;
}

struct reference_key *reference_key_open(const char *agency, const struct settings *settings, bool make)
{
    char path[PATH_MAX];
    struct reference_key *key;
    size_t size = 0;
    char *bytes;

    if (!state_path(settings, agency, "reference.key", path)) return NULL;
    bytes = file_read(path, KEY_BYTES, &size);
    if (bytes == NULL && errno == ENOENT && make) {
        if (!make_key_file(path)) return NULL;
        bytes = file_read(path, KEY_BYTES, &size);
    }
    if (bytes == NULL && errno == ENOENT && !make) return NULL;
    if (bytes == NULL || size != KEY_BYTES) {
        say("%s is not a key for references", path);
        free(bytes);
        return NULL;
    }
    key = reference_key_from((const uint8_t *)bytes);
    platesieve_wipe(bytes, KEY_BYTES);
    free(bytes);
    if (key == NULL) say("a key for references can't be used: no memory that can be locked, or no AES-256-SIV");
    return key;
}

void reference_key_close(struct reference_key *key)
{
    if (key == NULL) return;
    EVP_CIPHER_CTX_free(key->context);
    EVP_CIPHER_free(key->cipher);
    platesieve_secret_free(key);
}

/* -- digests ------------------------------------------------------------------------------------------------------- */

/* HMAC over what, list, text, plate and jurisdiction, a zero byte between; PLATE may be NULL. */
static void digest(const struct reference_key *key, const char *what, const char *list, const char *text, size_t size,
                   const struct platesieve_plate *plate, const struct platesieve_jurisdiction *jurisdiction,
                   uint8_t out[DIGEST_BYTES])
{
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    const uint8_t zero = 0;

    crypto_auth_hmacsha256_init(&state, key->digest, sizeof(key->digest));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)what, strlen(what) + 1);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)list, strlen(list) + 1);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, size);
    crypto_auth_hmacsha256_update(&state, &zero, 1);
    if (plate != NULL) {
        crypto_auth_hmacsha256_update(&state, (const uint8_t *)plate->text, plate->length);
        crypto_auth_hmacsha256_update(&state, &zero, 1);
        crypto_auth_hmacsha256_update(&state, (const uint8_t *)jurisdiction->code, strlen(jurisdiction->code));
    }
    crypto_auth_hmacsha256_final(&state, mac);
    memcpy(out, mac, DIGEST_BYTES);
    platesieve_wipe(&state, sizeof(state));
    platesieve_wipe(mac, sizeof(mac));
}

static void print_digest(char prefix, const uint8_t bytes[DIGEST_BYTES], struct reference *reference)
{
    reference->text[0] = prefix;
    reference->text[1] = '.';
    sodium_bin2base64(reference->text + 2, sizeof(reference->text) - 2, bytes, DIGEST_BYTES,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool reference_derive(const struct reference_key *key, const char *list, const struct platesieve_plate *plate,
                      const struct platesieve_jurisdiction *jurisdiction, struct reference *reference)
{
    uint8_t bytes[DIGEST_BYTES];

    digest(key, "derived", list, "", 0, plate, jurisdiction, bytes);
    print_digest('d', bytes, reference);
    reference->kind = REFERENCE_DERIVED;
    return true;
}

/* -- sealing ------------------------------------------------------------------------------------------------------- */

bool reference_valid(const char *text, size_t size)
{
    if (size == 0 || size > REFERENCE_RAW_MAX) return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] == 0x7f) return false;
    return true;
}

/* TEXT and, where PLATE is given, "~" and six characters that stand for it.  The size, in OUT of REFERENCE_RAW_MAX + 8.
 */
static size_t with_suffix(const struct reference_key *key, const char *list, const char *text, size_t size,
                          const struct platesieve_plate *plate, const struct platesieve_jurisdiction *jurisdiction,
                          char *out)
{
    uint8_t bytes[DIGEST_BYTES];
    char suffix[sodium_base64_ENCODED_LEN(DIGEST_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

    memcpy(out, text, size);
    if (plate == NULL) return size;
    digest(key, "suffix", list, text, size, plate, jurisdiction, bytes);
    sodium_bin2base64(suffix, sizeof(suffix), bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    out[size] = '~';
    memcpy(out + size + 1, suffix, SUFFIX_TEXT);
    return size + 1 + SUFFIX_TEXT;
}

/* AES-256-SIV with LIST as associated data; OUT is tag and text.  Encrypts, or with a tag to check decrypts. */
static bool siv(const struct reference_key *key, const char *list, bool encrypt, uint8_t tag[SIV_BYTES],
                const uint8_t *in, size_t size, uint8_t *out)
{
    EVP_CIPHER_CTX *context = key->context;
    int length = 0;
    bool done = EVP_CipherInit_ex2(context, key->cipher, key->seal, NULL, encrypt, NULL) == 1;

    if (done && !encrypt) done = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, SIV_BYTES, tag) == 1;
    done = done && EVP_CipherUpdate(context, NULL, &length, (const uint8_t *)list, (int)strlen(list)) == 1 &&
           EVP_CipherUpdate(context, out, &length, in, (int)size) == 1 && length == (int)size &&
           EVP_CipherFinal_ex(context, out + size, &length) == 1;
    if (done && encrypt) done = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SIV_BYTES, tag) == 1;
    return done;
}

bool reference_seal(const struct reference_key *key, const char *list, const char *text, size_t size,
                    const struct platesieve_plate *plate, const struct platesieve_jurisdiction *jurisdiction,
                    struct reference *reference)
{
    char whole[REFERENCE_RAW_MAX + 8];
    uint8_t sealed[SIV_BYTES + REFERENCE_TEXT_MAX + SIV_BYTES], bytes[DIGEST_BYTES];

    if (!reference_valid(text, size)) return false;
    size = with_suffix(key, list, text, size, plate, jurisdiction, whole);
    if (size > REFERENCE_TEXT_MAX) {
        digest(key, "hashed", list, whole, size, NULL, NULL, bytes);
        print_digest('h', bytes, reference);
        reference->kind = REFERENCE_DIGEST;
        return true;
    }
    if (!siv(key, list, true, sealed, (const uint8_t *)whole, size, sealed + SIV_BYTES)) return false;
    sodium_bin2base64(reference->text, sizeof(reference->text), sealed, SIV_BYTES + size,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    reference->kind = REFERENCE_SEALED;
    return true;
}

bool reference_clear(const struct reference_key *key, const char *list, const char *text, size_t size,
                     const struct platesieve_plate *plate, const struct platesieve_jurisdiction *jurisdiction,
                     struct reference *reference)
{
    char whole[REFERENCE_RAW_MAX + 8];

    if (!reference_valid(text, size)) return false;
    size = with_suffix(key, list, text, size, plate, jurisdiction, whole);
    if (size > LIMIT_REFERENCE_MAX) return false;
    memcpy(reference->text, whole, size);
    reference->text[size] = '\0';
    reference->kind = REFERENCE_CLEAR;
    return true;
}

void reference_open(const struct reference_key *key, const char *list, const char *travelled, struct reference *opened)
{
    uint8_t sealed[SIV_BYTES + REFERENCE_TEXT_MAX];
    char clear[REFERENCE_TEXT_MAX + SIV_BYTES + 1] = { 0 };
    size_t size = 0;

    *opened = (struct reference) { .kind = REFERENCE_FOREIGN };
    snprintf(opened->text, sizeof(opened->text), "%.64s", travelled);
    if (strlen(travelled) == 24 && travelled[1] == '.') {
        if (travelled[0] == 'd') opened->kind = REFERENCE_DERIVED;
        if (travelled[0] == 'h') opened->kind = REFERENCE_DIGEST;
        return;
    }
    if (key == NULL ||
        sodium_base642bin(sealed, sizeof(sealed), travelled, strlen(travelled), NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        size <= SIV_BYTES)
        return;
    if (!siv(key, list, false, sealed, sealed + SIV_BYTES, size - SIV_BYTES, (uint8_t *)clear)) return;
    clear[size - SIV_BYTES] = '\0';
    opened->kind = REFERENCE_SEALED;
    memcpy(opened->text, clear, sizeof(clear) < sizeof(opened->text) ? sizeof(clear) : sizeof(opened->text));
}

/* -- kept here ----------------------------------------------------------------------------------------------------- */

enum { KEPT_AS_SENT = 1, KEPT_HIDDEN = 2 };

_Static_assert(REFERENCE_KEPT_MAX > 1 + SIV_BYTES + LIMIT_REFERENCE_MAX, "a hidden reference must fit");

void reference_digest_key(const struct reference_key *key, const char *purpose, const char *list, uint8_t out[32])
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, key->digest, sizeof(key->digest));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)list, strlen(list));
    crypto_auth_hmacsha256_final(&state, out);
    platesieve_wipe(&state, sizeof(state));
}

size_t reference_keep(const struct reference_key *key, const char *list, const struct reference *reference,
                      uint8_t out[REFERENCE_KEPT_MAX])
{
    const size_t size = strlen(reference->text);

    if (reference->kind != REFERENCE_CLEAR) {
        out[0] = KEPT_AS_SENT;
        memcpy(out + 1, reference->text, size);
        return 1 + size;
    }
    out[0] = KEPT_HIDDEN;
    if (!siv(key, list, true, out + 1, (const uint8_t *)reference->text, size, out + 1 + SIV_BYTES)) return 0;
    return 1 + SIV_BYTES + size;
}

bool reference_kept(const struct reference_key *key, const char *list, const uint8_t *kept, size_t size,
                    struct reference *reference)
{
    uint8_t tag[SIV_BYTES], clear[LIMIT_REFERENCE_MAX + SIV_BYTES];

    *reference = (struct reference) { .kind = REFERENCE_FOREIGN };
    if (size < 2) return false;
    if (kept[0] == KEPT_AS_SENT && size - 1 <= LIMIT_REFERENCE_MAX) {
        memcpy(reference->text, kept + 1, size - 1);
        reference->kind = REFERENCE_SEALED;
        return true;
    }
    if (kept[0] != KEPT_HIDDEN || size <= 1 + SIV_BYTES || size > 1 + SIV_BYTES + LIMIT_REFERENCE_MAX) return false;
    memcpy(tag, kept + 1, sizeof(tag));
    if (!siv(key, list, false, tag, kept + 1 + SIV_BYTES, size - 1 - SIV_BYTES, clear)) return false;
    memcpy(reference->text, clear, size - 1 - SIV_BYTES);
    reference->kind = REFERENCE_CLEAR;
    return true;
}
