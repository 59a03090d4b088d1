#include "client/identity/certificate.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "client/file.h"
#include "client/http/wiping.h"

#define KEY_FILE_BYTES 16384

static const char renewal_context[] = "platesieve/1/renew"; /* with its ending zero */

/* -- reading ------------------------------------------------------------------------------------------------------- */

X509 *certificate_read(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);

    if (file != NULL) fclose(file);
    ERR_clear_error();
    return certificate;
}

/* A passphrase is never asked for. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

EVP_PKEY *key_read(const char *path)
{
    size_t size = 0;
    char *text = file_read(path, KEY_FILE_BYTES, &size);
    BIO *bio = text == NULL ? NULL : BIO_new_mem_buf(text, (int)size);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

    BIO_free(bio);
    wiping_free(text);
    ERR_clear_error();
    return key;
}

/* All of DER as an ITEM, to be freed as such. */
static void *parse_whole(const ASN1_ITEM *item, const uint8_t *der, size_t size)
{
    const unsigned char *at = der;
    ASN1_VALUE *value = ASN1_item_d2i(NULL, &at, (long)size, item);

    ERR_clear_error();
    if (value == NULL || at == der + size) return value;
    ASN1_item_free(value, item);
    return NULL;
}

X509 *certificate_parse(const uint8_t *der, size_t size)
{
    return parse_whole(ASN1_ITEM_rptr(X509), der, size);
}

X509_REQ *csr_parse(const uint8_t *der, size_t size)
{
    return parse_whole(ASN1_ITEM_rptr(X509_REQ), der, size);
}

/* -- names --------------------------------------------------------------------------------------------------------- */

/* The text of the only URI among NAMES, not ended by a zero; NULL if there is not exactly one.  *OTHERS: how many names
 * are no URIs. */
static const char *only_uri(const GENERAL_NAMES *names, size_t *size, size_t *others)
{
    const char *uri = NULL;

    *others = 0;
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_URI) {
            ++*others;
            continue;
        }
        if (uri != NULL) return NULL;
        uri = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
        *size = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier);
    }
    return uri;
}

bool certificate_name(const X509 *certificate, char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1], struct name *name)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t size = 0, others;
    const char *uri = only_uri(names, &size, &others);
    const bool found = uri != NULL && spiffe_parse(uri, size, trust_domain, name);

    GENERAL_NAMES_free(names);
    return found;
}

/* Whoever asks for more names than one asks for something else. */
bool csr_name(X509_REQ *csr, char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1], struct name *name)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    size_t size = 0, others;
    const char *uri = only_uri(names, &size, &others);
    const bool found = uri != NULL && others == 0 && spiffe_parse(uri, size, trust_domain, name);

    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    ERR_clear_error();
    return found;
}

bool authority_trust_domain(const X509 *authority, char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1])
{
    static const char scheme[] = "spiffe://";
    const size_t prefix = sizeof(scheme) - 1;
    GENERAL_NAMES *names = X509_get_ext_d2i(authority, NID_subject_alt_name, NULL, NULL);
    size_t size = 0, others;
    const char *uri = only_uri(names, &size, &others);
    bool found = uri != NULL && size > prefix && size - prefix <= LIMIT_TRUST_DOMAIN_MAX &&
                 memcmp(uri, scheme, prefix) == 0 && memchr(uri, 0, size) == NULL;

    if (found) {
        memcpy(trust_domain, uri + prefix, size - prefix);
        trust_domain[size - prefix] = '\0';
        found = trust_domain_valid(trust_domain);
    }
    GENERAL_NAMES_free(names);
    return found;
}

/* -- keys and times ------------------------------------------------------------------------------------------------ */

bool key_fits(const EVP_PKEY *key)
{
    char group[32] = "";

    return key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

bool key_equal(const EVP_PKEY *one, const EVP_PKEY *other)
{
    return one != NULL && other != NULL && EVP_PKEY_eq(one, other) == 1;
}

static bool to_ms(const ASN1_TIME *time, int64_t *ms)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1) return false;
    *ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

bool certificate_times(const X509 *certificate, int64_t *begins_ms, int64_t *ends_ms)
{
    return to_ms(X509_get0_notBefore(certificate), begins_ms) && to_ms(X509_get0_notAfter(certificate), ends_ms);
}

bool certificate_issued_by(X509 *certificate, X509 *authority)
{
    const bool issued = X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(authority)) == 0 &&
                        X509_verify(certificate, X509_get0_pubkey(authority)) == 1;

    ERR_clear_error();
    return issued;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

size_t certificate_encode(const X509 *certificate, uint8_t der[LIMIT_CERTIFICATE_BYTES])
{
    const int size = i2d_X509(certificate, NULL);
    unsigned char *at = der;

    if (size <= 0 || size > LIMIT_CERTIFICATE_BYTES) return 0;
    return (size_t)i2d_X509(certificate, &at);
}

static bool add_name(X509_REQ *csr, const char *trust_domain, const struct name *name)
{
    char value[sizeof("URI:spiffe:///") + LIMIT_TRUST_DOMAIN_MAX + LIMIT_IDENTITY_MAX];
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    X509_EXTENSION *extension;
    bool added = false;

    snprintf(value, sizeof(value), "URI:spiffe://%s/%s", trust_domain, name->text);
    extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
    if (extensions != NULL && extension != NULL && sk_X509_EXTENSION_push(extensions, extension) > 0) {
        extension = NULL;
        added = X509_REQ_add_extensions(csr, extensions) == 1;
    }
    X509_EXTENSION_free(extension);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return added;
}

/* The subject stays empty: the URI is the name. */
size_t csr_make(EVP_PKEY *key, const char *trust_domain, const struct name *name, uint8_t der[LIMIT_CSR_BYTES])
{
    X509_REQ *csr = X509_REQ_new();
    const bool made = csr != NULL && X509_REQ_set_version(csr, X509_REQ_VERSION_1) == 1 &&
                      X509_REQ_set_pubkey(csr, key) == 1 && add_name(csr, trust_domain, name) &&
                      X509_REQ_sign(csr, key, EVP_sha256()) > 0;
    const int size = made ? i2d_X509_REQ(csr, NULL) : 0;
    unsigned char *at = der;
    size_t written = 0;

    if (size > 0 && size <= LIMIT_CSR_BYTES) written = (size_t)i2d_X509_REQ(csr, &at);
    if (written == 0) say("can't make a request for a certificate");
    X509_REQ_free(csr);
    ERR_clear_error();
    return written;
}

/* -- renewal ------------------------------------------------------------------------------------------------------- */

size_t renewal_sign(EVP_PKEY *old_key, const uint8_t *csr, size_t csr_size, uint8_t signature[LIMIT_SIGNATURE_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = LIMIT_SIGNATURE_BYTES;
    const bool made = context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, old_key) == 1 &&
                      EVP_DigestSignUpdate(context, renewal_context, sizeof(renewal_context)) == 1 &&
                      EVP_DigestSignUpdate(context, csr, csr_size) == 1 &&
                      EVP_DigestSignFinal(context, signature, &size) == 1;

    if (!made) say("can't sign with the old key");
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return made ? size : 0;
}

bool renewal_verify(EVP_PKEY *old_key, const uint8_t *csr, size_t csr_size, const uint8_t *signature, size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool right = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, old_key) == 1 &&
                       EVP_DigestVerifyUpdate(context, renewal_context, sizeof(renewal_context)) == 1 &&
                       EVP_DigestVerifyUpdate(context, csr, csr_size) == 1 &&
                       EVP_DigestVerifyFinal(context, signature, size) == 1;

    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return right;
}
