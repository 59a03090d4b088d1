#include "server/http/pkcs11_key.h"

#include <sodium.h>

#include "include/cleanup.h"
#include "server/http/pkcs11_token.h"

#define KEYS_TOLD 2 /* enough to tell one from several */
#define NAMED_MAX 2 /* attributes of the URI that name a key */

/* -- finding it ------------------------------------------------------------------------------------------------------------ */

/* Label and id, as far as the URI gives them, behind the first USED of TEMPLATE; returns how many there are then. */
static CK_ULONG add_named(const struct pkcs11_token *token, CK_ATTRIBUTE *template, CK_ULONG used)
{
    static const CK_ATTRIBUTE_TYPE naming[NAMED_MAX] = { CKA_LABEL, CKA_ID };
    for (size_t i = 0; i < NAMED_MAX; i++) {
        const CK_ATTRIBUTE *named = p11_kit_uri_get_attribute(token->uri, naming[i]);
        if (named != NULL) template[used++] = *named;
    }
    return used;
}

/* How many keys the URI fits, up to KEYS_TOLD; *key is the first. */
static struct result count_keys(const struct pkcs11_token *token, CK_OBJECT_HANDLE *key, CK_ULONG *count)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE template[1 + NAMED_MAX] = { { CKA_CLASS, &class, sizeof class } };
    CK_OBJECT_HANDLE keys[KEYS_TOLD];
    CK_ULONG used = add_named(token, template, 1);

    *count = 0;
    TRY(pkcs11_check(token, "C_FindObjectsInit", token->module->C_FindObjectsInit(token->session, template, used)));
    CK_RV code = token->module->C_FindObjects(token->session, keys, KEYS_TOLD, count);
    (void)token->module->C_FindObjectsFinal(token->session);
    if (code == CKR_OK && *count > 0) *key = keys[0];
    return pkcs11_check(token, "C_FindObjects", code);
}

static struct result find_key(const struct pkcs11_token *token, CK_OBJECT_HANDLE *key)
{
    CK_ULONG count;

    TRY(count_keys(token, key, &count));
    if (count > 1) return pkcs11_complain(token, REASON_SETTINGS, "the URI fits several keys of the token: give both object= and id=");
    if (count == 1) return OK;
    return pkcs11_complain(token, REASON_SETTINGS,
                           "the token has no such key: make it with `init --make-key`, or with\n"
                           "  pkcs11-tool --module MODULE --token-label TOKEN --login --keygen --key-type GENERIC:32 --sensitive "
                           "--usage-sign --label OBJECT --id ID");
}

/* Of the right kind, and one that stays where it is. */
static struct result check_key(const struct pkcs11_token *token, CK_OBJECT_HANDLE key)
{
    CK_KEY_TYPE type = (CK_KEY_TYPE)-1;
    CK_BBOOL extractable = CK_TRUE, sensitive = CK_FALSE;
    CK_ATTRIBUTE wanted[] = {
        { CKA_KEY_TYPE, &type, sizeof type },
        { CKA_EXTRACTABLE, &extractable, sizeof extractable },
        { CKA_SENSITIVE, &sensitive, sizeof sensitive },
    };

    TRY(pkcs11_check(token, "C_GetAttributeValue",
                     token->module->C_GetAttributeValue(token->session, key, wanted, ARRAY_LENGTH(wanted))));
    if (type != CKK_GENERIC_SECRET) return pkcs11_complain(token, REASON_SETTINGS, "the key on the token is not a CKK_GENERIC_SECRET");
    if (extractable != CK_FALSE || sensitive != CK_TRUE)
        return pkcs11_complain(token, REASON_SETTINGS, "the token would give its key out (CKA_EXTRACTABLE, or not CKA_SENSITIVE): use another");
    return OK;
}

/* -- using it -------------------------------------------------------------------------------------------------------------- */

static struct result sign(const struct pkcs11_token *token, CK_OBJECT_HANDLE key, const char *label, uint8_t mac[SEALING_KEY_BYTES])
{
    CK_MECHANISM mechanism = { CKM_SHA256_HMAC, NULL, 0 };
    CK_ULONG size = SEALING_KEY_BYTES;
    CK_BYTE message[64];
    size_t length = strlen(label);

    if (length > sizeof message) return FAIL(REASON_INTERNAL);
    memcpy(message, label, length);
    TRY(pkcs11_check(token, "C_SignInit", token->module->C_SignInit(token->session, &mechanism, key)));
    TRY(pkcs11_check(token, "C_Sign", token->module->C_Sign(token->session, message, length, mac, &size)));
    if (size == SEALING_KEY_BYTES && sodium_is_zero(mac, size) == 0) return OK;
    sodium_memzero(mac, SEALING_KEY_BYTES);
    return pkcs11_complain(token, REASON_INTERNAL, "what the token computed is no HMAC-SHA-256");
}

static struct result derive(const struct pkcs11_token *token, const char *label, uint8_t key[SEALING_KEY_BYTES])
{
    CK_OBJECT_HANDLE handle = 0;
    TRY(find_key(token, &handle));
    TRY(check_key(token, handle));
    return sign(token, handle, label, key);
}

struct result pkcs11_key_derive(const char *setting, const char *uri, const char *label, uint8_t key[SEALING_KEY_BYTES], FILE *errors)
{
    struct pkcs11_token token;
    struct result result = pkcs11_token_open(&token, setting, uri, false, CKM_SHA256_HMAC, errors);
    if (!failed(result)) result = derive(&token, label, key);
    pkcs11_token_close(&token);
    return result;
}

/* -- making it ------------------------------------------------------------------------------------------------------------- */

static struct result generate(const struct pkcs11_token *token)
{
    CK_MECHANISM mechanism = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = SEALING_KEY_BYTES;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_OBJECT_HANDLE key;
    CK_ATTRIBUTE template[14 + NAMED_MAX] = {
        { CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type }, { CKA_VALUE_LEN, &size, sizeof size },
        { CKA_TOKEN, &yes, sizeof yes },     { CKA_PRIVATE, &yes, sizeof yes },    { CKA_SENSITIVE, &yes, sizeof yes },
        { CKA_EXTRACTABLE, &no, sizeof no }, { CKA_SIGN, &yes, sizeof yes },       { CKA_VERIFY, &no, sizeof no },
        { CKA_ENCRYPT, &no, sizeof no },     { CKA_DECRYPT, &no, sizeof no },      { CKA_WRAP, &no, sizeof no },
        { CKA_UNWRAP, &no, sizeof no },      { CKA_DERIVE, &no, sizeof no },
    };
    CK_ULONG used = add_named(token, template, 14);

    return pkcs11_check(token, "C_GenerateKey", token->module->C_GenerateKey(token->session, &mechanism, template, used, &key));
}

struct result pkcs11_key_make(const char *setting, const char *uri, FILE *errors)
{
    struct pkcs11_token token;
    CK_OBJECT_HANDLE key;
    CK_ULONG count = 0;
    struct result result = pkcs11_token_open(&token, setting, uri, true, CKM_GENERIC_SECRET_KEY_GEN, errors);
    if (!failed(result)) result = count_keys(&token, &key, &count);
    if (!failed(result) && count == 0) result = generate(&token);
    pkcs11_token_close(&token);
    return result;
}
