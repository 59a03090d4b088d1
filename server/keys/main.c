/* platesieve-keyd: makes the keys of the epochs, gives them to lanes and agencies or evaluates with them, and erases
   them on time. */
#include <argp.h> /* argp_program_version */
#include <sched.h>
#include <sodium.h>

#include "server/http/daemon.h"
#include "server/http/daemon_options.h"
#include "server/http/json.h"
#include "server/http/key_source.h"
#include "server/http/log.h"
#include "server/http/registry_command.h"
#include "server/http/standard_streams.h"
#include "server/keys/keyd.h"

#define STOP_MS 3000

static struct key_source master_key(const struct config *config)
{
    return (struct key_source){ "[keyd] master_key", config->master_key, "platesieve/1/master-key" };
}

/* No key is made where the folder is not free: it would be another than the one that opens it. */
static enum daemon_exit init(const struct config *config, bool on_token, uint8_t *master)
{
    struct key_source source = master_key(config);
    if (failed(epoch_store_free(config->state_dir, stderr))) return DAEMON_FAILED;
    struct result result = key_source_create(&source, on_token, master, stderr);
    if (failed(result)) return result.reason == REASON_SETTINGS ? DAEMON_USAGE : DAEMON_FAILED;
    return failed(epoch_store_create(config->state_dir, master, stderr)) ? DAEMON_FAILED : DAEMON_OK;
}

/* Before any other part: a token's module is asked while there is one thread. */
static enum daemon_exit read_master(const struct config *config, uint8_t *master)
{
    struct key_source source = master_key(config);
    struct result result = key_source_read(&source, master, stderr);
    return !failed(result) ? DAEMON_OK : result.reason == REASON_SETTINGS ? DAEMON_USAGE : DAEMON_FAILED;
}

/* Takes this server's part of a ceremony into its store. */
static enum daemon_exit take_share(const struct config *config, uint8_t *master, const struct daemon_options *options)
{
    char ceremony[PLATESIEVE_TOKEN_TEXT + 1];
    if (options->argument_count != 1) {
        log_line(LOG_ERR, "one file: what the ceremony wrote for this server");
        return DAEMON_USAGE;
    }
    struct share *share = platesieve_secret_allocate(sizeof *share);
    if (share == NULL) {
        log_line(LOG_ERR, "no memory can be locked for a share");
        return DAEMON_FAILED;
    }
    json_wipe_on_free();
    bool taken = read_master(config, master) == DAEMON_OK && !failed(share_import(options->arguments[0], share, stderr)) &&
                 !failed(epoch_store_give_share(config->state_dir, master, share, stderr));
    if (taken) {
        sodium_bin2base64(ceremony, sizeof ceremony, share->ceremony, sizeof share->ceremony,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        log_line(LOG_NOTICE, "this is key server %u of %d of ceremony %s; destroy the file that it came in",
                 share->server, PLATESIEVE_KEY_SERVERS, ceremony);
    }
    platesieve_secret_free(share);
    return taken ? DAEMON_OK : DAEMON_FAILED;
}

static enum daemon_exit open_store(struct keyd *keyd, uint8_t *master)
{
    const struct config *config = keyd->config;
    struct result result = epoch_store_open(config->state_dir, master, stderr, &keyd->store);
    platesieve_wipe(master, PLATESIEVE_KEY_BYTES);
    if (failed(result)) return DAEMON_FAILED;
    if (epoch_store_shares(keyd->store) && config->suite != PLATESIEVE_VOPRF_RISTRETTO255_SHA512) {
        log_line(LOG_ERR, "keys are shared under suite %s only: the settings say another",
                 platesieve_suite_name(PLATESIEVE_VOPRF_RISTRETTO255_SHA512));
        return DAEMON_USAGE;
    }
    struct keeper_settings keeper = { keyd->store, keyd->clock, config->schedule, config->suite };
    return failed(keeper_start(&keeper, &keyd->keeper)) ? DAEMON_FAILED : DAEMON_OK;
}

/* Evaluating keeps a processor busy, a few elements an event loop and more of them a worker: one of each for each
   processor that this process may run on, unless the settings say. */
static unsigned one_each(unsigned long long wanted)
{
    cpu_set_t set;
    if (wanted > 0) return (unsigned)wanted;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1; /* fails above 1024 processors */
    return count < LIMIT_WORKERS ? (unsigned)count : LIMIT_WORKERS;
}

/* Epochs whose key can be had in the course of a day: those that open in it, the one before, and those ahead. */
static uint64_t keys_a_day(const struct schedule *schedule)
{
    return (uint64_t)(86400 / schedule->length_s) + 2 + schedule->ahead;
}

static enum daemon_exit open_quotas(struct keyd *keyd)
{
    struct quota_settings settings = {
        .side = QUOTA_AT_KEYS,
        .folder = keyd->config->state_dir,
        .profiles = &keyd->config->quotas,
        .keys_a_day = keys_a_day(&keyd->config->schedule),
        .clock = keyd->clock,
        .metrics = keyd->metrics,
    };
    return failed(quota_open(&settings, stderr, &keyd->quota)) ? DAEMON_FAILED : DAEMON_OK;
}

static enum daemon_exit start_server(struct keyd *keyd, struct http_server **server)
{
    const struct config *config = keyd->config;
    struct http_settings settings = {
        .listen = config->listen,
        .plain_listen = config->metrics_listen,
        .certificate = config->certificate,
        .key = config->key,
        .ca = config->ca,
        .crl = config->crl,
        .trust_domain = config->trust_domain,
        .registry = keyd->registry,
        .quota = keyd->quota,
        .own_name = config->name,
        .threads = one_each(config->threads),
        .workers = one_each(config->workers),
        .connections_max = (unsigned)config->connections_max,
        .metrics = keyd->metrics,
    };
    struct result result = http_server_start(&settings, keyd_routes, keyd, server);
    if (result.reason == REASON_ADDRESS_IN_USE) return DAEMON_ADDRESS_IN_USE;
    return failed(result) ? DAEMON_USAGE : DAEMON_OK;
}

static void register_metrics(struct keyd *keyd)
{
    keyd->keys_given =
        metrics_counter(keyd->metrics, "platesieve_keys_given_total", "Epoch keys that were given out.", "");
    keyd->evaluations = metrics_counter(keyd->metrics, "platesieve_evaluations_total",
                                        "Elements that were evaluated and proven.", "");
    keyd->rotations = metrics_counter(keyd->metrics, "platesieve_rotations_total",
                                      "Epochs that an operator put into the calendar.", "");
    keyd->live = metrics_gauge(keyd->metrics, "platesieve_keys_live", "Epochs whose key is not erased.", "");
    keyd->ready = metrics_gauge(keyd->metrics, "platesieve_ready", "1 when the key server can do its work.", "");
}

static enum daemon_exit serve(struct keyd *keyd, uint8_t *master, const char *ready_file)
{
    struct http_server *server = NULL;
    enum daemon_exit code = read_master(keyd->config, master);
    keyd->metrics = metrics_create();
    if (code == DAEMON_OK && keyd->metrics == NULL) code = DAEMON_FAILED;
    if (code == DAEMON_OK) register_metrics(keyd);
    if (code == DAEMON_OK &&
        failed(registry_create(keyd->config->registry, http_routes_roles(keyd_routes), &keyd->registry)))
        code = DAEMON_USAGE;
    if (code == DAEMON_OK) code = open_store(keyd, master);
    if (code == DAEMON_OK) code = open_quotas(keyd);
    if (code == DAEMON_OK) code = start_server(keyd, &server);
    if (code == DAEMON_OK && daemon_ready(ready_file, http_server_port(server), http_server_plain_port(server)) != 0)
        code = DAEMON_FAILED;
    if (code == DAEMON_OK) {
        log_line(LOG_NOTICE, "%s %s serves on port %u", keyd->config->name, PACKAGE_VERSION, http_server_port(server));
        (void)daemon_wait();
        daemon_stopping();
        log_line(LOG_NOTICE, "stopping");
    }
    http_server_stop(server, STOP_MS);
    quota_close(keyd->quota);
    keeper_stop(keyd->keeper);
    epoch_store_close(keyd->store);
    registry_destroy(keyd->registry);
    metrics_destroy(keyd->metrics);
    return code;
}

static enum daemon_exit run(const struct config *config, const struct daemon_options *options)
{
    if (registry_command(options)) {
        const struct registry_place place = { config->registry, http_routes_roles(keyd_routes), ROLE_OPERATOR_KEYS, &config->quotas };
        return registry_command_run(&place, options);
    }
    uint8_t *master = platesieve_secret_allocate(PLATESIEVE_KEY_BYTES);
    if (master == NULL) {
        log_line(LOG_ERR, "no memory can be locked for the master key");
        return DAEMON_FAILED;
    }
    struct keyd keyd = { .config = config, .clock = &system_clock, .started_ms = clock_now_ms(&system_clock) };
    enum daemon_exit code;
    if (strcmp(options->command, "init") == 0) code = init(config, options->make_key, master);
    else if (strcmp(options->command, "share") == 0) code = take_share(config, master, options);
    else code = serve(&keyd, master, options->ready_file);
    platesieve_secret_free(master);
    return code;
}

__attribute__((visibility("default"))) const char *argp_program_version = "platesieve-keyd " PACKAGE_VERSION;

int main(int argc, char **argv)
{
    static const struct daemon_command commands[] = { { "run", false }, { "init", false }, { "share", true }, REGISTRY_COMMANDS, { 0 } };
    struct daemon_options options;
    struct config config;
    if (!standard_streams_hold()) return DAEMON_FAILED;
    daemon_options_parse(argc, argv, commands, "[run|init|registered]\nshare FILE\n{register|unregister} NAME...",
                         "The key server: makes the epochs' keys, evaluates with them for lanes and agencies, erases them on time.\v"
                         "run serves until SIGTERM (the default); init makes the state folder, and the file of the master key if there "
                         "is none; share takes what `platesieve keys ceremony` wrote for this server, one of three that share the keys; "
                         REGISTRY_COMMANDS_ABOUT,
                         &options);
    if (options.routes) {
        http_routes_print(keyd_routes, stdout);
        return DAEMON_OK;
    }
    daemon_harden();
    if (platesieve_failed(platesieve_init())) {
        log_line(LOG_ERR, "the cryptographic libraries can't be used");
        return DAEMON_FAILED;
    }
    enum daemon_exit code = config_read(options.config, &config, stderr) == 0 ? run(&config, &options) : DAEMON_USAGE;
    config_free(&config);
    return (int)code;
}
