#include "client/check/internal.h"

#include "client/base64.h"
#include "client/http/problem.h"
#include "client/moment.h"

#define KEY_MS 1000u /* for one key server, while there is another; asked seldom, and a connection has to be made */
#define KEY_LAST_MS 5000u

struct keyring {
    struct gates *gates;
    struct key_servers *servers;
    struct gate_clocks *clocks;
    pthread_mutex_t fetching; /* one at a time, over `keys` */
    struct http *keys;
    /* the rest is guarded by the mutex */
    pthread_mutex_t mutex;
    struct epochs known; /* fetched, with keys or public keys, also of epochs to come; an old one goes for a new one */
    struct check_policy *policy; /* in force */
    unsigned generation;
};

struct keyring *keyring_create(const struct settings *settings, const struct identity *identity, struct gates *gates, struct key_servers *servers,
                               struct gate_clocks *clocks)
{
    struct keyring *keyring = calloc(1, sizeof(*keyring));

    if (keyring == NULL) {
        say("out of memory");
        return NULL;
    }
    pthread_mutex_init(&keyring->fetching, NULL);
    pthread_mutex_init(&keyring->mutex, NULL);
    keyring->gates = gates;
    keyring->servers = servers;
    keyring->clocks = clocks;
    key_servers_set_deadlines(servers, KEY_MS, KEY_LAST_MS);
    if (http_open(settings, HTTP_KEYS, identity, &keyring->keys) == CLIENT_OK) return keyring;
    keyring_destroy(keyring);
    return NULL;
}

void keyring_destroy(struct keyring *keyring)
{
    if (keyring == NULL) return;
    check_policy_release(keyring->policy);
    epochs_wipe(&keyring->known);
    http_close(keyring->keys);
    pthread_mutex_destroy(&keyring->mutex);
    pthread_mutex_destroy(&keyring->fetching);
    free(keyring);
}

void check_policy_release(struct check_policy *policy)
{
    if (policy != NULL && atomic_fetch_sub(&policy->users, 1) == 1) free(policy);
}

struct check_policy *keyring_in_force(struct keyring *keyring)
{
    struct check_policy *policy;

    pthread_mutex_lock(&keyring->mutex);
    policy = keyring->policy;
    if (policy != NULL) atomic_fetch_add(&policy->users, 1);
    pthread_mutex_unlock(&keyring->mutex);
    return policy;
}

/* GATE said that it is THERE when it was asked at ASKED_MS (since the machine's start). */
static void compare_clocks(struct keyring *keyring, const struct http *gate, const char *there, int64_t asked_ms)
{
    int64_t there_ms;

    if (there == NULL || !moment_parse(there, &there_ms)) return;
    gate_clocks_note(keyring->clocks, http_server_current(gate), there_ms, (asked_ms + moment_boot_ms()) / 2);
    gate_clocks_tell(keyring->clocks);
}

/* -- keys ---------------------------------------------------------------------------------------------------------------- */

static bool find_key(struct keyring *keyring, const struct epoch *wanted, struct epoch *found)
{
    bool is_known = false;

    pthread_mutex_lock(&keyring->mutex);
    for (size_t i = 0; i < keyring->known.count && !is_known; i++) {
        const struct epoch *epoch = &keyring->known.list[i];

        is_known = strcmp(epoch->id, wanted->id) == 0 && memcmp(epoch->key_id, wanted->key_id, sizeof(wanted->key_id)) == 0;
        if (is_known) *found = *epoch;
    }
    pthread_mutex_unlock(&keyring->mutex);
    return is_known;
}

/* Keys stay until the end: a line may still use an old one.  A lane that has run through LIMIT_EPOCHS_KNOWN epochs starts over with the oldest place,
   long out of use. */
static void remember(struct keyring *keyring, const struct epoch *epoch)
{
    pthread_mutex_lock(&keyring->mutex);
    if (keyring->known.count == LIMIT_EPOCHS_KNOWN) {
        platesieve_prf_destroy(keyring->known.list[0].prf);
        memmove(&keyring->known.list[0], &keyring->known.list[1], (LIMIT_EPOCHS_KNOWN - 1) * sizeof(*epoch));
        keyring->known.count--;
    }
    keyring->known.list[keyring->known.count++] = *epoch;
    pthread_mutex_unlock(&keyring->mutex);
}

static int fetch_key(struct keyring *keyring, struct http *keys, const struct epoch *wanted)
{
    struct epoch epoch = *wanted;
    const int code = epoch_make_ready(keyring->servers, keys, &epoch);

    if (code == CLIENT_OK) remember(keyring, &epoch);
    return code;
}

void keyring_fetch_coming(struct keyring *keyring, struct http *keys)
{
    struct epochs epochs;

    if (epochs_fetch(keyring->servers, keys, NULL, &epochs) != CLIENT_OK) return;
    for (size_t i = 0; i < epochs.count; i++) {
        struct epoch known;

        if (epochs.list[i].state == EPOCH_COMING && !find_key(keyring, &epochs.list[i], &known) &&
            fetch_key(keyring, keys, &epochs.list[i]) != CLIENT_OK)
            return;
    }
}

static enum check_outcome outcome_of(int code)
{
    if (code == CLIENT_OK) return CHECK_DONE;
    return code == CLIENT_UNREACHABLE ? CHECK_AWAY : code == CLIENT_REFUSED ? CHECK_REFUSED : CHECK_FAILED;
}

static enum check_outcome add_keys(struct keyring *keyring, struct check_policy *policy)
{
    for (size_t i = 0; i < policy->epoch_count; i++) {
        struct epoch *epoch = &policy->epochs[i], key;

        if (!find_key(keyring, epoch, &key)) {
            const int code = fetch_key(keyring, keyring->keys, epoch);

            if (code != CLIENT_OK) return outcome_of(code);
            if (!find_key(keyring, epoch, &key)) return CHECK_FAILED;
        }
        if (key.suite != epoch->suite) {
            say("the gate names another suite for epoch %s than the key server", epoch->id);
            return CHECK_FAILED;
        }
        epoch->prf = key.prf;
        epoch->public_key = key.public_key;
        epoch->public_key_known = key.public_key_known;
        epoch->shared = key.shared;
        policy->remote = policy->remote || key.suite != PLATESIEVE_HMAC_SHA256;
    }
    return CHECK_DONE;
}

/* -- policy -------------------------------------------------------------------------------------------------------------- */

static bool parse_epoch(json_t *json, struct epoch *epoch)
{
    const char *id, *key_id, *suite, *closes = NULL;

    if (json_unpack(json, "{s:s, s:s, s:s, s?s}", "id", &id, "key_id", &key_id, "suite", &suite, "closes", &closes) != 0) return false;
    *epoch = (struct epoch) { 0 };
    if (closes != NULL && !moment_parse(closes, &epoch->closes_ms)) return false;
    if (strlen(id) > LIMIT_EPOCH_ID_MAX || strpbrk(id, "/?#% \"\\") != NULL) return false;
    memcpy(epoch->id, id, strlen(id) + 1);
    return base64_parse(key_id, epoch->key_id, sizeof(epoch->key_id)) && platesieve_suite_parse(suite, &epoch->suite);
}

static bool parse_grades(const json_t *json, unsigned *grades)
{
    for (size_t i = 0; i < json_array_size(json); i++) {
        const char *name = json_string_value(json_array_get(json, i));
        enum platesieve_grade grade;

        if (name == NULL || !platesieve_grade_parse(name, &grade)) return false;
        *grades |= 1u << grade;
    }
    return json_is_array(json);
}

static unsigned at_most(int value, unsigned max)
{
    return (unsigned)value > max ? max : (unsigned)value;
}

bool check_policy_parse(json_t *json, struct check_policy *policy)
{
    const char *version, *site, *lane;
    json_t *epochs, *grades;
    int reads_max, candidates_max = 1;

    if (json_unpack(json, "{s:s, s:s, s:s, s:o, s:o, s:i, s?i}", "policy", &version, "site", &site, "lane", &lane, "epochs", &epochs,
                    "grades", &grades, "reads_max", &reads_max, "candidates_max", &candidates_max) != 0)
        return false;
    if (strlen(version) > LIMIT_POLICY_TEXT || strspn(version, "0123456789abcdef") != strlen(version) || reads_max < 1 || candidates_max < 1)
        return false;
    if (!name_part_valid(site) || !name_part_valid(lane) || json_array_size(epochs) > LIMIT_EPOCHS_OPEN) return false;
    memcpy(policy->version, version, strlen(version) + 1);
    memcpy(policy->site, site, strlen(site) + 1);
    memcpy(policy->lane, lane, strlen(lane) + 1);
    policy->reads_max = at_most(reads_max, LIMIT_CHECK_READS);
    policy->candidates_max = at_most(candidates_max, LIMIT_CHECK_CANDIDATES);
    for (size_t i = 0; i < json_array_size(epochs); i++)
        if (!parse_epoch(json_array_get(epochs, i), &policy->epochs[policy->epoch_count++])) return false;
    return parse_grades(grades, &policy->grades);
}

struct asking {
    struct keyring *keyring;
    struct check_policy *policy;
    int64_t asked_ms; /* since the machine's start */
};

static enum gate_verdict take_policy(void *context, struct http *gate, const struct http_answer *answer)
{
    struct asking *asking = context;
    char name[64];
    bool parsed;
    json_t *json;

    if (answer->status >= 500 || answer->status == 429) {
        problem_name(answer, name);
        gates_tell_later(asking->keyring->gates, gate, name);
        return GATE_LATER;
    }
    if (answer->status != 200) {
        gates_tell_refusal(asking->keyring->gates, gate, answer);
        return GATE_REFUSED;
    }
    json = http_answer_json(answer);
    *asking->policy = (struct check_policy) { 0 };
    parsed = check_policy_parse(json, asking->policy);
    if (parsed) compare_clocks(asking->keyring, gate, json_string_value(json_object_get(json, "now")), asking->asked_ms);
    else say("the gate sent a policy that can't be read; is this program too old?");
    json_decref(json);
    return parsed ? GATE_TAKEN : GATE_WRONG;
}

static enum check_outcome ask_policy(struct keyring *keyring, struct http *gate, struct check_policy *policy)
{
    struct asking asking = { keyring, policy, moment_boot_ms() };
    const struct gate_question question = { .request = { .method = "GET", .path = "/v1/lane" }, .take = take_policy, .context = &asking };

    switch (gates_ask(keyring->gates, gate, &question)) {
    case GATE_TAKEN: return CHECK_DONE;
    case GATE_WRONG: return CHECK_FAILED;
    case GATE_REFUSED: return CHECK_REFUSED;
    default: return CHECK_AWAY;
    }
}

/* `fetching` is held. */
static enum check_outcome fetch(struct keyring *keyring, struct http *gate)
{
    struct check_policy *policy = calloc(1, sizeof(*policy)), *before;
    enum check_outcome outcome = policy == NULL ? CHECK_FAILED : ask_policy(keyring, gate, policy);

    if (outcome == CHECK_DONE) outcome = add_keys(keyring, policy);
    if (outcome != CHECK_DONE) {
        free(policy);
        return outcome;
    }
    policy->users = 1;
    pthread_mutex_lock(&keyring->mutex);
    policy->generation = ++keyring->generation;
    before = keyring->policy;
    keyring->policy = policy;
    pthread_mutex_unlock(&keyring->mutex);
    check_policy_release(before);
    return CHECK_DONE;
}

enum check_outcome keyring_refresh(struct keyring *keyring, struct http *gate)
{
    enum check_outcome outcome;

    pthread_mutex_lock(&keyring->fetching);
    outcome = fetch(keyring, gate);
    pthread_mutex_unlock(&keyring->fetching);
    return outcome;
}

/* One that is newer than generation OLDER_THAN; NULL: there is none. */
static struct check_policy *newer(struct keyring *keyring, unsigned older_than)
{
    struct check_policy *policy = keyring_in_force(keyring);

    if (policy == NULL || policy->generation > older_than) return policy;
    check_policy_release(policy);
    return NULL;
}

enum check_outcome keyring_policy(struct keyring *keyring, struct http *gate, unsigned older_than, struct check_policy **policy)
{
    enum check_outcome outcome = CHECK_DONE;

    *policy = newer(keyring, older_than);
    if (*policy != NULL) return CHECK_DONE;
    pthread_mutex_lock(&keyring->fetching);
    *policy = newer(keyring, older_than); /* another line was quicker */
    if (*policy == NULL) {
        outcome = fetch(keyring, gate);
        if (outcome == CHECK_DONE) *policy = keyring_in_force(keyring);
    }
    pthread_mutex_unlock(&keyring->fetching);
    return outcome;
}
