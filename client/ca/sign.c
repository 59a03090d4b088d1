#include "client/ca/ca.h"

#include <arpa/inet.h>
#include <openssl/rand.h>

#include "client/moment.h"

EVP_PKEY *ca_new_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    if (key == NULL) ca_complain("can't make a key");
    return key;
}

/* 127 random bits, not zero (RFC 5280, 4.1.2.2). */
static bool set_serial(X509 *certificate, char text[CA_SERIAL_TEXT + 1])
{
    uint8_t bytes[CA_SERIAL_BYTES];
    BIGNUM *number;
    bool set;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
    for (size_t i = 0; text != NULL && i < sizeof(bytes); i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return set;
}

static bool set_subject(X509 *certificate, const char *organisation, const char *common_name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    char shortened[65]; /* the most that X.520 allows a common name; the URI name is what counts */

    snprintf(shortened, sizeof(shortened), "%s", common_name);
    return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)organisation, -1, -1, 0) ==
               1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)shortened, -1, -1, 0) == 1;
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool added;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

/* -- names in a certificate ---------------------------------------------------------------------------------------- */

static bool push_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = GENERAL_NAME_new();

    if (name == NULL || value == NULL) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) > 0) return true;
    GENERAL_NAME_free(name);
    return false;
}

static bool push_text(GENERAL_NAMES *names, int type, const char *text)
{
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();

    if (value == NULL || ASN1_STRING_set(value, text, -1) != 1) {
        ASN1_IA5STRING_free(value);
        return false;
    }
    return push_name(names, type, value);
}

static bool push_hosts(GENERAL_NAMES *names, const struct ca_request *request)
{
    static const char *const own_ip[] = { "127.0.0.1", "::1", NULL };

    if (!push_text(names, GEN_DNS, "localhost")) return false;
    for (size_t i = 0; own_ip[i] != NULL; i++)
        if (!push_name(names, GEN_IPADD, a2i_IPADDRESS(own_ip[i]))) return false;
    for (size_t i = 0; request->dns != NULL && request->dns[i] != NULL; i++)
        if (!push_text(names, GEN_DNS, request->dns[i])) return false;
    for (size_t i = 0; request->ip != NULL && request->ip[i] != NULL; i++)
        if (!push_name(names, GEN_IPADD, a2i_IPADDRESS(request->ip[i]))) return false;
    return true;
}

/* The URI name first: it is the identity.  A node is reached by host names as well; REQUEST is NULL for the authority
 * itself. */
static bool set_names(X509 *certificate, const char *trust_domain, const struct ca_request *request)
{
    char uri[sizeof("spiffe:///") + LIMIT_TRUST_DOMAIN_MAX + LIMIT_IDENTITY_MAX];
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool set;

    if (request == NULL) snprintf(uri, sizeof(uri), "spiffe://%s", trust_domain);
    else snprintf(uri, sizeof(uri), "spiffe://%s/%s", trust_domain, request->name->text);
    set = names != NULL && push_text(names, GEN_URI, uri);
    if (set && request != NULL && strcmp(request->name->role, "node") == 0) set = push_hosts(names, request);
    set = set && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1;
    GENERAL_NAMES_free(names);
    return set;
}

/* -- certificates -------------------------------------------------------------------------------------------------- */

X509 *ca_sign_self(EVP_PKEY *key, const char *trust_domain, unsigned days)
{
    X509 *certificate = X509_new();
    bool signed_ = certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
                   set_serial(certificate, NULL) && set_subject(certificate, trust_domain, "Platesieve authority") &&
                   X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
                   X509_gmtime_adj(X509_getm_notBefore(certificate), -CA_BACKDATE_S) != NULL &&
                   X509_time_adj_ex(X509_getm_notAfter(certificate), (int)days, 0, NULL) != NULL &&
                   X509_set_pubkey(certificate, key) == 1 &&
                   add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                   add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                   add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
                   set_names(certificate, trust_domain, NULL) && X509_sign(certificate, key, EVP_sha256()) > 0;

    if (signed_) return certificate;
    ca_complain("can't make the authority's certificate");
    X509_free(certificate);
    return NULL;
}

/* What a certificate may be used for.  Pictures are sealed to evidence certificates, so those agree on keys. */
static bool set_usage(X509 *certificate, const char *role)
{
    const char *usage =
        strcmp(role, "evidence") == 0 ? "critical,digitalSignature,keyAgreement" : "critical,digitalSignature";
    const char *extended = strcmp(role, "node") == 0 ? "serverAuth,clientAuth" : "clientAuth";

    return add_extension(certificate, NULL, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NULL, NID_key_usage, usage) &&
           add_extension(certificate, NULL, NID_ext_key_usage, extended);
}

/* No certificate outlives its authority's. */
static bool set_validity(const struct ca *ca, X509 *certificate, int64_t seconds, int64_t *not_after_ms)
{
    const ASN1_TIME *limit = X509_get0_notAfter(ca->certificate);
    const int64_t backdate_s = seconds < CA_BACKDATE_S ? seconds : CA_BACKDATE_S;
    struct tm tm;

    if (X509_gmtime_adj(X509_getm_notBefore(certificate), (long)-backdate_s) == NULL ||
        X509_time_adj_ex(X509_getm_notAfter(certificate), (int)(seconds / 86400), (long)(seconds % 86400), NULL) == NULL)
        return false;
    if (ASN1_TIME_compare(X509_get0_notAfter(certificate), limit) > 0 && X509_set1_notAfter(certificate, limit) != 1)
        return false;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1) return false;
    *not_after_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

X509 *ca_sign(const struct ca *ca, EVP_PKEY *key, const struct ca_request *request, struct ca_row *row)
{
    X509 *certificate = X509_new();
    bool signed_;

    *row = (struct ca_row) { 0 };
    snprintf(row->name, sizeof(row->name), "%s", request->name->text);
    signed_ = certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
              set_serial(certificate, row->serial) && set_subject(certificate, ca->trust_domain, request->name->text) &&
              X509_set_issuer_name(certificate, X509_get_subject_name(ca->certificate)) == 1 &&
              set_validity(ca, certificate, request->seconds, &row->not_after_ms) &&
              X509_set_pubkey(certificate, key) == 1 && set_usage(certificate, request->name->role) &&
              add_extension(certificate, ca->certificate, NID_subject_key_identifier, "hash") &&
              add_extension(certificate, ca->certificate, NID_authority_key_identifier, "keyid:always") &&
              set_names(certificate, ca->trust_domain, request) && X509_sign(certificate, ca->key, EVP_sha256()) > 0;
    if (signed_) return certificate;
    ca_complain("can't make a certificate");
    X509_free(certificate);
    return NULL;
}
