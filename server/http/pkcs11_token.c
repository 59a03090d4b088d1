#include "server/http/pkcs11_token.h"

#include <platesieve/platesieve.h>

#include "include/cleanup.h"
#include "server/http/pkcs11_uri.h"
#include "server/http/secret_file.h"

/* -- what is said ---------------------------------------------------------------------------------------------------------- */

struct result pkcs11_complain(const struct pkcs11_token *token, enum reason reason, const char *why)
{
    fprintf(token->errors, "%s: %s\n", token->setting, why);
    return FAIL(reason);
}

struct result pkcs11_check(const struct pkcs11_token *token, const char *doing, CK_RV code)
{
    switch (code) {
    case CKR_OK: return OK;
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE: return pkcs11_complain(token, REASON_SETTINGS, "the token refuses the PIN; it is not tried again");
    case CKR_PIN_LOCKED: return pkcs11_complain(token, REASON_SETTINGS, "the token has locked its PIN");
    case CKR_PIN_EXPIRED:
    case CKR_USER_PIN_NOT_INITIALIZED: return pkcs11_complain(token, REASON_SETTINGS, "the token's PIN must be set first");
    case CKR_MECHANISM_INVALID:
    case CKR_FUNCTION_NOT_SUPPORTED: return pkcs11_complain(token, REASON_SETTINGS, "the token lacks a mechanism that is needed: CKM_SHA256_HMAC, or to make a key CKM_GENERIC_SECRET_KEY_GEN");
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_FUNCTION_NOT_PERMITTED: return pkcs11_complain(token, REASON_SETTINGS, "the key on the token may not sign (CKA_SIGN)");
    case CKR_TOKEN_WRITE_PROTECTED:
    case CKR_SESSION_READ_ONLY: return pkcs11_complain(token, REASON_SETTINGS, "the token can't be written");
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_DEVICE_REMOVED: return pkcs11_complain(token, REASON_INTERNAL, "the token was taken away");
    default: fprintf(token->errors, "%s: the token fails at %s: %s\n", token->setting, doing, p11_kit_strerror(code)); return FAIL(REASON_INTERNAL);
    }
}

/* -- modules --------------------------------------------------------------------------------------------------------------- */

static struct result load(struct pkcs11_token *token)
{
    const char *path = p11_kit_uri_get_module_path(token->uri);

    if (path == NULL) {
        token->modules = p11_kit_modules_load_and_initialize(0);
        if (token->modules != NULL && token->modules[0] != NULL) return OK;
        return pkcs11_complain(token, REASON_SETTINGS, "there is no PKCS#11 module: register one with p11-kit, or give module-path= in the URI");
    }
    token->single = p11_kit_module_load(path, 0);
    if (token->single != NULL && p11_kit_module_initialize(token->single) == CKR_OK) return OK;
    if (token->single != NULL) p11_kit_module_release(token->single);
    token->single = NULL;
    return pkcs11_complain(token, REASON_SETTINGS, "the PKCS#11 module of module-path can't be used");
}

static void unload(struct pkcs11_token *token)
{
    if (token->single != NULL) {
        (void)p11_kit_module_finalize(token->single);
        p11_kit_module_release(token->single);
    }
    if (token->modules != NULL) p11_kit_modules_finalize_and_release(token->modules);
    token->single = NULL;
    token->modules = NULL;
}

/* -- finding the token ----------------------------------------------------------------------------------------------------- */

static bool slot_fits(const struct pkcs11_token *token, CK_FUNCTION_LIST *module, CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
    CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(token->uri);
    CK_SLOT_INFO slot;

    if (wanted != (CK_SLOT_ID)-1 && wanted != id) return false;
    if (module->C_GetSlotInfo(id, &slot) != CKR_OK || p11_kit_uri_match_slot_info(token->uri, &slot) != 1) return false;
    if (module->C_GetTokenInfo(id, info) != CKR_OK || (info->flags & CKF_TOKEN_INITIALIZED) == 0) return false;
    return p11_kit_uri_match_token_info(token->uri, info) == 1;
}

/* How many of MODULE's tokens the URI fits; the last is noted. */
static size_t search_module(struct pkcs11_token *token, CK_FUNCTION_LIST *module)
{
    CK_SLOT_ID slots[LIMIT_PKCS11_SLOTS];
    CK_ULONG count = ARRAY_LENGTH(slots);
    CK_TOKEN_INFO info;
    CK_INFO about;
    size_t found = 0;

    if (module->C_GetInfo(&about) != CKR_OK || p11_kit_uri_match_module_info(token->uri, &about) != 1) return 0;
    if (module->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) return 0;
    for (CK_ULONG i = 0; i < count; i++) {
        if (!slot_fits(token, module, slots[i], &info)) continue;
        token->module = module;
        token->slot = slots[i];
        token->info = info;
        found++;
    }
    return found;
}

static struct result find(struct pkcs11_token *token)
{
    size_t found = 0;

    if (token->single != NULL) found = search_module(token, token->single);
    for (size_t i = 0; token->modules != NULL && token->modules[i] != NULL; i++) found += search_module(token, token->modules[i]);
    if (found == 0) return pkcs11_complain(token, REASON_INTERNAL, "no token is there that the URI fits");
    if (found > 1) return pkcs11_complain(token, REASON_SETTINGS, "the URI fits several tokens: give token= or serial=");
    return OK;
}

/* -- logging in ------------------------------------------------------------------------------------------------------------ */

const char *pkcs11_pin_problem(CK_FLAGS flags)
{
    if ((flags & CKF_USER_PIN_LOCKED) != 0) return "the token has locked its PIN";
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
        return "another wrong PIN would lock the token, so it is not tried: log in once by hand with the right one, then start again";
    return NULL;
}

/* One line, with or without its end. */
static struct result read_pin(const struct pkcs11_token *token, uint8_t pin[LIMIT_PIN_MAX + 2], size_t *size)
{
    char what[128];

    (void)snprintf(what, sizeof what, "%s: the token's PIN", token->setting);
    TRY(secret_read(what, p11_kit_uri_get_pin_source(token->uri), pin, LIMIT_PIN_MAX + 2, size, token->errors));
    if (*size > 0 && pin[*size - 1] == '\n') --*size;
    if (*size > 0 && pin[*size - 1] == '\r') --*size;
    if (*size > 0 && *size <= LIMIT_PIN_MAX && memchr(pin, '\n', *size) == NULL) return OK;
    return pkcs11_complain(token, REASON_SETTINGS, "the token's PIN must be the only line of its file, and not empty");
}

static struct result log_in_with(const struct pkcs11_token *token, uint8_t *pin)
{
    size_t size = 0;

    TRY(read_pin(token, pin, &size));
    CK_RV code = token->module->C_Login(token->session, CKU_USER, pin, size);
    return code == CKR_USER_ALREADY_LOGGED_IN ? OK : pkcs11_check(token, "C_Login", code);
}

static struct result log_in(const struct pkcs11_token *token)
{
    const char *problem = pkcs11_pin_problem(token->info.flags);

    if ((token->info.flags & CKF_LOGIN_REQUIRED) == 0) return OK;
    if (problem != NULL) return pkcs11_complain(token, REASON_SETTINGS, problem);
    if (p11_kit_uri_get_pin_source(token->uri) == NULL) {
        if ((token->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0)
            return pkcs11_complain(token, REASON_SETTINGS, "the token wants a PIN: give pin-source=file:PATH or pin-source=credential:NAME");
        return pkcs11_check(token, "C_Login", token->module->C_Login(token->session, CKU_USER, NULL, 0)); /* at its own keypad */
    }
    uint8_t *pin = platesieve_secret_allocate(LIMIT_PIN_MAX + 2);
    if (pin == NULL) return pkcs11_complain(token, REASON_INTERNAL, "no memory can be locked for the token's PIN");
    struct result result = log_in_with(token, pin);
    platesieve_secret_free(pin);
    return result;
}

/* -- all of it ------------------------------------------------------------------------------------------------------------- */

struct result pkcs11_token_open(struct pkcs11_token *token, const char *setting, const char *uri, bool write, CK_MECHANISM_TYPE mechanism,
                                FILE *errors)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (write ? CKF_RW_SESSION : 0);
    CK_MECHANISM_INFO about;

    *token = (struct pkcs11_token){ .setting = setting, .errors = errors };
    TRY(pkcs11_uri_parse(setting, uri, &token->uri, errors));
    TRY(load(token));
    TRY(find(token));
    TRY(pkcs11_check(token, "C_GetMechanismInfo", token->module->C_GetMechanismInfo(token->slot, mechanism, &about)));
    TRY(pkcs11_check(token, "C_OpenSession", token->module->C_OpenSession(token->slot, flags, NULL, NULL, &token->session)));
    token->open = true;
    return log_in(token);
}

void pkcs11_token_close(struct pkcs11_token *token)
{
    if (token->open) (void)token->module->C_CloseSession(token->session);
    token->open = false;
    unload(token);
    if (token->uri != NULL) p11_kit_uri_free(token->uri);
    token->uri = NULL;
}
