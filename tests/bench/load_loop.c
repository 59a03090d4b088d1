/* Connections, one request in flight on each, one epoll a thread.  Level-triggered and never rearmed: a request costs one write and
   one read, and a wait that many answers share. */
#include "tests/bench/load.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS_MAX 100
#define EVENTS_MAX 256

struct worker {
    const struct load *load;
    struct connection *connections;
    unsigned count;
    int epoll;
    uint64_t counts_from_ns, ends_ns;
    uint64_t bad;
    const char *failure; /* static text; NULL: none */
    size_t answer_bytes;
    struct histogram latency;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* -- connecting ------------------------------------------------------------------------------------------------------------- */

static int tcp_connect(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *all = NULL;
    int fd = -1, on = 1;
    if (getaddrinfo(host, port, &hints, &all) != 0)
        return -1;
    for (const struct addrinfo *one = all; one && fd < 0; one = one->ai_next) {
        fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(all);
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

int tls_connect(SSL_CTX *tls, const char *host, const char *port, SSL **ssl)
{
    int fd = tcp_connect(host, port);
    if (fd < 0) {
        fprintf(stderr, "load: no connection to %s:%s: %s\n", host, port, strerror(errno));
        return -1;
    }
    *ssl = SSL_new(tls);
    if (!X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(*ssl), host))
        SSL_set1_host(*ssl, host);
    if (SSL_set_fd(*ssl, fd) != 1 || SSL_connect(*ssl) != 1) {
        fprintf(stderr, "load: no handshake with %s:%s: %s; certificate: %s\n", host, port,
                ERR_reason_error_string(ERR_get_error()), X509_verify_cert_error_string(SSL_get_verify_result(*ssl)));
        SSL_free(*ssl);
        close(fd);
        return -1;
    }
    return fd;
}

static bool worker_connect(struct worker *worker)
{
    const struct load *load = worker->load;
    for (unsigned i = 0; i < worker->count; i++) {
        struct connection *connection = &worker->connections[i];
        connection->fd = tls_connect(load->tls, load->host, load->port, &connection->ssl);
        if (connection->fd < 0)
            return false;
        memcpy(connection->request, load->template->bytes, load->template->size);
        fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
        epoll_ctl(worker->epoll, EPOLL_CTL_ADD, connection->fd, &event);
    }
    return true;
}

static void worker_disconnect(struct worker *worker)
{
    for (unsigned i = 0; i < worker->count; i++)
        if (worker->connections[i].ssl) {
            SSL_free(worker->connections[i].ssl);
            close(worker->connections[i].fd);
        }
}

/* -- one request ------------------------------------------------------------------------------------------------------------ */

static void wait_for(struct worker *worker, struct connection *connection, bool writing)
{
    if (connection->waits_to_write == writing)
        return;
    connection->waits_to_write = writing;
    struct epoll_event event = { .events = writing ? EPOLLOUT : EPOLLIN, .data.ptr = connection };
    epoll_ctl(worker->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void push_request(struct worker *worker, struct connection *connection)
{
    int done = SSL_write(connection->ssl, connection->request, (int)worker->load->template->size);
    if (done > 0)
        wait_for(worker, connection, false);
    else if (SSL_get_error(connection->ssl, done) == SSL_ERROR_WANT_WRITE)
        wait_for(worker, connection, true);
    else
        worker->failure = "the server closed a connection (writing)";
}

static void start_request(struct worker *worker, struct connection *connection, uint64_t now)
{
    worker->load->target->patch(worker->load->template, connection);
    connection->answer_size = 0;
    connection->sent_ns = now;
    push_request(worker, connection);
}

/* Reads until the answer is whole or nothing more is there. */
static enum verdict read_answer(struct worker *worker, struct connection *connection)
{
    for (;;) {
        size_t room = sizeof(connection->answer) - connection->answer_size;
        int got = room ? SSL_read(connection->ssl, connection->answer + connection->answer_size, (int)room) : 0;
        if (got <= 0) {
            if (!room || SSL_get_error(connection->ssl, got) != SSL_ERROR_WANT_READ)
                worker->failure = room ? "the server closed a connection (reading)" : "an answer was too long";
            return ANSWER_PARTIAL;
        }
        connection->answer_size += (size_t)got;
        enum verdict verdict = worker->load->target->judge(worker->load->template, connection);
        if (verdict != ANSWER_PARTIAL)
            return verdict;
    }
}

static void report_bad(const struct connection *connection)
{
    char line[16] = { 0 };
    for (size_t i = 0; i + 1 < sizeof(line) && i < connection->answer_size && connection->answer[i] >= ' '; i++)
        line[i] = connection->answer[i];
    fprintf(stderr, "load: a wrong answer, %zu bytes, beginning with: %s\n", connection->answer_size, line);
}

static void serve_event(struct worker *worker, struct connection *connection)
{
    if (connection->waits_to_write) {
        push_request(worker, connection);
        return;
    }
    enum verdict verdict = read_answer(worker, connection);
    if (verdict == ANSWER_PARTIAL)
        return;
    uint64_t now = now_ns();
    worker->answer_bytes = connection->answer_size - connection->head_size;
    if (verdict == ANSWER_BAD && worker->bad++ == 0)
        report_bad(connection);
    if (verdict == ANSWER_GOOD && now >= worker->counts_from_ns && now < worker->ends_ns)
        histogram_add(&worker->latency, now - connection->sent_ns);
    start_request(worker, connection, now);
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    struct epoll_event events[EVENTS_MAX];
    for (unsigned i = 0; i < worker->count; i++)
        start_request(worker, &worker->connections[i], now_ns());
    uint64_t last_ns = now_ns();
    while (!worker->failure) {
        int ready = epoll_wait(worker->epoll, events, EVENTS_MAX, WAIT_MS_MAX);
        uint64_t now = now_ns();
        if (now >= worker->ends_ns)
            break;
        if (ready > 0)
            last_ns = now;
        else if (now - last_ns > 10000000000u)
            worker->failure = "no answer on any connection for ten seconds";
        for (int i = 0; i < ready && !worker->failure; i++)
            serve_event(worker, events[i].data.ptr);
    }
    return NULL;
}

/* -- a run -------------------------------------------------------------------------------------------------------------------- */

/* User and system time of another process; < 0 when it can't be read. */
static double process_cpu_s(long pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    FILE *file = pid ? fopen(path, "r") : NULL;
    if (!file)
        return -1;
    size_t size = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[size] = '\0';
    const char *at = strrchr(line, ')'); /* the name may hold anything; fields 14 and 15 count from here */
    for (int field = 2; at && field < 14; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return -1;
    char *end;
    unsigned long user = strtoul(at, &end, 10), kernel = strtoul(end, NULL, 10);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static double own_cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void sleep_until(uint64_t ns)
{
    struct timespec at = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

/* Connects first, so that the warm-up is of requests and not of handshakes. */
static bool workers_prepare(const struct load *load, struct worker *workers, struct connection *connections)
{
    unsigned next = 0;
    for (unsigned i = 0; i < load->threads; i++) {
        struct worker *worker = &workers[i];
        worker->load = load;
        worker->connections = connections + next;
        worker->count = load->connections / load->threads + (i < load->connections % load->threads);
        worker->epoll = epoll_create1(EPOLL_CLOEXEC);
        next += worker->count;
        if (!worker_connect(worker))
            return false;
    }
    return true;
}

static void workers_measure(const struct load *load, struct worker *workers, struct outcome *outcome)
{
    pthread_t threads[LOAD_THREADS_MAX];
    unsigned running = 0;
    uint64_t from = now_ns() + (uint64_t)(load->warm_up_s * 1e9), until = from + (uint64_t)(load->run_s * 1e9);
    for (unsigned i = 0; i < load->threads; i++) {
        workers[i].counts_from_ns = from;
        workers[i].ends_ns = until;
        if (pthread_create(&threads[running], NULL, worker_run, &workers[i]) == 0)
            running++;
        else
            workers[i].failure = "no thread";
    }
    sleep_until(from);
    double own = own_cpu_s(), server = process_cpu_s(load->server_pid);
    sleep_until(until);
    outcome->own_cpu_s = own_cpu_s() - own;
    outcome->server_cpu_s = server < 0 ? -1 : process_cpu_s(load->server_pid) - server;
    outcome->seconds = load->run_s;
    for (unsigned i = 0; i < running; i++)
        pthread_join(threads[i], NULL);
}

bool load_run(const struct load *load, struct outcome *outcome)
{
    struct worker *workers = calloc(load->threads, sizeof(*workers));
    struct connection *connections = calloc(load->connections, sizeof(*connections));
    bool good = workers && connections && workers_prepare(load, workers, connections);
    if (good)
        workers_measure(load, workers, outcome);
    for (unsigned i = 0; workers && i < load->threads; i++) {
        histogram_merge(&outcome->latency, &workers[i].latency);
        outcome->bad += workers[i].bad;
        outcome->answer_bytes = workers[i].answer_bytes;
        if (workers[i].failure) {
            fprintf(stderr, "load: %s\n", workers[i].failure);
            good = false;
        }
        if (workers[i].connections)
            worker_disconnect(&workers[i]);
        if (workers[i].epoll > 0)
            close(workers[i].epoll);
    }
    outcome->requests = outcome->latency.count;
    free(connections);
    free(workers);
    return good;
}
