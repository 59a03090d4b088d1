/* How a device comes to its certificate, and to the next one: `platesieve enrol`, and the renewal that `platesieve lane`
 * does by itself.
 *
 * Beside <pki>/<role>/<name>.pem and .key there are, while a request is under way: .key.new, the new key, which never
 * leaves this place; .request, what is sent, so that whoever starts again after a break goes on with the same; with a
 * renewal .pem.new, until it has been tried; and .lock.  The certificate takes its place first, then the key:
 * enrol_files_settle() finishes that after a break in between. */
#ifndef CLIENT_ENROL_ENROL_H
#define CLIENT_ENROL_ENROL_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "client/http/http.h"

/* -- files.c: what lies on the disk.  What fails has been said. ------------------------------------------------ */

struct enrol_files {
    char certificate[PATH_MAX], key[PATH_MAX];
    char new_certificate[PATH_MAX], new_key[PATH_MAX], request[PATH_MAX], lock_path[PATH_MAX];
    int lock; /* -1: not held */
};

/* What is sent.  A first request has a MAC, a renewal a certificate and a signature. */
struct enrol_request {
    uint8_t csr[LIMIT_CSR_BYTES], mac[PLATESIEVE_MAC_BYTES];
    uint8_t certificate[LIMIT_CERTIFICATE_BYTES], signature[LIMIT_SIGNATURE_BYTES];
    size_t csr_size, certificate_size, signature_size; /* certificate_size 0: a first request */
};

bool enrol_files_open(const char *pki, const struct name *name, struct enrol_files *files) MUST_USE;
/* Only one program at a time may ask for a name.  False with *BUSY when another does, which is not said. */
bool enrol_files_lock(struct enrol_files *files, bool *busy) MUST_USE;
void enrol_files_close(struct enrol_files *files);
/* Finishes what a break left half done. */
bool enrol_files_settle(const struct enrol_files *files) MUST_USE;
/* The same for whoever only uses NAME's certificate; without a word when another program is at it. */
void enrol_settle(const char *pki, const struct name *name);
/* The new key: the one on disk, or a fresh one.  NULL is said. */
EVP_PKEY *enrol_files_new_key(const struct enrol_files *files);
/* The request that is under way for KEY and is a renewal or not, as RENEWAL says; false: none. */
bool enrol_request_read(const struct enrol_files *files, const EVP_PKEY *key, bool renewal, struct enrol_request *request);
bool enrol_request_write(const struct enrol_files *files, const struct enrol_request *request) MUST_USE;
/* The body of POST /v1/enrolments, to be freed with wiping_free(); NULL without memory. */
char *enrol_request_text(const struct enrol_request *request);
void enrol_request_forget(const struct enrol_files *files);
/* Puts the new pair in its place. */
bool enrol_files_swap(const struct enrol_files *files) MUST_USE;

/* -- ask.c: the gate's waiting room ---------------------------------------------------------------------------- */

/* Waits; false: stop asking. */
typedef bool (*enrol_pause_fn)(void *context, unsigned ms);

struct enrol_ask {
    struct http *http;
    const struct enrol_request *request;
    int64_t until_ms; /* monotonic; the request goes on waiting when this is over */
    enrol_pause_fn pause;
    void *context;
    bool quiet; /* says nothing but what people must do something about */
};

/* Leaves the request at a gate, and there comes back for the answer; at another one when that is away, and again when it
 * has forgotten.  CLIENT_OK with a certificate that nobody has looked at; CLIENT_REFUSED: said; CLIENT_UNREACHABLE: no gate
 * answered (said unless quiet); CLIENT_REMARKS: it still waits. */
int enrol_ask(const struct enrol_ask *ask, uint8_t certificate[LIMIT_CERTIFICATE_BYTES], size_t *size) MUST_USE;

/* -- take.c: the answer ----------------------------------------------------------------------------------------- */

/* NULL if CERTIFICATE is from the authority in the file CA, for exactly NAME and KEY, and for a client; else what is
 * wrong.  Its times are not judged. */
const char *enrol_judge(X509 *certificate, const char *ca, const char *trust_domain, const struct name *name,
                        const EVP_PKEY *key);
/* Says so when this machine's clock is outside of the certificate's time. */
void enrol_check_clock(const X509 *certificate);

/* -- renew.c: the next certificate ------------------------------------------------------------------------------------ */

struct renewal {
    const struct settings *settings;
    struct identity *identity; /* whose certificate is to be followed; its generation grows when that is done */
    enrol_pause_fn pause;
    void *context;
    unsigned wait_s;
    bool now;   /* also when it is not due */
    bool quiet;
};

/* Milliseconds until the certificate's last third begins (0: it has), when it ends (since 1970), and how long it lasts in all.  False (not said): it can't be read. */
bool renewal_due(const struct identity *identity, int64_t *in_ms, int64_t *ends_ms, int64_t *lasts_ms);
/* CLIENT_OK: renewed, or (*renewed false) not due or somebody else is at it; else as enrol_ask(), or CLIENT_FAILED. */
int renew(const struct renewal *renewal, bool *renewed) MUST_USE;

#endif
