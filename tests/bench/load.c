/* load: how many requests a second does this server answer, and how fast?  See load --help and docs/benchmarks.md. */
#include "tests/bench/load.h"

#include <argp.h>
#include <openssl/err.h>
#include <signal.h>

struct arguments {
    struct load load;
    const char *ca, *certificate, *key, *lane_file, *redis_key, *path, *body_file, *begins_file;
    bool show_lane;
};

enum { KEY_CA = 256, KEY_CERTIFICATE, KEY_KEY, KEY_LANE, KEY_SET, KEY_WARM_UP, KEY_PID, KEY_SHOW_LANE, KEY_PATH, KEY_BODY, KEY_BEGINS };

static const struct argp_option options[] = {
    { "target", 't', "NAME", 0, "checks (a gate), static (any HTTPS server), post (--path, --body, --begins), or redis", 0 },
    { "host", 'H', "HOST", 0, "127.0.0.1", 0 },
    { "port", 'p', "PORT", 0, "where it listens", 0 },
    { "ca", KEY_CA, "FILE", 0, "who signed the server's certificate", 0 },
    { "certificate", KEY_CERTIFICATE, "FILE", 0, "of the client", 0 },
    { "key", KEY_KEY, "FILE", 0, "of the client", 0 },
    { "connections", 'c', "N", 0, "kept alive, one request in flight on each (64)", 0 },
    { "threads", 'T', "N", 0, "of the generator (1)", 0 },
    { "seconds", 's', "S", 0, "measured (5)", 0 },
    { "warm-up", KEY_WARM_UP, "S", 0, "before that (1)", 0 },
    { "lane", KEY_LANE, "FILE", 0, "answer of GET /v1/lane; without it, it is fetched from the target", 0 },
    { "show-lane", KEY_SHOW_LANE, NULL, 0, "print the answer of GET /v1/lane and end", 0 },
    { "set", KEY_SET, "NAME", 0, "name of the set in Redis (slots)", 0 },
    { "path", KEY_PATH, "PATH", 0, "of a prepared POST", 0 },
    { "body", KEY_BODY, "FILE", 0, "what it sends", 0 },
    { "begins", KEY_BEGINS, "FILE", 0, "how each answer's body must begin", 0 },
    { "server-pid", KEY_PID, "PID", 0, "whose processor time to count", 0 },
    { 0 },
};

static double number(struct argp_state *state, const char *text, double min, double max)
{
    char *end;
    double value = strtod(text, &end);
    if (*end != '\0' || end == text || !(value >= min && value <= max))
        argp_error(state, "a number from %g to %g was expected", min, max);
    return value;
}

static const struct target *target_named(struct argp_state *state, const char *name)
{
    static const struct target *const all[] = { &target_checks, &target_static, &target_post, &target_redis };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    argp_error(state, "no such target");
    return NULL;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct load *load = &arguments->load;
    switch (key) {
    case 't': load->target = target_named(state, text); break;
    case 'H': load->host = text; break;
    case 'p': load->port = text; break;
    case KEY_CA: arguments->ca = text; break;
    case KEY_CERTIFICATE: arguments->certificate = text; break;
    case KEY_KEY: arguments->key = text; break;
    case 'c': load->connections = (unsigned)number(state, text, 1, LOAD_CONNECTIONS_MAX); break;
    case 'T': load->threads = (unsigned)number(state, text, 1, LOAD_THREADS_MAX); break;
    case 's': load->run_s = number(state, text, 0.1, 3600); break;
    case KEY_WARM_UP: load->warm_up_s = number(state, text, 0, 60); break;
    case KEY_LANE: arguments->lane_file = text; break;
    case KEY_SHOW_LANE: arguments->show_lane = true; break;
    case KEY_SET: arguments->redis_key = text; break;
    case KEY_PATH: arguments->path = text; break;
    case KEY_BODY: arguments->body_file = text; break;
    case KEY_BEGINS: arguments->begins_file = text; break;
    case KEY_PID: load->server_pid = (long)number(state, text, 1, 1 << 30); break;
    case ARGP_KEY_END:
        if (!load->port || !arguments->ca || !arguments->certificate || !arguments->key)
            argp_error(state, "--port, --ca, --certificate and --key are needed");
        if (load->target == &target_post && (!arguments->path || !arguments->body_file || !arguments->begins_file))
            argp_error(state, "--path, --body and --begins are needed");
        if (load->threads > load->connections)
            argp_error(state, "more threads than connections");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static SSL_CTX *tls_create(const struct arguments *arguments)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls && SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1 && SSL_CTX_load_verify_file(tls, arguments->ca) == 1 &&
        SSL_CTX_use_certificate_chain_file(tls, arguments->certificate) == 1 &&
        SSL_CTX_use_PrivateKey_file(tls, arguments->key, SSL_FILETYPE_PEM) == 1) {
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_read_ahead(tls, 1); /* header and payload of a record in one read */
        return tls;
    }
    fprintf(stderr, "load: CA, certificate or key: %s\n", ERR_reason_error_string(ERR_get_error()));
    SSL_CTX_free(tls);
    return NULL;
}

/* TEXT is zero-ended; what is longer than SIZE is cut off. */
static bool read_text(const char *name, char *text, size_t size)
{
    FILE *file = fopen(name, "r");
    if (!file) {
        fprintf(stderr, "load: %s: %m\n", name);
        return false;
    }
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    return true;
}

static bool read_lane(const struct arguments *arguments, SSL_CTX *tls, char *text, size_t size)
{
    if (!arguments->lane_file)
        return lane_fetch(tls, arguments->load.host, arguments->load.port, text, size);
    return read_text(arguments->lane_file, text, size);
}

static bool make_post(const struct arguments *arguments, struct template *template)
{
    static char begins[LOAD_ANSWER_BYTES];
    char body[LOAD_REQUEST_BYTES];
    if (!read_text(arguments->body_file, body, sizeof(body)) || !read_text(arguments->begins_file, begins, sizeof(begins)))
        return false;
    if (template_post(arguments->path, body, begins, arguments->load.host, arguments->load.port, template))
        return true;
    fprintf(stderr, "load: the body is too long\n");
    return false;
}

static bool make_template(const struct arguments *arguments, SSL_CTX *tls, struct template *template)
{
    char text[LOAD_ANSWER_BYTES];
    struct lane lane;
    if (arguments->load.target == &target_redis)
        return template_redis(arguments->redis_key, template);
    if (arguments->load.target == &target_post)
        return make_post(arguments, template);
    if (!read_lane(arguments, tls, text, sizeof(text)))
        return false;
    if (lane_parse(text, strlen(text), &lane) && template_checks(&lane, arguments->load.host, arguments->load.port, template))
        return true;
    fprintf(stderr, "load: that is no answer of GET /v1/lane\n");
    return false;
}

static void print_outcome(const struct load *load, const struct template *template, const struct outcome *outcome)
{
    double count = outcome->requests ? (double)outcome->requests : 1;
    printf("{\"target\": \"%s\", \"connections\": %u, \"threads\": %u, \"seconds\": %.2f, \"request_bytes\": %zu, \"answer_bytes\": %zu, "
           "\"requests\": %llu, \"bad\": %llu, \"per_s\": %.0f",
           load->target->name, load->connections, load->threads, outcome->seconds, template->size,
           outcome->answer_bytes, (unsigned long long)outcome->requests, (unsigned long long)outcome->bad, (double)outcome->requests / outcome->seconds);
    static const struct { const char *name; double q; } quantiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 } };
    printf(", \"latency_us\": {");
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
        printf("\"%s\": %.1f, ", quantiles[i].name, (double)histogram_quantile(&outcome->latency, quantiles[i].q) / 1e3);
    printf("\"max\": %.1f}, \"own_cpu_us\": %.2f", (double)outcome->latency.max_ns / 1e3, outcome->own_cpu_s * 1e6 / count);
    if (outcome->server_cpu_s >= 0)
        printf(", \"server_cpu_us\": %.2f", outcome->server_cpu_s * 1e6 / count);
    printf("}\n");
}

int main(int argc, char **argv)
{
    static const struct argp argp = { options, parse_option, NULL,
                                      "Loads a server with requests of random tokens over mutual TLS 1.3, verifies every answer, and prints one "
                                      "JSON object.  Exit: 0 all answers right, 1 a wrong answer or a broken connection, 2 usage.",
                                      NULL, NULL, NULL };
    static struct template template;
    static struct outcome outcome;
    struct arguments arguments = {
        .load = { .target = &target_checks, .template = &template, .host = "127.0.0.1", .connections = 64, .threads = 1, .warm_up_s = 1, .run_s = 5 },
        .redis_key = "slots",
    };
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *tls = tls_create(&arguments);
    if (!tls)
        return 2;
    arguments.load.tls = tls;
    bool good;
    if (arguments.show_lane) {
        char text[LOAD_ANSWER_BYTES];
        good = read_lane(&arguments, tls, text, sizeof(text)) && puts(text) >= 0;
    } else {
        good = make_template(&arguments, tls, &template) && load_run(&arguments.load, &outcome);
        if (good)
            print_outcome(&arguments.load, &template, &outcome);
    }
    SSL_CTX_free(tls);
    return good && outcome.bad == 0 ? 0 : 1;
}
