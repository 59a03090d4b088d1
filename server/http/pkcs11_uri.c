#include "server/http/pkcs11_uri.h"

#include <stdbool.h>

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_of_a_secret_key(P11KitUri *uri)
{
    const CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(uri, CKA_CLASS);
    CK_OBJECT_CLASS value = CKO_SECRET_KEY;
    if (class == NULL) return true;
    if (class->ulValueLen != sizeof value) return false;
    memcpy(&value, class->pValue, sizeof value);
    return value == CKO_SECRET_KEY;
}

/* NULL: nothing is wrong with it. */
static const char *problem(P11KitUri *uri)
{
    const char *module = p11_kit_uri_get_module_path(uri), *pin = p11_kit_uri_get_pin_source(uri);

    if (p11_kit_uri_any_unrecognized(uri)) return "has an attribute that is not known";
    if (p11_kit_uri_get_attribute(uri, CKA_LABEL) == NULL && p11_kit_uri_get_attribute(uri, CKA_ID) == NULL)
        return "must name the key with object= or id=";
    if (!is_of_a_secret_key(uri)) return "type= can only be secret-key";
    if (p11_kit_uri_get_pin_value(uri) != NULL)
        return "pin-value would leave the PIN in the settings: put it into a file of its own and give pin-source=file:PATH";
    if (pin != NULL && !begins(pin, "file:") && !begins(pin, "credential:")) return "pin-source= can only be file:PATH or credential:NAME";
    if (p11_kit_uri_get_module_name(uri) != NULL) return "module-name is not honoured: give module-path=, or register the module with p11-kit";
    if (module != NULL && module[0] != '/') return "module-path= must be absolute";
    return NULL;
}

struct result pkcs11_uri_parse(const char *setting, const char *text, P11KitUri **uri, FILE *errors)
{
    *uri = p11_kit_uri_new();
    if (*uri == NULL) return FAIL(REASON_INTERNAL);
    int code = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, *uri);
    const char *why = code == P11_KIT_URI_OK ? problem(*uri) : "is not one by RFC 7512";
    if (why == NULL) return OK;
    fprintf(errors, "%s: the PKCS#11 URI %s\n", setting, why);
    p11_kit_uri_free(*uri);
    *uri = NULL;
    return FAIL(REASON_SETTINGS);
}
