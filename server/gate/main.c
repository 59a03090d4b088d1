/* platesieved: the checkpoint.  Starts the parts in the order in which they need each other, waits, stops them in reverse. */
#include <argp.h> /* argp_program_version */

#include "config.h"
#include "server/gate/db/migrate.h"
#include "server/gate/endpoints/hit_json.h"
#include "server/gate/endpoints/webhook_json.h"
#include "server/gate/gate.h"
#include "server/gate/lists/command.h"
#include "server/gate/routes.h"
#include "server/http/daemon.h"
#include "server/http/daemon_options.h"
#include "server/http/key_source.h"
#include "server/http/log.h"
#include "server/http/registry_command.h"
#include "server/http/standard_streams.h"

#define DB_WAIT_MS 5000
#define STOP_MS 5000
#define DRAIN_MS 2000
#define GATE_CONNECTIONS 8 /* follow, how lanes fare, its housekeeping, drain, how far the feeds are, leases of webhooks; two for what agencies change through functions; and one for each worker that serves lanes */
#define FEED_CONNECTIONS 3 /* its two threads, and who delivers to webhooks */

/* -- start and stop ------------------------------------------------------------------------------------------------------ */

static struct result carry(void *context, const struct sighting *sightings, size_t count)
{
    struct gate *gate = context;
    struct feed *feed = atomic_load(&gate->feed);
    struct webhooks *webhooks = atomic_load(&gate->webhooks);
    enum sighting_stored stored[SPOOL_CARRY_MAX];
    bool perhaps;
    struct result result = db_sightings_store(gate->gate_db, sightings, count, stored, &perhaps);

    /* Where nobody knows what came of the commit it is taken for ours: or it would be found there the next time, and taken for another's. */
    if (perhaps)
        for (size_t i = 0; i < count; i++) stored[i] = STORED_NOW;
    if (!failed(result) || perhaps) tally_stored(gate->tally, sightings, stored, count);
    TRY(result);
    if (feed != NULL) feed_hint(feed);
    if (webhooks != NULL) webhooks_hint(webhooks);
    return OK;
}

static void restore(void *context, const struct sighting *sighting)
{
    struct gate *gate = context;
    cooldown_restore(gate->cooldown, sighting);
}

/* What the database and the spool remember of open hits.  Without a database the gate starts all the same: hits that it then begins anew are
   merged at the drain. */
static void restore_cooldown(struct gate *gate)
{
    int64_t since_ms = clock_now_ms(gate->clock) - LIMIT_COOLDOWN_S * INT64_C(1000);

    if (failed(db_hits_recent(gate->gate_db, since_ms, restore, gate)))
        log_line(LOG_WARNING, "the open hits can't be read: repeats of them are merged when they reach the database");
    if (failed(spool_each(gate->spool, restore, gate))) log_line(LOG_WARNING, "the spool's hits can't be read for the cooldown");
}

static void register_metrics(struct gate *gate)
{
    struct metrics *metrics = gate->metrics;

    gate->checks_clear = metrics_counter(metrics, "platesieve_reads_total", "Reads, by the answer to their first look.", "answer=\"clear\"");
    gate->checks_hit = metrics_counter(metrics, "platesieve_reads_total", "Reads, by the answer to their first look.", "answer=\"hit\"");
    gate->checks_later = metrics_counter(metrics, "platesieve_reads_hit_later_total", "Of the reads that were clear, those that hit at a later look.", "");
    gate->checks_again = metrics_counter(metrics, "platesieve_looks_again_total", "Looks at reads that were counted before.", "");
    gate->checks_refused = metrics_counter(metrics, "platesieve_checks_refused_total", "Requests for checks that got an error.", "");
    gate->spool_depth = metrics_gauge(metrics, "platesieve_spool_records", "Acknowledged hits not yet in the database.", "");
    gate->spool_oldest = metrics_gauge(metrics, "platesieve_spool_oldest_seconds", "Age of the oldest of them.", "");
    gate->index_slots = metrics_gauge(metrics, "platesieve_index_slots", "Slots in memory, over all epochs.", "");
    gate->index_bytes = metrics_gauge(metrics, "platesieve_index_bytes", "Bytes that they take.", "");
    gate->lists_version = metrics_gauge(metrics, "platesieve_lists_version", "Version of the lists' head that is served.", "");
    gate->alarms_lists = metrics_gauge(metrics, "platesieve_alarm", "1 while it stands.", "what=\"lists\"");
    gate->alarms_epochs = metrics_gauge(metrics, "platesieve_alarm", "1 while it stands.", "what=\"epochs\"");
    gate->alarms_coverage = metrics_gauge(metrics, "platesieve_alarm", "1 while it stands.", "what=\"coverage\"");
    for (enum list_trouble trouble = LIST_FORGED; trouble < LIST_TROUBLES; trouble++) {
        char label[32];

        (void)snprintf(label, sizeof label, "why=\"%s\"", list_trouble_name(trouble));
        gate->lists_refused[trouble] = metrics_gauge(metrics, "platesieve_lists_refused", "Lists that the database shows otherwise than gates made them.", label);
    }
    for (enum coverage_when when = COVERAGE_OPEN; when < COVERAGE_WHENS; when++) {
        static const char *const labels[] = { "epoch=\"open\"", "epoch=\"next\"", "epoch=\"later\"" };
        gate->lists_covered[when] =
            metrics_gauge(metrics, "platesieve_lists_covered", "Lists with tokens of all entries, over the epochs.", labels[when]);
        gate->lists_uncovered[when] =
            metrics_gauge(metrics, "platesieve_lists_uncovered", "Lists that lack tokens, over the epochs.", labels[when]);
    }
    for (enum list_alarm alarm = 0; alarm < LIST_ALARMS; alarm++) {
        char label[48];
        (void)snprintf(label, sizeof label, "what=\"list-%s\"", list_alarm_name(alarm));
        gate->list_alarms[alarm] = metrics_gauge(metrics, "platesieve_alarm", "1 while it stands.", label);
    }
    for (enum lane_state state = 0; state < LANE_REMOVED; state++) {
        char label[32];

        (void)snprintf(label, sizeof label, "state=\"%s\"", lane_state_name(state));
        gate->lane_states[state] = metrics_gauge(metrics, "platesieve_lanes", "Lanes that were ever heard of and are registered.", label);
    }
    gate->alarms_lanes = metrics_gauge(metrics, "platesieve_alarm", "1 while it stands.", "what=\"lanes\"");
    gate->ready = metrics_gauge(metrics, "platesieve_ready", "1 when checks are answered.", "");
}

static enum daemon_exit open_databases(struct gate *gate, const struct config *config)
{
    if (failed(db_open(config->database_gate, "platesieved", GATE_CONNECTIONS + (unsigned)config->workers, DB_WAIT_MS, &gate->gate_db)) ||
        failed(db_open(config->database_agency, "platesieved agency", (unsigned)config->workers, DB_WAIT_MS, &gate->agency_db)) ||
        failed(db_open(config->database_agency, "platesieved feed", FEED_CONNECTIONS, DB_WAIT_MS, &gate->feed_db))) {
        log_line(LOG_ERR, "the connection strings in section [database] can't be used");
        return DAEMON_USAGE;
    }
    struct result result = db_schema_check(gate->gate_db);
    if (result.reason == REASON_INTERNAL) {
        log_line(LOG_ERR, "the database has a schema that this program does not know; run: platesieved migrate");
        return DAEMON_SCHEMA;
    }
    if (failed(result)) log_line(LOG_WARNING, "the database is away: checks wait until the lists were loaded once");
    return DAEMON_OK;
}

static struct key_source state_key(const struct config *config)
{
    return (struct key_source){ "[gate] state_key", config->state_key, "platesieve/1/state-key" };
}

/* Before any other part: a token's module is asked while there is one thread. */
static enum daemon_exit open_state(struct gate *gate, const struct config *config, uint8_t *key)
{
    struct key_source source = state_key(config);
    struct result result = key_source_read(&source, key, stderr);
    if (failed(result)) return result.reason == REASON_SETTINGS ? DAEMON_USAGE : DAEMON_FAILED;
    result = gate_state_open(config->state_dir, key, stderr, &gate->state);
    platesieve_wipe(key, PLATESIEVE_KEY_BYTES);
    if (failed(result)) return DAEMON_USAGE;
    return failed(served_open(gate->state, false, stderr, &gate->served)) ? DAEMON_FAILED : DAEMON_OK;
}

static bool older(void *context, const char *agency, const char *list, uint64_t edition, const uint8_t mac[LIST_MAC_BYTES])
{
    return served_is_older(context, agency, list, edition, mac);
}

static enum daemon_exit decide(const struct config *config, const struct daemon_options *options, uint8_t *key)
{
    struct key_source source = state_key(config);
    struct result result = key_source_read(&source, key, stderr);

    if (failed(result)) return result.reason == REASON_SETTINGS ? DAEMON_USAGE : DAEMON_FAILED;
    return list_command_run(config, options, key);
}

/* No key is made where there is a state: it would be another than the one that opens it. */
static enum daemon_exit init(const struct config *config, bool on_token, uint8_t *key)
{
    struct key_source source = state_key(config);
    if (failed(gate_state_free(config->state_dir, stderr))) return DAEMON_FAILED;
    struct result result = key_source_create(&source, on_token, key, stderr);
    if (failed(result)) return result.reason == REASON_SETTINGS ? DAEMON_USAGE : DAEMON_FAILED;
    return failed(gate_state_create(config->state_dir, key, stderr)) ? DAEMON_FAILED : DAEMON_OK;
}

static enum daemon_exit open_spool(struct gate *gate, const struct config *config)
{
    if (failed(db_seal_with(gate->gate_db, gate_state_mac_key(gate->state))) ||
        failed(db_seal_with(gate->agency_db, gate_state_mac_key(gate->state))) ||
        failed(db_seal_with(gate->feed_db, gate_state_mac_key(gate->state))))
        return DAEMON_FAILED;
    bool changed;
    if (db_up(gate->gate_db)) (void)failed(db_fence_give(gate->gate_db, &changed)); /* else housekeeping does */
    gate->served_before = (struct db_served){ older, gate->served };
    db_served_with(gate->agency_db, &gate->served_before);
    db_served_with(gate->gate_db, &gate->served_before);
    struct spool_settings spool = { config->spool_dir, gate_state_spool_key(gate->state), config->spool_max_bytes };
    if (failed(spool_open(&spool, carry, gate, &gate->spool))) {
        log_line(LOG_ERR, "the spool can't be opened: in use by another daemon, under another key, or not readable");
        return DAEMON_FAILED;
    }
    return DAEMON_OK;
}

static enum daemon_exit open_quotas(struct gate *gate, const struct config *config)
{
    struct quota_settings settings = {
        .side = QUOTA_AT_GATE,
        .folder = config->state_dir,
        .profiles = &config->quotas,
        .clock = gate->clock,
        .metrics = gate->metrics,
    };
    return failed(quota_open(&settings, stderr, &gate->quota)) ? DAEMON_FAILED : DAEMON_OK;
}

static void register_key_servers(struct gate *gate)
{
    struct follow_status status;

    follow_status(gate->follow, &status);
    for (size_t i = 0; i < status.key_server_count; i++) {
        char label[LIMIT_URL_BYTES + 16];

        (void)snprintf(label, sizeof label, "server=\"%s\"", follow_key_server_url(gate->follow, i));
        gate->key_servers_up[i] = metrics_gauge(gate->metrics, "platesieve_key_server_up", "1 when it answered last time.", label);
        gate->key_servers_wrong[i] =
            metrics_gauge(gate->metrics, "platesieve_key_server_wrong", "1 while it contradicts those that share keys with it.", label);
    }
}

static enum daemon_exit watch_excess(struct gate *gate, const struct config *config)
{
    const struct excess_settings settings = { (unsigned)config->suspend_share, (unsigned)config->suspend_reads_min, (unsigned)config->suspend_hits_min,
                                              (int64_t)config->suspend_window_s * 1000 };

    if (settings.share == 0) return DAEMON_OK;
    gate->excess = excess_create(&settings);
    return gate->excess == NULL ? DAEMON_FAILED : DAEMON_OK;
}

static enum daemon_exit start_follow(struct gate *gate, const struct config *config)
{
    char epochs_file[4096];
    if (snprintf(epochs_file, sizeof epochs_file, "%s/epochs.json", config->state_dir) >= (int)sizeof epochs_file) return DAEMON_USAGE;
    struct follow_settings settings = {
        .db = gate->gate_db,
        .state = gate->state,
        .served = gate->served,
        .clock = gate->clock,
        .excess = gate->excess,
        .own_name = config->name,
        .rules = config->rules,
        .rule_count = config->rule_count,
        .keys_url = config->keys_url,
        .certificate = config->certificate,
        .key = config->key,
        .ca = config->ca,
        .trust_domain = config->trust_domain,
        .keys_poll_ms = (unsigned)config->keys_poll_ms,
        .keys_shared = config->keys_shared,
        .alarm_before_ms = (int64_t)config->alarm_before_s * 1000,
        .epochs_file = epochs_file,
    };
    if (failed(follow_start(&settings, &gate->follow))) return DAEMON_FAILED;
    register_key_servers(gate);
    return DAEMON_OK;
}

static enum daemon_exit start_feed(struct gate *gate)
{
    const struct feed_settings settings = { gate->gate_db, gate->feed_db, hit_frame };
    struct feed *feed;

    if (failed(feed_start(&settings, &feed))) return DAEMON_FAILED;
    atomic_store(&gate->feed, feed);
    return DAEMON_OK;
}

static enum daemon_exit start_lanes(struct gate *gate, const struct config *config)
{
    const struct lanes_keeper_settings settings = { gate->gate_db, gate->lanes, &steady_clock, config, gate->registry };

    return failed(lanes_keeper_start(&settings, &gate->lanes_keeper)) ? DAEMON_FAILED : DAEMON_OK;
}

static enum daemon_exit start_webhooks(struct gate *gate, const struct config *config)
{
    const struct webhooks_settings settings = {
        .gate_db = gate->gate_db,
        .agency_db = gate->feed_db,
        .clock = gate->clock,
        .metrics = gate->metrics,
        .mac_key = gate_state_mac_key(gate->state),
        .allow = config->webhooks_allow,
        .ca = config->webhooks_ca == NULL ? "" : config->webhooks_ca,
        .gate = config->name,
        .body = webhook_body,
        .hit = hit_json,
    };
    struct webhooks *webhooks;

    if (failed(webhooks_start(&settings, &webhooks))) return DAEMON_FAILED;
    atomic_store(&gate->webhooks, webhooks);
    return DAEMON_OK;
}

static enum daemon_exit start_server(struct gate *gate, const struct config *config, struct http_server **server)
{
    struct http_settings settings = {
        .listen = config->listen,
        .plain_listen = config->metrics_listen,
        .certificate = config->certificate,
        .key = config->key,
        .ca = config->ca,
        .crl = config->crl,
        .trust_domain = config->trust_domain,
        .registry = gate->registry,
        .quota = gate->quota,
        .own_name = config->name,
        .threads = (unsigned)config->threads,
        .workers = (unsigned)config->workers,
        .connections_max = (unsigned)config->connections_max,
        .stream_life_s = (unsigned)config->stream_life_s,
        .strangers = config->enrolment,
        .metrics = gate->metrics,
    };
    struct result result = http_server_start(&settings, gate_routes, gate, server);
    if (result.reason == REASON_ADDRESS_IN_USE) return DAEMON_ADDRESS_IN_USE;
    return failed(result) ? DAEMON_USAGE : DAEMON_OK;
}

/* Takes down what was made, in reverse; each part takes NULL. */
static void gate_close(struct gate *gate, struct http_server *server)
{
    if (server != NULL) http_server_stop(server, STOP_MS);
    if (gate->spool != NULL) spool_close(gate->spool, DRAIN_MS); /* it asks for the catalogue, and tells the feed what it carried */
    if (gate->follow != NULL) follow_stop(gate->follow);
    feed_stop(gate->feed);
    webhooks_stop(gate->webhooks);
    lanes_keeper_stop(gate->lanes_keeper);
    quota_close(gate->quota);
    db_close(gate->gate_db);
    db_close(gate->agency_db);
    db_close(gate->feed_db);
    served_close(gate->served);
    gate_state_close(gate->state);
    cooldown_destroy(gate->cooldown);
    excess_destroy(gate->excess);
    tally_destroy(gate->tally);
    lanes_destroy(gate->lanes);
    registry_destroy(gate->registry);
    enrolments_destroy(gate->enrolments);
    anchor_files_destroy(gate->anchors);
    metrics_destroy(gate->metrics);
}

static enum daemon_exit serve(struct gate *gate, const struct config *config, uint8_t *key, const char *ready_file)
{
    struct http_server *server = NULL;
    enum daemon_exit code = open_state(gate, config, key);

    gate->tally = tally_create();
    gate->metrics = metrics_create();
    gate->cooldown = cooldown_create();
    gate->lanes = lanes_create();
    if (gate->metrics != NULL) gate->enrolments = enrolments_create(gate->metrics);
    gate->anchors = anchor_files_create(config->ca, config->crl, config->trust_domain);
    if (code == DAEMON_OK && (gate->anchors == NULL || gate->tally == NULL || gate->metrics == NULL || gate->cooldown == NULL || gate->lanes == NULL || gate->enrolments == NULL)) code = DAEMON_FAILED;
    if (code == DAEMON_OK) register_metrics(gate);
    if (code == DAEMON_OK && failed(registry_create(config->registry, http_routes_roles(gate_routes), &gate->registry))) code = DAEMON_USAGE;
    if (code == DAEMON_OK) code = open_databases(gate, config);
    if (code == DAEMON_OK) code = open_spool(gate, config);
    if (code == DAEMON_OK) code = open_quotas(gate, config);
    if (code == DAEMON_OK) restore_cooldown(gate);
    if (code == DAEMON_OK) code = watch_excess(gate, config);
    if (code == DAEMON_OK) code = start_follow(gate, config);
    if (code == DAEMON_OK) code = start_feed(gate);
    if (code == DAEMON_OK) code = start_webhooks(gate, config);
    if (code == DAEMON_OK) code = start_lanes(gate, config);
    if (code == DAEMON_OK) code = start_server(gate, config, &server);
    if (code == DAEMON_OK && daemon_ready(ready_file, http_server_port(server), http_server_plain_port(server)) != 0) code = DAEMON_FAILED;
    if (code == DAEMON_OK) {
        log_line(LOG_NOTICE, "%s %s serves on port %u", config->name, PACKAGE_VERSION, http_server_port(server));
        (void)daemon_wait();
        daemon_stopping();
        log_line(LOG_NOTICE, "stopping");
    }
    gate_close(gate, server);
    return code;
}

/* -- commands -------------------------------------------------------------------------------------------------------------- */

static enum daemon_exit run(const struct config *config, const struct daemon_options *options)
{
    struct gate gate = { .config = config, .clock = &system_clock, .started_ms = clock_now_ms(&system_clock) };

    if (registry_command(options)) {
        const struct registry_place place = { config->registry, http_routes_roles(gate_routes), ROLE_OPERATOR_GATE, &config->quotas };
        return registry_command_run(&place, options);
    }
    if (strcmp(options->command, "migrate") == 0) {
        if (config->database_owner == NULL) {
            fprintf(stderr, "platesieved: migrate needs `owner` in section [database]\n");
            return DAEMON_USAGE;
        }
        return migrate_run(config->database_owner, stdout, stderr) == 0 ? DAEMON_OK : DAEMON_FAILED;
    }
    uint8_t *key = platesieve_secret_allocate(PLATESIEVE_KEY_BYTES);
    if (key == NULL) {
        log_line(LOG_ERR, "no memory can be locked for the state key");
        return DAEMON_FAILED;
    }
    enum daemon_exit code = list_command(options)                ? decide(config, options, key)
                            : strcmp(options->command, "init") == 0 ? init(config, options->make_key, key)
                                                                    : serve(&gate, config, key, options->ready_file);
    platesieve_secret_free(key);
    return code;
}

__attribute__((visibility("default"))) const char *argp_program_version = "platesieved " PACKAGE_VERSION;

int main(int argc, char **argv)
{
    static const struct daemon_command commands[] = { { "run", false }, { "init", false }, { "migrate", false }, LIST_COMMANDS, REGISTRY_COMMANDS, { 0 } };
    struct daemon_options options;
    struct config config;

    if (!standard_streams_hold()) return DAEMON_FAILED;
    daemon_options_parse(argc, argv, commands, "[run|init|migrate|registered]\n{register|unregister} NAME...\n{accept-older|reseal} AGENCY/LIST...",
                         "The checkpoint: recognises the plates it was asked to look for and is blind to all others.\v"
                         "run serves until SIGTERM (the default); init makes the gate's own secrets in its state folder; "
                         "migrate brings the database's schema up to date; " LIST_COMMANDS_ABOUT " " REGISTRY_COMMANDS_ABOUT,
                         &options);
    if (options.routes) {
        http_routes_print(gate_routes, stdout);
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
