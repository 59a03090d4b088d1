/* bare: the floor under POST /v1/checks, and under a lane's own listener.  libmicrohttpd with the TLS of a gate, or plain, that reads a request's body and
   answers 200 with a fixed JSON text of a given length, and does nothing else. */
#include <argp.h>
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <platesieve/limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct arguments {
    const char *certificate, *key, *ca;
    unsigned threads;
    size_t answer_bytes;
    uint16_t port;
    bool plain;
};

struct bare {
    struct MHD_Response *response;
};

static const struct argp_option options[] = {
    { "certificate", 'c', "FILE", 0, "of the server", 0 },
    { "key", 'k', "FILE", 0, "of the server", 0 },
    { "ca", 'a', "FILE", 0, "that clients' certificates must be signed by", 0 },
    { "threads", 't', "N", 0, "of the event loop (2)", 0 },
    { "answer-bytes", 'b', "N", 0, "length of the body of each answer (160)", 0 },
    { "plain", 'P', NULL, 0, "HTTP without TLS, as a lane's listener is", 0 },
    { "port", 'p', "PORT", 0, "on 127.0.0.1; 0, the default, takes a free one", 0 },
    { 0 },
};

static unsigned long number(struct argp_state *state, const char *text, unsigned long min, unsigned long max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || end == text || value < min || value > max)
        argp_error(state, "a number from %lu to %lu was expected", min, max);
    return value;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'c': arguments->certificate = text; break;
    case 'k': arguments->key = text; break;
    case 'a': arguments->ca = text; break;
    case 't': arguments->threads = (unsigned)number(state, text, 1, 64); break;
    case 'b': arguments->answer_bytes = number(state, text, 2, 65536); break;
    case 'P': arguments->plain = true; break;
    case 'p': arguments->port = (uint16_t)number(state, text, 0, 65535); break;
    case ARGP_KEY_END:
        if (!arguments->plain && (!arguments->certificate || !arguments->key || !arguments->ca))
            argp_error(state, "--certificate, --key and --ca are needed, or --plain");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int verify_peer(gnutls_session_t session)
{
    unsigned status = 1;
    return gnutls_certificate_verify_peers2(session, &status) == 0 && status == 0 ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **own, enum MHD_ConnectionNotificationCode code)
{
    (void)context;
    (void)own;
    if (code != MHD_CONNECTION_NOTIFY_STARTED)
        return;
    gnutls_session_t session = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_function(session, verify_peer);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **own)
{
    static char seen;
    const struct bare *bare = context;
    (void)url, (void)method, (void)version, (void)upload;
    if (!*own) { /* an answer in the first call would close the connection */
        *own = &seen;
        return MHD_YES;
    }
    if (*upload_size) {
        *upload_size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, bare->response);
}

/* `{"clear": "........"}` of exactly SIZE bytes. */
static struct MHD_Response *make_response(size_t size)
{
    static const char head[] = "{\"clear\": \"", tail[] = "\"}";
    char *text = malloc(size);
    if (!text)
        return NULL;
    memset(text, '.', size);
    if (size >= sizeof(head) + sizeof(tail) - 2) {
        memcpy(text, head, sizeof(head) - 1);
        memcpy(text + size - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (response)
        MHD_add_response_header(response, "Content-Type", "application/json");
    return response;
}

/* A PEM file, zero-ended, at most 64 KiB; NULL with a line on standard error. */
static char *read_pem(const char *path)
{
    enum { SIZE_MAX_PEM = 65536 };
    char *text = calloc(1, SIZE_MAX_PEM + 1);
    FILE *file = fopen(path, "r");
    size_t size = file && text ? fread(text, 1, SIZE_MAX_PEM, file) : 0;
    if (file)
        fclose(file);
    if (size > 0)
        return text;
    fprintf(stderr, "bare: can't read %s\n", path);
    free(text);
    return NULL;
}

static struct MHD_Daemon *start_plain(const struct arguments *arguments, struct bare *bare)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(arguments->port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, bare,
                            MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_CONNECTIONS,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_CONNECTION_POOL_BYTES, MHD_OPTION_END);
}

static struct MHD_Daemon *start(const struct arguments *arguments, struct bare *bare)
{
    char *certificate = read_pem(arguments->certificate), *key = read_pem(arguments->key), *ca = read_pem(arguments->ca);
    struct MHD_Daemon *daemon = NULL;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(arguments->port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (certificate && key && ca)
        daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, bare,
                                  MHD_OPTION_SOCK_ADDR, &address,
                                  MHD_OPTION_HTTPS_MEM_CERT, certificate, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_TRUST, ca,
                                  MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3:%NO_TICKETS",
                                  MHD_OPTION_THREAD_POOL_SIZE, arguments->threads,
                                  MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_CONNECTIONS,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_CONNECTION_POOL_BYTES,
                                  MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL, MHD_OPTION_END);
    free(certificate);
    free(key);
    free(ca);
    return daemon;
}

int main(int argc, char **argv)
{
    static const struct argp argp = { options, parse_option, NULL,
                                      "A bare HTTP(S) server as a yardstick.  Prints its port, and ends at SIGTERM or SIGINT.", NULL, NULL, NULL };
    struct arguments arguments = { .threads = 2, .answer_bytes = 160 };
    struct bare bare = { 0 };
    sigset_t ends;
    int which;
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    bare.response = make_response(arguments.answer_bytes);
    struct MHD_Daemon *daemon = bare.response ? (arguments.plain ? start_plain : start)(&arguments, &bare) : NULL;
    if (!daemon) {
        fprintf(stderr, "bare: could not start\n");
        return 1;
    }
    printf("%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&ends, &which);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(bare.response);
    return 0;
}
