#include "client/library/library.h"

#include <curl/curl.h>
#include <signal.h>
#include <unistd.h>

#include "client/http/http.h"
#include "client/http/wiping.h"
#include "client/moment.h"
#include "include/monotonic.h"

#define THREADS_DEFAULT 2
#define READS_DEFAULT 16
#define CANDIDATES_DEFAULT 5

static void hear(void *context, const char *line)
{
    const struct platesieve_client *client = context;

    if (client->told.say != NULL) client->told.say(client->told.context, line);
}

static void not_asked(void *context, const char *agency, const char *list, const char *why)
{
    const struct platesieve_client *client = context;

    if (client->told.not_asked != NULL) client->told.not_asked(client->told.context, agency, list, why);
}

struct platesieve_result platesieve_client_prepare(void)
{
    return (struct platesieve_result) { wiping_install() ? PLATESIEVE_OK : PLATESIEVE_UNAVAILABLE };
}

/* -- settings ------------------------------------------------------------------------------------------------------------- */

static unsigned or_default(unsigned number, unsigned otherwise)
{
    return number == 0 ? otherwise : number;
}

static bool copy_path(const char *from, char to[PATH_MAX], const char *what)
{
    if (from == NULL || from[0] == '\0' || strlen(from) >= PATH_MAX) say("where is the %s?", what);
    else if (access(from, R_OK) != 0) say("the file of the %s can't be read", what);
    else return snprintf(to, PATH_MAX, "%s", from) > 0;
    return false;
}

static bool take_numbers(struct platesieve_client *client)
{
    struct platesieve_client_settings *told = &client->told;

    told->threads_max = or_default(told->threads_max, THREADS_DEFAULT);
    told->reads_max = or_default(told->reads_max, READS_DEFAULT);
    told->candidates_max = or_default(told->candidates_max, CANDIDATES_DEFAULT);
    if (told->threads_max <= LIBRARY_THREADS_MAX && told->reads_max <= LIMIT_CHECK_READS && told->candidates_max <= LIMIT_CHECK_CANDIDATES) return true;
    say("at most %d threads, %d reads and %d candidates", LIBRARY_THREADS_MAX, LIMIT_CHECK_READS, LIMIT_CHECK_CANDIDATES);
    return false;
}

static bool take_identity(struct platesieve_client *client)
{
    const struct platesieve_client_settings *told = &client->told;
    struct identity *identity = &client->identity;

    if (!copy_path(told->certificate, identity->certificate, "certificate") || !copy_path(told->key, identity->key, "certificate's key") ||
        !copy_path(told->ca, identity->ca, "authority's certificate") || !identity_read(identity))
        return false;
    if (strcmp(identity->name.role, "reader") != 0) say("the certificate is of %s, not of a reader", identity->name.text);
    else if (told->trust_domain != NULL && strcmp(told->trust_domain, identity->trust_domain) != 0)
        say("the certificate is of the trust domain %s, not of the one that was named", identity->trust_domain);
    else return identity_try(identity);
    return false;
}

/* Are they addresses?  HTTP says what is wrong. */
static bool try_addresses(const struct platesieve_client *client, enum http_service service)
{
    struct http *http = NULL;
    const int code = http_open(&client->settings, service, &client->identity, &http);

    http_close(http);
    return code == CLIENT_OK;
}

static enum platesieve_reason take_settings(struct platesieve_client *client)
{
    const struct platesieve_client_settings *told = &client->told;

    if (told->gates == NULL || told->gates[0] == '\0' || told->keys == NULL || told->keys[0] == '\0') {
        say("where are the gates and key servers?");
        return PLATESIEVE_BAD_ARGUMENT;
    }
    if (!take_numbers(client) || !take_identity(client)) return PLATESIEVE_BAD_ARGUMENT;
    client->gates = strdup(told->gates);
    client->keys = strdup(told->keys);
    client->crl = told->crl == NULL ? NULL : strdup(told->crl);
    if (client->gates == NULL || client->keys == NULL || (told->crl != NULL && client->crl == NULL)) return PLATESIEVE_NO_MEMORY;
    client->settings = (struct settings) { .gates = client->gates, .keys = client->keys, .crl = client->crl, .shared_keys = told->shared_keys };
    if (client->crl != NULL && access(client->crl, R_OK) != 0) {
        say("the revocation list can't be read");
        return PLATESIEVE_BAD_ARGUMENT;
    }
    return try_addresses(client, HTTP_GATE) && try_addresses(client, HTTP_KEYS) ? PLATESIEVE_OK : PLATESIEVE_BAD_ARGUMENT;
}

/* -- the whole ------------------------------------------------------------------------------------------------------------ */

/* The first asker is made before pictures take what can be locked: that there is too little is found out here. */
static enum platesieve_reason start_all(struct platesieve_client *client)
{
    const struct checker_ears ears = { .context = client, .say = hear, .not_asked = not_asked };
    struct asker *asker;

    client->checker = checker_create(&client->settings, &client->identity, &ears);
    if (client->checker == NULL) return PLATESIEVE_UNAVAILABLE;
    asker = asker_take(client, 0);
    if (asker == NULL) return PLATESIEVE_NO_MEMORY;
    asker_give_back(client, asker);
    return library_pictures_start(client) ? PLATESIEVE_OK : PLATESIEVE_NO_MEMORY;
}

/* Signals are the program's own: its threads get them, not ours. */
static enum platesieve_reason start(struct platesieve_client *client)
{
    enum platesieve_reason reason = PLATESIEVE_UNAVAILABLE;
    sigset_t all, before;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && !platesieve_failed(platesieve_init())) reason = take_settings(client);
    if (reason != PLATESIEVE_OK) return reason;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    reason = start_all(client);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return reason;
}

struct platesieve_result platesieve_client_open(const struct platesieve_client_settings *settings, struct platesieve_client **out)
{
    struct platesieve_client *client;
    const struct say_ear *before;
    enum platesieve_reason reason;

    if (out != NULL) *out = NULL;
    if (settings == NULL || out == NULL || settings->size != sizeof(*settings)) return (struct platesieve_result) { PLATESIEVE_BAD_ARGUMENT };
    client = calloc(1, sizeof(*client));
    if (client == NULL) return (struct platesieve_result) { PLATESIEVE_NO_MEMORY };
    client->told = *settings;
    client->ear = (struct say_ear) { hear, client };
    pthread_mutex_init(&client->mutex, NULL);
    monotonic_condition(&client->given_back);
    before = say_listen(&client->ear);
    reason = start(client);
    (void)say_listen(before);
    if (reason == PLATESIEVE_OK) *out = client;
    else platesieve_client_close(client);
    return (struct platesieve_result) { reason };
}

void platesieve_client_close(struct platesieve_client *client)
{
    const struct say_ear *before;

    if (client == NULL) return;
    before = say_listen(&client->ear);
    library_pictures_stop(client);
    askers_free(client);
    checker_destroy(client->checker);
    (void)say_listen(before);
    pthread_cond_destroy(&client->given_back);
    pthread_mutex_destroy(&client->mutex);
    free(client->gates);
    free(client->keys);
    free(client->crl);
    free(client);
}

void platesieve_client_renewed(struct platesieve_client *client)
{
    if (client != NULL) atomic_fetch_add(&client->identity.generation, 1);
}

static unsigned count_well(const struct checker_server *servers, size_t count)
{
    unsigned well = 0;

    for (size_t i = 0; i < count; i++) well += servers[i].well;
    return well;
}

void platesieve_client_look(struct platesieve_client *client, struct platesieve_client_state *state)
{
    struct checker_state now;

    if (state != NULL) *state = (struct platesieve_client_state) { 0 };
    if (state == NULL || client == NULL) return;
    checker_look(client->checker, &now);
    *state = (struct platesieve_client_state) { .ready = now.asked,
                                                .gates = (unsigned)now.gate_count,
                                                .gates_well = count_well(now.gates, now.gate_count),
                                                .keys = (unsigned)now.key_count,
                                                .keys_well = count_well(now.keys, now.key_count),
                                                .grades = now.grades,
                                                .skew_known = now.skew_known,
                                                .skew_ms = now.skew_ms,
                                                .over_until_ms = moment_then_ms(now.over_until_ms) };
}
