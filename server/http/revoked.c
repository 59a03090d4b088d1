#include "server/http/revoked.h"

#include <gnutls/crypto.h>
#include <time.h>

#define SERIAL_BYTES_MAX 64 /* RFC 5280 allows 20 */
#define REVOKED_MAX 1000000u

static bool digest(const gnutls_datum_t *issuer, const uint8_t *serial, size_t size, uint8_t out[REVOKED_DIGEST_BYTES])
{
    gnutls_hash_hd_t hash;
    while (size > 1 && serial[0] == 0) serial++, size--; /* lists and certificates may differ in leading zeros */
    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) != 0) return false;
    bool fine = gnutls_hash(hash, issuer->data, issuer->size) == 0 && gnutls_hash(hash, serial, size) == 0;
    gnutls_hash_deinit(hash, out);
    return fine;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, REVOKED_DIGEST_BYTES);
}

static const char *take_serials(gnutls_x509_crl_t crl, const gnutls_datum_t *issuer, struct revoked *revoked)
{
    gnutls_x509_crl_iter_t iter = NULL;
    const char *problem = NULL;
    for (;;) {
        uint8_t serial[SERIAL_BYTES_MAX];
        size_t size = sizeof serial;
        time_t when;
        int status = gnutls_x509_crl_iter_crt_serial(crl, &iter, serial, &size, &when);
        if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) break;
        if (status < 0 || !digest(issuer, serial, size, revoked->digests[revoked->count])) {
            problem = "an entry can't be read";
            break;
        }
        revoked->count++;
    }
    gnutls_x509_crl_iter_deinit(iter);
    return problem;
}

/* GnuTLS looks at the times whatever it is told, and says then that the list is not valid.  (What has expired,
   take_list() notes.) */
static const char *judge_list(gnutls_x509_crl_t crl, const gnutls_x509_crt_t *cas, unsigned ca_count)
{
    const unsigned in_future = GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
    const unsigned of_time = in_future | GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED;
    unsigned status = 0;
    if (gnutls_x509_crl_verify(crl, cas, ca_count, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) != 0)
        return "its signature can't be verified";
    unsigned wrong = (status & of_time) == 0 ? status : status & ~(of_time | GNUTLS_CERT_INVALID);
    if (wrong != 0) return "its signature is not the CA's";
    return (status & in_future) != 0 ? "it begins in the future: is a clock wrong?" : NULL;
}

static const char *take_list(gnutls_x509_crl_t crl, const gnutls_x509_crt_t *cas, unsigned ca_count,
                             struct revoked *revoked)
{
    const char *wrong = judge_list(crl, cas, ca_count);
    if (wrong != NULL) return wrong;
    int entries = gnutls_x509_crl_get_crt_count(crl);
    if (entries < 0 || (size_t)entries + revoked->count > REVOKED_MAX) return "it is too long";
    void *larger = reallocarray(revoked->digests, revoked->count + (size_t)entries + 1, REVOKED_DIGEST_BYTES);
    if (larger == NULL) return "no memory";
    revoked->digests = larger;

    int64_t issued = gnutls_x509_crl_get_this_update(crl), next = gnutls_x509_crl_get_next_update(crl);
    if (issued > revoked->issued_s) revoked->issued_s = issued;
    if (next != -1 && next < time(NULL)) revoked->expired = true;
    gnutls_datum_t issuer = { NULL, 0 };
    if (gnutls_x509_crl_get_raw_issuer_dn(crl, &issuer) != 0) return "its issuer can't be read";
    const char *problem = take_serials(crl, &issuer, revoked);
    gnutls_free(issuer.data);
    return problem;
}

const char *revoked_load(const char *file, const gnutls_x509_crt_t *cas, unsigned ca_count, struct revoked *revoked)
{
    gnutls_datum_t pem = { NULL, 0 };
    gnutls_x509_crl_t *crls = NULL;
    unsigned count = 0;
    if (gnutls_load_file(file, &pem) != 0) return "it can't be opened";
    int status = gnutls_x509_crl_list_import2(&crls, &count, &pem, GNUTLS_X509_FMT_PEM, 0);
    gnutls_free(pem.data);
    if (status < 0) return "it is not a list in PEM form";
    const char *problem = count == 0 ? "it is empty" : NULL;
    for (unsigned i = 0; i < count; i++) {
        if (problem == NULL) problem = take_list(crls[i], cas, ca_count, revoked);
        gnutls_x509_crl_deinit(crls[i]);
    }
    gnutls_free(crls);
    if (problem == NULL && revoked->count > 0) qsort(revoked->digests, revoked->count, REVOKED_DIGEST_BYTES, compare);
    if (problem != NULL) revoked_clear(revoked);
    return problem;
}

void revoked_clear(struct revoked *revoked)
{
    free(revoked->digests);
    memset(revoked, 0, sizeof *revoked);
}

bool revoked_contains(const struct revoked *revoked, gnutls_x509_crt_t certificate)
{
    uint8_t serial[SERIAL_BYTES_MAX], wanted[REVOKED_DIGEST_BYTES];
    size_t size = sizeof serial;
    gnutls_datum_t issuer = { NULL, 0 };
    if (revoked->count == 0) return false;
    if (gnutls_x509_crt_get_serial(certificate, serial, &size) != 0 ||
        gnutls_x509_crt_get_raw_issuer_dn(certificate, &issuer) != 0)
        return true;
    bool fine = digest(&issuer, serial, size, wanted);
    gnutls_free(issuer.data);
    return !fine || bsearch(wanted, revoked->digests, revoked->count, REVOKED_DIGEST_BYTES, compare) != NULL;
}
