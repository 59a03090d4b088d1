#include "server/http/trust.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "server/http/log.h"
#include "server/http/revoked.h"

/* What was loaded; replaced whole. */
struct store {
    gnutls_x509_trust_list_t list; /* owns the certificates below */
    gnutls_x509_crt_t *cas;
    unsigned ca_count;
    struct revoked revoked;
};

struct seen { /* how a file looked when it was last read */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct trust {
    char *ca_file, *crl_file; /* crl_file NULL: none */
    char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    struct seen ca_seen, crl_seen;
    pthread_rwlock_t lock; /* over store: read in each handshake, written when a file changed */
    struct store *store;
    atomic_uint_least64_t generation;
};

static void store_free(struct store *store)
{
    if (store == NULL) return;
    revoked_clear(&store->revoked);
    if (store->list != NULL) gnutls_x509_trust_list_deinit(store->list, 1);
    gnutls_free(store->cas);
    free(store);
}

static bool load_cas(const char *file, struct store *store)
{
    gnutls_datum_t pem = { NULL, 0 };
    if (gnutls_load_file(file, &pem) != 0) return false;
    int status = gnutls_x509_crt_list_import2(&store->cas, &store->ca_count, &pem, GNUTLS_X509_FMT_PEM, 0);
    gnutls_free(pem.data);
    if (status < 0 || store->ca_count == 0) return false;
    if (gnutls_x509_trust_list_init(&store->list, 0) != 0)
        abort(); /* no memory at start; the certificates would have no owner */
    int added = gnutls_x509_trust_list_add_cas(store->list, store->cas, store->ca_count, 0);
    return added == (int)store->ca_count;
}

/* NULL, after a line on the log.  NEW_CA: the list may then be older than the one before. */
static struct store *store_load(const struct trust *trust, bool new_ca)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) return NULL;
    if (!load_cas(trust->ca_file, store)) {
        log_line(LOG_ERR, "the CA's certificates can't be read: %s", trust->ca_file);
        store_free(store);
        return NULL;
    }
    if (trust->crl_file == NULL) return store;
    const char *problem = revoked_load(trust->crl_file, store->cas, store->ca_count, &store->revoked);
    bool starting = trust->store == NULL;
    if (problem == NULL && store->revoked.expired) {
        log_line(LOG_WARNING, "the revocation list has expired: %s", trust->crl_file);
        /* what an expired list revoked is revoked all the same: good enough to start */
        if (!starting) problem = "it has expired";
    }
    if (problem == NULL && !starting && !new_ca && store->revoked.issued_s < trust->store->revoked.issued_s)
        problem = "it is older than the one before";
    if (problem == NULL) return store;
    log_line(LOG_ERR, "the revocation list is not usable (%s)%s: %s", problem,
             starting ? "" : ", the last good one stays in force", trust->crl_file);
    store_free(store);
    return NULL;
}

/* True when FILE looks different from last time. */
static bool look(const char *file, struct seen *seen)
{
    struct stat stat_now;
    if (file == NULL || stat(file, &stat_now) != 0) return false;
    struct seen now = { stat_now.st_dev, stat_now.st_ino, stat_now.st_size, stat_now.st_mtim };
    bool changed = now.device != seen->device || now.inode != seen->inode || now.size != seen->size ||
                   now.changed.tv_sec != seen->changed.tv_sec || now.changed.tv_nsec != seen->changed.tv_nsec;
    *seen = now;
    return changed;
}

struct result trust_create(const char *ca_file, const char *crl_file, const char *trust_domain, struct trust **out)
{
    struct trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL || strlen(trust_domain) >= sizeof trust->trust_domain) {
        free(trust);
        return FAIL(REASON_SETTINGS);
    }
    memcpy(trust->trust_domain, trust_domain, strlen(trust_domain) + 1);
    pthread_rwlock_init(&trust->lock, NULL);
    atomic_init(&trust->generation, 1);
    trust->ca_file = strdup(ca_file);
    if (crl_file != NULL && *crl_file != 0) trust->crl_file = strdup(crl_file);
    look(trust->ca_file, &trust->ca_seen);
    look(trust->crl_file, &trust->crl_seen);
    trust->store = store_load(trust, true);
    if (trust->store == NULL) {
        trust_destroy(trust);
        return FAIL(REASON_SETTINGS);
    }
    *out = trust;
    return OK;
}

void trust_destroy(struct trust *trust)
{
    if (trust == NULL) return;
    store_free(trust->store);
    pthread_rwlock_destroy(&trust->lock);
    free(trust->ca_file);
    free(trust->crl_file);
    free(trust);
}

void trust_poll(struct trust *trust)
{
    bool new_ca = look(trust->ca_file, &trust->ca_seen);
    bool new_crl = look(trust->crl_file, &trust->crl_seen);
    if (!new_ca && !new_crl) return;
    struct store *store = store_load(trust, new_ca);
    if (store == NULL) return;
    pthread_rwlock_wrlock(&trust->lock);
    struct store *old = trust->store;
    trust->store = store;
    atomic_fetch_add(&trust->generation, 1);
    pthread_rwlock_unlock(&trust->lock);
    store_free(old);
    log_line(LOG_NOTICE, "trust loaded: %u CA certificate(s), %zu certificate(s) revoked", store->ca_count,
             store->revoked.count);
}

uint64_t trust_generation(const struct trust *trust)
{
    return atomic_load_explicit(&trust->generation, memory_order_relaxed);
}

/* -- one certificate --------------------------------------------------------------------------- */

/* Its only URI name; false if there is none, or a second. */
static bool only_uri(gnutls_x509_crt_t leaf, char *uri, size_t room, size_t *size)
{
    unsigned found = 0;
    for (unsigned i = 0; i < 64; i++) {
        char name[512];
        size_t name_size = sizeof name;
        unsigned type = 0;
        int status = gnutls_x509_crt_get_subject_alt_name2(leaf, i, name, &name_size, &type, NULL);
        if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return found == 1;
        if (status < 0) return false;
        if (type != GNUTLS_SAN_URI) continue;
        if (++found > 1 || name_size > room) return false;
        memcpy(uri, name, name_size);
        *size = name_size;
    }
    return false;
}

static struct result check_issuer(const struct store *store, gnutls_x509_crt_t leaf, unsigned *status)
{
    char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st data = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose };
    unsigned flags = GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM);
    if (gnutls_x509_trust_list_verify_crt2(store->list, &leaf, 1, &data, 1, flags, status, NULL) != 0)
        *status |= GNUTLS_CERT_INVALID;
    if (*status != 0) return FAIL((*status & GNUTLS_CERT_EXPIRED) != 0 ? REASON_REVOKED : REASON_FORBIDDEN);
    if (gnutls_x509_crt_get_ca_status(leaf, NULL) > 0) return FAIL(REASON_FORBIDDEN); /* a CA does not log in */
    if (!revoked_contains(&store->revoked, leaf)) return OK;
    *status = GNUTLS_CERT_INVALID | GNUTLS_CERT_REVOKED;
    return FAIL(REASON_REVOKED);
}

static struct result check_name(const struct trust *trust, gnutls_x509_crt_t leaf, struct trusted *trusted)
{
    char uri[sizeof "spiffe://" + LIMIT_TRUST_DOMAIN_MAX + 1 + LIMIT_IDENTITY_MAX];
    size_t size = 0;
    if (!only_uri(leaf, uri, sizeof uri, &size)) return FAIL(REASON_FORBIDDEN);
    TRY(peer_parse(trust->trust_domain, uri, size, &trusted->peer));
    if (trusted->peer.role == ROLE_EVIDENCE) return FAIL(REASON_FORBIDDEN);
    trusted->expires_s = gnutls_x509_crt_get_expiration_time(leaf);
    return OK;
}

struct result trust_verify(struct trust *trust, const gnutls_datum_t *der, struct trusted *trusted, unsigned *status)
{
    gnutls_x509_crt_t leaf;
    *status = GNUTLS_CERT_INVALID;
    memset(trusted, 0, sizeof *trusted);
    if (gnutls_x509_crt_init(&leaf) != 0) return FAIL(REASON_FORBIDDEN);
    struct result result = FAIL(REASON_FORBIDDEN);
    if (gnutls_x509_crt_import(leaf, der, GNUTLS_X509_FMT_DER) == 0) {
        pthread_rwlock_rdlock(&trust->lock);
        trusted->generation = trust_generation(trust);
        result = check_issuer(trust->store, leaf, status);
        pthread_rwlock_unlock(&trust->lock);
        if (!failed(result)) result = check_name(trust, leaf, trusted);
    }
    gnutls_x509_crt_deinit(leaf);
    return result;
}
