/* The next certificate before this one ends: a new key, a request that the old key signs, and the change when the new
 * pair has been seen to work. */
#include "client/ca/ca.h"
#include "client/enrol/enrol.h"
#include "client/file.h"
#include "client/identity/certificate.h"
#include "client/moment.h"

#define TRY_TIMEOUT_S 10u

bool renewal_due(const struct identity *identity, int64_t *in_ms, int64_t *ends_ms, int64_t *lasts_ms)
{
    X509 *certificate = certificate_read(identity->certificate);
    int64_t begins_ms, left_ms;
    const bool read = certificate != NULL && certificate_times(certificate, &begins_ms, ends_ms);

    X509_free(certificate);
    if (!read) return false;
    left_ms = *ends_ms - moment_now_ms();
    *lasts_ms = *ends_ms - begins_ms;
    *in_ms = left_ms - *lasts_ms / 3;
    if (*in_ms < 0) *in_ms = 0;
    return true;
}

/* -- the request --------------------------------------------------------------------------------------------------- */

/* False is said. */
static bool make_request(const struct renewal *renewal, const struct enrol_files *files, EVP_PKEY *key,
                         struct enrol_request *request)
{
    const struct identity *identity = renewal->identity;
    X509 *certificate = certificate_read(identity->certificate);
    EVP_PKEY *old_key = key_read(identity->key);
    bool made = false;

    *request = (struct enrol_request) { 0 };
    if (certificate == NULL || old_key == NULL || !key_equal(X509_get0_pubkey(certificate), old_key)) {
        say("%s and its key are not a pair", identity->certificate);
    } else if ((request->certificate_size = certificate_encode(certificate, request->certificate)) == 0) {
        say("%s is too large", identity->certificate);
    } else {
        request->csr_size = csr_make(key, identity->trust_domain, &identity->name, request->csr);
        if (request->csr_size > 0)
            request->signature_size = renewal_sign(old_key, request->csr, request->csr_size, request->signature);
        made = request->signature_size > 0 && enrol_request_write(files, request);
    }
    X509_free(certificate);
    EVP_PKEY_free(old_key);
    return made;
}

/* One that is under way for the certificate in use goes on. */
static bool find_request(const struct renewal *renewal, const struct enrol_files *files, EVP_PKEY *key,
                         struct enrol_request *request)
{
    uint8_t current[LIMIT_CERTIFICATE_BYTES];
    X509 *certificate = certificate_read(renewal->identity->certificate);
    const size_t size = certificate == NULL ? 0 : certificate_encode(certificate, current);

    X509_free(certificate);
    if (enrol_request_read(files, key, true, request) && request->certificate_size == size &&
        memcmp(request->certificate, current, size) == 0)
        return true;
    return make_request(renewal, files, key, request);
}

/* -- the change ---------------------------------------------------------------------------------------------------- */

/* Does a gate speak with whoever shows the new pair?  Until it has, the old one stays. */
static int try_pair(const struct renewal *renewal, const struct enrol_files *files)
{
    const struct http_request request = { .method = "GET", .path = "/livez", .timeout_s = TRY_TIMEOUT_S };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    struct http *http = NULL;
    struct identity identity = { .name = renewal->identity->name };
    int code;

    memcpy(identity.trust_domain, renewal->identity->trust_domain, sizeof(identity.trust_domain));
    memcpy(identity.certificate, files->new_certificate, sizeof(identity.certificate));
    memcpy(identity.key, files->new_key, sizeof(identity.key));
    memcpy(identity.ca, renewal->identity->ca, sizeof(identity.ca));
    code = http_open(renewal->settings, HTTP_GATE, &identity, &http);
    if (code != CLIENT_OK) return code;
    if (!http_ask(http, &request, &answer)) {
        say("the new certificate was not taken by a gate, the old one stays: %s", http_trouble(http));
        code = CLIENT_UNREACHABLE;
    } else if (answer.status != 200) {
        say("the new certificate was refused by a gate (%u), the old one stays", answer.status);
        code = CLIENT_REFUSED;
    }
    http_close(http);
    return code;
}

static int take(const struct renewal *renewal, const struct enrol_files *files, const EVP_PKEY *key, const uint8_t *der,
                size_t size)
{
    X509 *certificate = certificate_parse(der, size);
    const char *wrong = enrol_judge(certificate, renewal->identity->ca, renewal->identity->trust_domain,
                                    &renewal->identity->name, key);
    bool written = false;

    if (wrong != NULL) {
        say("ALARM: a gate sent a certificate that is not ours: %s", wrong);
        X509_free(certificate);
        return CLIENT_ALARM;
    }
    enrol_check_clock(certificate);
    written = ca_write_certificate(files->new_certificate, certificate);
    X509_free(certificate);
    if (!written) return CLIENT_FAILED;
    const int code = try_pair(renewal, files);

    if (code != CLIENT_OK) return code;
    if (!enrol_files_swap(files)) return CLIENT_FAILED;
    atomic_fetch_add(&renewal->identity->generation, 1);
    return CLIENT_OK;
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static int ask(const struct renewal *renewal, const struct enrol_files *files, EVP_PKEY *key)
{
    uint8_t der[LIMIT_CERTIFICATE_BYTES];
    struct enrol_request request;
    struct enrol_ask ask = { .request = &request,
                             .until_ms = moment_monotonic_ms() + (int64_t)renewal->wait_s * 1000,
                             .pause = renewal->pause,
                             .context = renewal->context,
                             .quiet = renewal->quiet };
    size_t size = 0;
    int code;

    if (!find_request(renewal, files, key, &request)) return CLIENT_FAILED;
    code = http_open(renewal->settings, HTTP_GATE, renewal->identity, &ask.http);
    if (code == CLIENT_OK) code = enrol_ask(&ask, der, &size);
    http_close(ask.http);
    if (code == CLIENT_OK) code = take(renewal, files, key, der, size);
    if (code == CLIENT_REFUSED) enrol_request_forget(files);
    return code;
}

int renew(const struct renewal *renewal, bool *renewed)
{
    struct enrol_files files;
    int64_t in_ms, ends_ms, lasts_ms;
    EVP_PKEY *key = NULL;
    bool busy = false;
    int code = CLIENT_FAILED;

    *renewed = false;
    if (!enrol_files_open(renewal->settings->pki, &renewal->identity->name, &files)) return CLIENT_FAILED;
    if (!enrol_files_lock(&files, &busy)) return busy ? CLIENT_OK : CLIENT_FAILED;
    if (!enrol_files_settle(&files)) {
        code = CLIENT_FAILED;
    } else if (!renewal_due(renewal->identity, &in_ms, &ends_ms, &lasts_ms)) {
        say("can't read %s", renewal->identity->certificate);
    } else if (in_ms > 0 && !renewal->now) {
        code = CLIENT_OK;
    } else {
        key = enrol_files_new_key(&files);
        if (key != NULL) code = ask(renewal, &files, key);
        *renewed = code == CLIENT_OK;
    }
    EVP_PKEY_free(key);
    enrol_files_close(&files);
    return code;
}
