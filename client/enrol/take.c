#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "client/enrol/enrol.h"
#include "client/identity/certificate.h"
#include "client/moment.h"

/* For a client, and signed by the authority alone; whatever this machine's clock says. */
static bool is_verified(X509 *certificate, const char *ca)
{
    X509 *authority = certificate_read(ca);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool verified = authority != NULL && store != NULL && context != NULL && X509_STORE_add_cert(store, authority) == 1 &&
                    X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME) == 1 &&
                    X509_STORE_CTX_init(context, store, certificate, NULL) == 1 &&
                    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1 && X509_verify_cert(context) == 1;

    verified = verified && certificate_issued_by(certificate, authority) && X509_check_ca(certificate) == 0;
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    X509_free(authority);
    ERR_clear_error();
    return verified;
}

const char *enrol_judge(X509 *certificate, const char *ca, const char *trust_domain, const struct name *name,
                        const EVP_PKEY *key)
{
    char domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    struct name found;

    if (certificate == NULL) return "it can't be read";
    if (!is_verified(certificate, ca)) return "it is not from our authority";
    if (!key_equal(X509_get0_pubkey(certificate), key)) return "it is for another key";
    if (!certificate_name(certificate, domain, &found) || strcmp(domain, trust_domain) != 0 ||
        strcmp(found.text, name->text) != 0)
        return "it is for another name";
    return NULL;
}

void enrol_check_clock(const X509 *certificate)
{
    const int64_t now_ms = moment_now_ms();
    char now[MOMENT_TEXT], begins[MOMENT_TEXT];
    int64_t begins_ms, ends_ms;

    if (!certificate_times(certificate, &begins_ms, &ends_ms) || (now_ms >= begins_ms && now_ms < ends_ms)) return;
    moment_print(now_ms, now);
    moment_print(begins_ms, begins);
    say("by this machine's clock, %.16sZ, the new certificate %s: the clock is wrong, set it", now,
        now_ms < begins_ms ? "has not begun" : "has ended");
}
