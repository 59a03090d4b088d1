/* The load generator's parts: load.c (arguments, result), load_loop.c (connections), load_http.c, load_post.c and load_redis.c (what is
   sent, what must come back).  Everything per request is made to cost as little as possible, so that a figure shows the server and not us. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_CONNECTIONS_MAX 1024
#define LOAD_THREADS_MAX 16
#define LOAD_REQUEST_BYTES 4096
#define LOAD_ANSWER_BYTES 16384
#define LOAD_PATCHES 64      /* random texts in one request */
#define LOAD_TEXT 22         /* base64url of 16 bytes */

/* -- histogram (load_histogram.c): 64 steps an octave, so a quantile is exact to 1.6 % ------------------------------------ */

#define HISTOGRAM_STEPS 64
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 36) /* up to 2^41 ns, half an hour */

struct histogram {
    uint64_t count, max_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* Upper end of the bucket that holds the quantile 0 < Q <= 1; 0 when nothing was counted. */
uint64_t histogram_quantile(const struct histogram *histogram, double q);

/* -- request and answer ----------------------------------------------------------------------------------------------------- */

/* One request, prepared: BYTES, and where fresh random values go before each sending. */
struct template {
    size_t size;
    size_t patch_count;
    size_t patches[LOAD_PATCHES]; /* the first one is the read's id, where there is one */
    const char *begins;          /* of a prepared POST: how its answer must begin */
    size_t begins_size;
    char bytes[LOAD_REQUEST_BYTES];
};

struct connection {
    int fd;
    SSL *ssl;
    uint64_t sent_ns;
    size_t answer_size;
    size_t head_size, length_at; /* where the last answer's header ended and named its length: the next one's mostly does too */
    bool waits_to_write;
    char request[LOAD_REQUEST_BYTES];
    char answer[LOAD_ANSWER_BYTES];
};

enum verdict { ANSWER_PARTIAL, ANSWER_GOOD, ANSWER_BAD };

struct target {
    const char *name;
    void (*patch)(const struct template *template, struct connection *connection);
    enum verdict (*judge)(const struct template *template, struct connection *connection);
};

/* POST /v1/checks; the answer must be 200 and say `clear` of the very read (load_http.c). */
extern const struct target target_checks;
/* The same bytes to a server that knows nothing: 200 and whole. */
extern const struct target target_static;
/* A prepared POST, whose answer must be 200 and begin as said (load_post.c). */
extern const struct target target_post;
/* SMISMEMBER of three random members: none is one (load_redis.c). */
extern const struct target target_redis;

struct lane { /* of GET /v1/lane */
    char policy[64];
    size_t epoch_count;
    struct { char id[64], key_id[64]; } epochs[8];
    size_t grade_count;
    char grades[4][16];
};

/* Parses GET /v1/lane's body; false when something is missing. */
bool lane_parse(const char *text, size_t size, struct lane *lane);
/* Fetches it over a fresh connection (blocking) into TEXT, zero-ended; false with a line on standard error. */
bool lane_fetch(SSL_CTX *tls, const char *host, const char *port, char *text, size_t size);
bool template_checks(const struct lane *lane, const char *host, const char *port, struct template *template);
/* BODY and BEGINS, texts; BEGINS must outlive the template. */
bool template_post(const char *path, const char *body, const char *begins, const char *host, const char *port, struct template *template);
bool template_redis(const char *key, struct template *template);

/* Random bytes of no secrecy (xoshiro256++, per thread), as base64url of 16 bytes or raw. */
void noise_text(char text[LOAD_TEXT]);
void noise_raw(char raw[16]);

/* -- running ------------------------------------------------------------------------------------------------------------------ */

struct load {
    const struct target *target;
    const struct template *template;
    SSL_CTX *tls;
    const char *host, *port;
    unsigned connections, threads;
    double warm_up_s, run_s;
    long server_pid; /* 0: unknown */
};

struct outcome {
    uint64_t requests, bad;
    size_t answer_bytes; /* of the last answer's body */
    double seconds, own_cpu_s, server_cpu_s; /* of the measured part; server's: < 0 when unknown */
    struct histogram latency;
};

/* Connects (blocking), handshakes; -1 with a line on standard error. */
int tls_connect(SSL_CTX *tls, const char *host, const char *port, SSL **ssl);
/* Runs it; false with a line on standard error. */
bool load_run(const struct load *load, struct outcome *outcome);

#endif
