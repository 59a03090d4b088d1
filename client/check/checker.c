#include "client/check/internal.h"

#include "client/moment.h"
#include "include/monotonic.h"

#define POLICY_EVERY_MS 60000 /* it says what time the gate has, too */
#define POLICY_RETRY_MS 500   /* while there is none */
#define CLOCK_EVERY_MS 1000   /* between two looks at this machine's clock */

/* -- ears ---------------------------------------------------------------------------------------------------------------- */

const struct say_ear *checker_listen(const struct checker *checker)
{
    const struct say_ear *ear = checker->ears.say == NULL ? NULL : &checker->say, *before = say_listen(ear);

    if (ear == NULL) (void)say_listen(before); /* whoever listens in this thread goes on */
    return before;
}

static void note_gate(void *context, struct http *server, enum server_health health, int64_t date_ms)
{
    struct checker *checker = context;

    gates_note_health(checker->gates, http_server_current(server), health, http_trouble(server));
    if (date_ms != 0) gate_clocks_note_date(&checker->clocks, http_server_current(server), date_ms);
    else if (health == HEALTH_AWAY) gate_clocks_note_away(&checker->clocks, http_server_current(server));
}

static void note_keys(void *context, struct http *server, enum server_health health, int64_t date_ms)
{
    struct checker *checker = context;

    (void)date_ms;
    key_servers_note_health(checker->servers, server, health != HEALTH_AWAY);
    if (health != HEALTH_AWAY) atomic_store(&checker->key_answered_ms[http_server_current(server)], moment_monotonic_ms());
}

/* -- the keeper: policy and keys ----------------------------------------------------------------------------------------- */

static void note_try(struct checker *checker, enum check_outcome outcome)
{
    pthread_mutex_lock(&checker->mutex);
    checker->first = outcome;
    checker->tries++;
    pthread_cond_broadcast(&checker->changed);
    pthread_mutex_unlock(&checker->mutex);
}

/* Looks at the clock meanwhile.  False when it ends. */
static bool pause_for(struct checker *checker, int64_t ms)
{
    const int64_t end_ms = moment_monotonic_ms() + ms;
    bool on = true;

    for (int64_t now_ms; on && (now_ms = moment_monotonic_ms()) < end_ms; gate_clocks_tell(&checker->clocks))
        on = monotonic_pause(&checker->changed, &checker->mutex, &checker->ending, end_ms - now_ms < CLOCK_EVERY_MS ? end_ms : now_ms + CLOCK_EVERY_MS);
    return on;
}

static void *keep(void *argument)
{
    struct checker *checker = argument;
    enum check_outcome outcome;

    (void)checker_listen(checker);
    do {
        outcome = keyring_refresh(checker->keyring, checker->keeper_gate);
        if (outcome == CHECK_DONE) keyring_fetch_coming(checker->keyring, checker->keeper_keys);
        note_try(checker, outcome);
    } while (pause_for(checker, outcome == CHECK_DONE ? POLICY_EVERY_MS : POLICY_RETRY_MS));
    return NULL;
}

enum check_outcome checker_wait(struct checker *checker, unsigned deadline_ms)
{
    const int64_t end_ms = moment_monotonic_ms() + deadline_ms;
    enum check_outcome outcome;

    pthread_mutex_lock(&checker->mutex);
    while (checker->tries == 0) pthread_cond_wait(&checker->changed, &checker->mutex);
    while (checker->first == CHECK_AWAY && monotonic_wait(&checker->changed, &checker->mutex, end_ms)) {}
    outcome = checker->first;
    pthread_mutex_unlock(&checker->mutex);
    return outcome;
}

/* -- the whole ----------------------------------------------------------------------------------------------------------- */

static bool start(struct checker *checker)
{
    const struct say_ear *ear = checker->ears.say == NULL ? NULL : &checker->say;

    checker->servers = key_servers_create(checker->settings);
    if (checker->servers == NULL) return false;
    checker->gates = gates_create(checker->settings, checker->identity);
    if (checker->gates == NULL) return false;
    checker->keyring = keyring_create(checker->settings, checker->identity, checker->gates, checker->servers, &checker->clocks);
    if (checker->keyring == NULL || http_open(checker->settings, HTTP_GATE, checker->identity, &checker->keeper_gate) != CLIENT_OK ||
        http_open(checker->settings, HTTP_KEYS, checker->identity, &checker->keeper_keys) != CLIENT_OK)
        return false;
    gate_clocks_expect(&checker->clocks, http_server_count(checker->keeper_gate));
    checker->gate_health = health_start(checker->settings, HTTP_GATE, checker->identity, ear, note_gate, checker);
    checker->key_health = health_start(checker->settings, HTTP_KEYS, checker->identity, ear, note_keys, checker);
    if (checker->gate_health == NULL || checker->key_health == NULL) return false;
    checker->keeping = pthread_create(&checker->keeper, NULL, keep, checker) == 0;
    if (!checker->keeping) say("can't start a thread");
    return checker->keeping;
}

struct checker *checker_create(const struct settings *settings, const struct identity *identity, const struct checker_ears *ears)
{
    struct checker *checker = calloc(1, sizeof(*checker));
    const struct say_ear *before;
    bool started;

    if (checker == NULL) {
        say("out of memory");
        return NULL;
    }
    checker->settings = settings;
    checker->identity = identity;
    if (ears != NULL) checker->ears = *ears;
    checker->say = (struct say_ear) { checker->ears.say, checker->ears.context };
    pthread_mutex_init(&checker->mutex, NULL);
    monotonic_condition(&checker->changed);
    gate_clocks_begin(&checker->clocks);
    before = checker_listen(checker);
    started = start(checker);
    (void)say_listen(before);
    if (started) return checker;
    checker_destroy(checker);
    return NULL;
}

void checker_destroy(struct checker *checker)
{
    if (checker == NULL) return;
    pthread_mutex_lock(&checker->mutex);
    checker->ending = true;
    pthread_cond_broadcast(&checker->changed);
    pthread_mutex_unlock(&checker->mutex);
    if (checker->keeping) pthread_join(checker->keeper, NULL);
    health_stop(checker->gate_health);
    health_stop(checker->key_health);
    http_close(checker->keeper_gate);
    http_close(checker->keeper_keys);
    keyring_destroy(checker->keyring);
    gates_destroy(checker->gates);
    key_servers_destroy(checker->servers);
    gate_clocks_end(&checker->clocks);
    pthread_cond_destroy(&checker->changed);
    pthread_mutex_destroy(&checker->mutex);
    free(checker);
}

/* -- looking ------------------------------------------------------------------------------------------------------------- */

static void look_at_keys(struct checker *checker, struct checker_state *state)
{
    struct http *names = checker->keeper_keys; /* only its addresses, which do not change */

    state->key_count = http_server_count(names);
    for (size_t i = 0; i < state->key_count; i++) {
        const int64_t answered_ms = atomic_load(&checker->key_answered_ms[i]);

        state->keys[i] = (struct checker_server) { http_server_url_of(names, i), answered_ms != 0 && !key_servers_failed(checker->servers, i),
                                                   moment_then_ms(answered_ms) };
    }
}

void checker_look(struct checker *checker, struct checker_state *state)
{
    struct check_policy *policy = keyring_in_force(checker->keyring);

    *state = (struct checker_state) { 0 };
    gates_look(checker->gates, state);
    look_at_keys(checker, state);
    if (policy != NULL) {
        state->asked = true;
        state->grades = policy->grades;
        state->candidates_max = policy->candidates_max;
        state->reads_max = policy->reads_max;
        memcpy(state->policy, policy->version, sizeof(state->policy));
        check_policy_release(policy);
    }
    state->skew_known = gate_clocks_skew(&checker->clocks, &state->skew_ms);
    state->clock_ahead_ms = gate_clocks_ahead_ms(&checker->clocks);
    state->over_until_ms = checker_over_until_ms(checker);
}
