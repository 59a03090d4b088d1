#include "crypto/anchors.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "include/cleanup.h"

/* -- reading --------------------------------------------------------------------------------------------------------------------------- */

static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static bool read_authorities(struct anchors *anchors, const char *text, size_t size)
{
    BIO *bio = size <= INT32_MAX ? BIO_new_mem_buf(text, (int)size) : NULL;
    X509 *one;
    bool room = bio != NULL;

    while (room && (one = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
        room = anchors->authority_count < ANCHORS_MAX;
        if (room) anchors->authorities[anchors->authority_count++] = one;
        else X509_free(one);
    }
    BIO_free(bio);
    return room && anchors->authority_count > 0;
}

static bool is_signed(const struct anchors *anchors, X509_CRL *crl)
{
    for (size_t i = 0; i < anchors->authority_count; i++)
        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(anchors->authorities[i])) == 0 &&
            X509_CRL_verify(crl, X509_get0_pubkey(anchors->authorities[i])) == 1)
            return true;
    return false;
}

static bool read_crls(struct anchors *anchors, const char *text, size_t size)
{
    BIO *bio = size <= INT32_MAX ? BIO_new_mem_buf(text, (int)size) : NULL;
    X509_CRL *one;
    bool good = bio != NULL;

    while (good && (one = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL)) != NULL) {
        good = anchors->crl_count < ANCHORS_MAX && is_signed(anchors, one);
        if (good) anchors->crls[anchors->crl_count++] = one;
        else X509_CRL_free(one);
    }
    BIO_free(bio);
    return good && anchors->crl_count > 0;
}

bool anchors_read(struct anchors *anchors, const char *trust_domain, const char *ca, size_t ca_size, const char *crl, size_t crl_size)
{
    bool good;

    *anchors = (struct anchors) { 0 };
    good = snprintf(anchors->trust_domain, sizeof(anchors->trust_domain), "%s", trust_domain) < (int)sizeof(anchors->trust_domain) &&
           read_authorities(anchors, ca, ca_size) && (crl == NULL || crl_size == 0 || read_crls(anchors, crl, crl_size));
    ERR_clear_error();
    return good;
}

void anchors_free(struct anchors *anchors)
{
    for (size_t i = 0; i < anchors->authority_count; i++) X509_free(anchors->authorities[i]);
    for (size_t i = 0; i < anchors->crl_count; i++) X509_CRL_free(anchors->crls[i]);
    *anchors = (struct anchors) { 0 };
}

/* -- names ------------------------------------------------------------------------------------------------------------------------------ */

bool anchored_part_valid(const char *text, size_t size)
{
    if (size < 1 || size > LIMIT_NAME_MAX) return false;
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (!alphanumeric && (i == 0 || (c != '-' && c != '_' && c != '.'))) return false;
    }
    return true;
}

static bool take_part(const char **at, const char *end, bool last, char part[LIMIT_NAME_MAX + 1])
{
    const char *slash = memchr(*at, '/', (size_t)(end - *at)), *stop = last ? end : slash;

    if (stop == NULL || (last && slash != NULL) || !anchored_part_valid(*at, (size_t)(stop - *at))) return false;
    memcpy(part, *at, (size_t)(stop - *at));
    part[stop - *at] = '\0';
    *at = last ? end : stop + 1;
    return true;
}

static bool parse_uri(const struct anchors *anchors, const char *uri, size_t size, struct anchored_name *name)
{
    char scheme[sizeof("spiffe:///") + LIMIT_TRUST_DOMAIN_MAX];
    const size_t prefix = (size_t)snprintf(scheme, sizeof(scheme), "spiffe://%s/", anchors->trust_domain);
    const char *at = uri + prefix, *end = uri + size;

    if (size <= prefix || memcmp(uri, scheme, prefix) != 0) return false;
    return take_part(&at, end, false, name->role) && take_part(&at, end, false, name->first) && take_part(&at, end, true, name->second);
}

/* The only URI; other kinds of names are not what anybody is known by here. */
static bool find_name(const struct anchors *anchors, const X509 *certificate, struct anchored_name *name)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int uris = 0;
    bool good = false;

    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, i);

        if (one->type != GEN_URI || uris++ > 0) continue;
        good = parse_uri(anchors, (const char *)ASN1_STRING_get0_data(one->d.uniformResourceIdentifier),
                         (size_t)ASN1_STRING_length(one->d.uniformResourceIdentifier), name);
    }
    GENERAL_NAMES_free(names);
    return good && uris == 1;
}

/* -- judging ---------------------------------------------------------------------------------------------------------------------------- */

static X509 *find_issuer(const struct anchors *anchors, X509 *certificate)
{
    for (size_t i = 0; i < anchors->authority_count; i++)
        if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(anchors->authorities[i])) == 0 &&
            X509_verify(certificate, X509_get0_pubkey(anchors->authorities[i])) == 1)
            return anchors->authorities[i];
    return NULL;
}

static bool is_in_time(const X509 *certificate, int64_t now_ms)
{
    time_t now = (time_t)(now_ms / 1000);

    return X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 && X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
}

static bool is_revoked(const struct anchors *anchors, X509 *certificate)
{
    X509_REVOKED *entry = NULL;

    for (size_t i = 0; i < anchors->crl_count; i++)
        if (X509_NAME_cmp(X509_CRL_get_issuer(anchors->crls[i]), X509_get_issuer_name(certificate)) == 0 &&
            X509_CRL_get0_by_cert(anchors->crls[i], &entry, certificate) == 1)
            return true;
    return false;
}

static bool is_usable(X509 *certificate, uint32_t usage)
{
    char group[32] = "";
    const EVP_PKEY *key = X509_get0_pubkey(certificate);

    return key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0 && (X509_get_extension_flags(certificate) & (EXFLAG_CA | EXFLAG_INVALID)) == 0 &&
           (X509_get_key_usage(certificate) & usage) == usage;
}

enum anchor_fault anchors_judge(const struct anchors *anchors, X509 *certificate, uint32_t usage, int64_t now_ms, struct anchored_name *name)
{
    enum anchor_fault fault = ANCHOR_FINE;

    *name = (struct anchored_name) { 0 };
    if (find_issuer(anchors, certificate) == NULL) fault = ANCHOR_STRANGER;
    else if (!is_in_time(certificate, now_ms)) fault = ANCHOR_TIME;
    else if (is_revoked(anchors, certificate)) fault = ANCHOR_REVOKED;
    else if (!is_usable(certificate, usage)) fault = ANCHOR_KEY;
    else if (!find_name(anchors, certificate, name)) fault = ANCHOR_NAME;
    ERR_clear_error();
    return fault;
}
