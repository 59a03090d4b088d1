/* Starting and stopping; the rest happens on the threads of libmicrohttpd, of the workers and of the ticker. */
#include "server/http/internal.h"

#include <gnutls/gnutls.h>
#include <unistd.h>

#include "server/http/log.h"

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:%NO_TICKETS" /* SECURE192 would refuse P-256 */
#define PLAIN_CONNECTIONS 32
#define DAEMON_OPTIONS_MAX 24

/* Decodes %XX in place, but not to a zero byte, which would end the text early: "%00" stays, and nothing has such a
   name. */
static size_t unescape(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    char *out = text;
    for (const char *at = text; *at != 0;) {
        char hex[3] = { 0 }, *end = hex;
        if (at[0] == '%' && at[1] != 0 && at[2] != 0) hex[0] = at[1], hex[1] = at[2];
        long value = hex[0] != 0 && hex[0] != '+' && hex[0] != '-' && hex[0] != ' ' ? strtol(hex, &end, 16) : 0;
        if (end == hex + 2 && value > 0) {
            *out++ = (char)value;
            at += 3;
        } else {
            *out++ = *at++;
        }
    }
    *out = 0;
    return (size_t)(out - text);
}

/* -- starting ---------------------------------------------------------------------------------- */

struct identity {
    gnutls_datum_t certificate, key; /* PEM, with ending zeros */
};

static void identity_clear(struct identity *identity)
{
    if (identity->key.data != NULL) explicit_bzero(identity->key.data, identity->key.size);
    gnutls_free(identity->certificate.data);
    gnutls_free(identity->key.data);
}

/* Reads both and makes sure that they belong together, so that the operator is told what is wrong. */
static bool identity_load(const struct http_settings *settings, struct identity *identity)
{
    gnutls_certificate_credentials_t credentials;
    const char *problem = NULL;
    if (gnutls_load_file(settings->certificate, &identity->certificate) != 0)
        problem = "the certificate can't be read";
    else if (gnutls_load_file(settings->key, &identity->key) != 0)
        problem = "the certificate's key can't be read";
    else if (gnutls_certificate_allocate_credentials(&credentials) != 0)
        problem = "no memory";
    else {
        if (gnutls_certificate_set_x509_key_mem(credentials, &identity->certificate, &identity->key,
                                                GNUTLS_X509_FMT_PEM) < 0)
            problem = "certificate and key are broken or don't belong together";
        gnutls_certificate_free_credentials(credentials);
    }
    if (problem != NULL) log_line(LOG_ERR, "%s: %s", problem, settings->certificate);
    return problem == NULL;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, unsigned flags, unsigned threads,
                                       unsigned connections, const struct identity *identity)
{
    struct MHD_OptionItem options[DAEMON_OPTIONS_MAX];
    size_t n = 0;
#define OPTION(name, number, pointer) options[n++] = (struct MHD_OptionItem){ (name), (intptr_t)(number), (pointer) }
    OPTION(MHD_OPTION_CONNECTION_LIMIT, connections, NULL);
    OPTION(MHD_OPTION_PER_IP_CONNECTION_LIMIT, LIMIT_CONNECTIONS_PER_ADDRESS, NULL);
    OPTION(MHD_OPTION_CONNECTION_MEMORY_LIMIT, LIMIT_CONNECTION_POOL_BYTES, NULL);
    OPTION(MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_notify, server);
    OPTION(MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_end, server);
    OPTION(MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_begin, server);
    OPTION(MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)unescape, NULL);
    OPTION(MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL);
    if (threads > 1) OPTION(MHD_OPTION_THREAD_POOL_SIZE, threads, NULL);
    if (identity != NULL) {
        OPTION(MHD_OPTION_HTTPS_MEM_CERT, 0, identity->certificate.data);
        OPTION(MHD_OPTION_HTTPS_MEM_KEY, 0, identity->key.data);
        OPTION(MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES);
    }
    OPTION(MHD_OPTION_END, 0, NULL);
#undef OPTION
    flags |= MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET;
    return MHD_start_daemon(flags, 0, NULL, NULL, exchange_proceed, server, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* Takes FD. */
static struct result start_accepting(int fd, struct MHD_Daemon *daemon, struct acceptor **acceptor)
{
    if (daemon == NULL) {
        close(fd);
        return FAIL(REASON_SETTINGS);
    }
    *acceptor = acceptor_start(fd, daemon);
    return *acceptor == NULL ? FAIL(REASON_INTERNAL) : OK;
}

static struct result start_secure(struct http_server *server, const struct http_settings *settings)
{
    struct identity identity = { 0 };
    struct result result = FAIL(REASON_SETTINGS);
    int fd = listen_open(settings->listen, false, &server->port, &result);
    if (fd < 0) return result;
    if (identity_load(settings, &identity)) {
        unsigned threads = settings->threads > 0 ? settings->threads : 1;
        unsigned connections = settings->connections_max > 0 ? settings->connections_max : LIMIT_CONNECTIONS;
        server->secure = start_daemon(server, MHD_USE_TLS, threads, connections, &identity);
        if (server->secure == NULL) log_line(LOG_ERR, "the HTTPS server does not start");
    }
    identity_clear(&identity);
    return start_accepting(fd, server->secure, &server->secure_acceptor);
}

static struct result start_plain(struct http_server *server, const struct http_settings *settings)
{
    struct result result;
    if (settings->plain_listen == NULL || *settings->plain_listen == 0) return OK;
    int fd = listen_open(settings->plain_listen, true, &server->plain_port, &result);
    if (fd < 0) return result;
    server->plain = start_daemon(server, 0, 1, PLAIN_CONNECTIONS, NULL);
    if (server->plain == NULL) log_line(LOG_ERR, "the loopback server does not start");
    return start_accepting(fd, server->plain, &server->plain_acceptor);
}

static struct result prepare(struct http_server *server, const struct http_settings *settings,
                             const struct route *routes)
{
    server->registry = settings->registry;
    server->quota = settings->quota;
    server->stream_life_s = settings->stream_life_s > 0 ? settings->stream_life_s : LIMIT_STREAM_LIFE_S;
    if (server->registry == NULL) return FAIL(REASON_SETTINGS);
    TRY(trust_create(settings->ca, settings->crl, settings->trust_domain, &server->trust));
    server->router = router_create(routes, settings->metrics);
    if (server->router == NULL) return FAIL(REASON_INTERNAL);
    for (unsigned reason = 1; reason < REASON_COUNT; reason++) {
        server->problems[reason] = problem_response((enum reason)reason, false);
        if (server->problems[reason] == NULL) return FAIL(REASON_INTERNAL);
    }
    if (settings->strangers && (server->strangers = strangers_create()) == NULL) return FAIL(REASON_INTERNAL);
    if (settings->metrics != NULL) {
        server->refused = metrics_counter(settings->metrics, "platesieve_tls_refused_total",
                                          "Connections that ended without an acceptable certificate.", "");
        server->unregistered = metrics_counter(settings->metrics, "platesieve_unregistered_total",
                                               "Requests under a good certificate whose name is not registered.", "");
        server->registered =
            metrics_gauge(settings->metrics, "platesieve_registered", "Names that are registered.", "");
        server->registry_alarm =
            metrics_gauge(settings->metrics, "platesieve_alarm", "1 while it stands.", "what=\"registry\"");
        server->let_in = metrics_counter(settings->metrics, "platesieve_strangers_total",
                                         "Connections without a certificate that were let in to ask for one.", "");
        server->streaming = metrics_gauge(settings->metrics, "platesieve_streams", "Open streams.", "");
        server->stalled = metrics_counter(settings->metrics, "platesieve_streams_stalled_total",
                                          "Streams that were cut off because their clients took nothing.", "");
        server->open = metrics_gauge(settings->metrics, "platesieve_http_connections", "Open connections.", "");
    }
    ticker_read_clocks(server);
    server->workers = workers_create(settings->workers, server->app);
    server->ticker = ticker_start(server);
    return server->workers != NULL && server->ticker != NULL ? OK : FAIL(REASON_INTERNAL);
}

struct result http_server_start(const struct http_settings *settings, const struct route *routes, void *app,
                                struct http_server **out)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) return FAIL(REASON_INTERNAL);
    atomic_init(&server->references, 1);
    server->app = app;
    pthread_mutex_init(&server->connections.lock, NULL);
    pthread_mutex_init(&server->later.lock, NULL);
    pthread_mutex_init(&server->streams.lock, NULL);
    struct result result = prepare(server, settings, routes);
    if (!failed(result)) result = start_secure(server, settings);
    if (!failed(result)) result = start_plain(server, settings);
    if (failed(result)) {
        http_server_stop(server, 0);
        return result;
    }
    *out = server;
    return OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

uint16_t http_server_plain_port(const struct http_server *server)
{
    return server->plain_port;
}

/* -- stopping ---------------------------------------------------------------------------------- */

/* Waits until nothing is under way, at most WAIT_MS. */
static void settle(struct http_server *server, unsigned wait_ms)
{
    const struct timespec pause = { 0, 10 * 1000000L };
    for (unsigned waited = 0; connections_end(server, false) > 0 && waited < wait_ms; waited += 10)
        nanosleep(&pause, NULL);
}

/* Gone when the last late completion has let go of its connection. */
void server_release(struct http_server *server)
{
    if (atomic_fetch_sub(&server->references, 1) != 1) return;
    for (unsigned reason = 0; reason < REASON_COUNT; reason++)
        if (server->problems[reason] != NULL) MHD_destroy_response(server->problems[reason]);
    router_destroy(server->router);
    trust_destroy(server->trust);
    strangers_destroy(server->strangers);
    pthread_mutex_destroy(&server->connections.lock);
    pthread_mutex_destroy(&server->later.lock);
    pthread_mutex_destroy(&server->streams.lock);
    free(server);
}

void http_server_stop(struct http_server *server, unsigned deadline_ms)
{
    if (server == NULL) return;
    atomic_store(&server->stopping, true);
    acceptor_stop(server->secure_acceptor);
    acceptor_stop(server->plain_acceptor);
    streams_close(server);
    settle(server, deadline_ms);
    later_close(server); /* whoever still waits gets REASON_TIMEOUT now */
    settle(server, 500);
    ticker_stop(server->ticker);
    connections_end(server, true);
    if (server->secure != NULL) MHD_stop_daemon(server->secure);
    if (server->plain != NULL) MHD_stop_daemon(server->plain);
    workers_stop(server->workers);
    server_release(server);
}
