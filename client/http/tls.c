/* Whether a server is one of ours, and what it says of our certificate. */
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "client/http/internal.h"

static bool is_our_node(const struct identity *identity, X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names) && !found; i++) {
        const GENERAL_NAME *entry = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *uri = entry->type == GEN_URI ? entry->d.uniformResourceIdentifier : NULL;
        char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
        struct name name;

        found = uri != NULL &&
                spiffe_parse((const char *)ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri), trust_domain,
                             &name) &&
                strcmp(name.role, "node") == 0 && strcmp(trust_domain, identity->trust_domain) == 0;
    }
    GENERAL_NAMES_free(names);
    return found;
}

/* In place of OpenSSL's own check of the chain: that check, and then the role.  libcurl checks the host afterwards. */
static int verify(X509_STORE_CTX *store, void *context)
{
    struct http *http = context;

    if (X509_verify_cert(store) != 1) {
        const int error = X509_STORE_CTX_get_error(store);

        http->untimely = error == X509_V_ERR_CERT_NOT_YET_VALID || error == X509_V_ERR_CERT_HAS_EXPIRED;
        return 0;
    }
    if (is_our_node(http->identity, X509_STORE_CTX_get0_cert(store))) return 1;
    http->stranger = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

/* With TLS 1.3 the server judges our certificate when we have finished: its word comes in place of an answer. */
static void hear_alert(const SSL *tls, int where, int value)
{
    struct http *http = SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls));

    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT || value >> 8 != SSL3_AL_FATAL) return;
    switch (value & 0xff) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED: http->unwanted = true; break;
    default: break;
    }
}

CURLcode http_prepare_tls(CURL *curl, void *tls, void *context)
{
    (void)curl;
    SSL_CTX_set_cert_verify_callback(tls, verify, context);
    SSL_CTX_set_app_data(tls, context);
    SSL_CTX_set_info_callback(tls, hear_alert);
    return CURLE_OK;
}
