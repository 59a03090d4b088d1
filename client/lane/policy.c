#include "client/lane/lane.h"

#include "client/base64.h"
#include "client/moment.h"
#include "client/problem.h"

struct lane_keyring {
    pthread_mutex_t mutex;
    struct key_servers *servers;
    struct http *keys;
    struct epochs known; /* fetched, with keys or public keys, also of epochs to come; an old one goes for a new one */
    struct lane_policy *policy; /* in force */
    unsigned generation;
    bool told_clock;
};

struct lane_keyring *lane_keyring_create(const struct settings *settings, const struct identity *identity,
                                         struct key_servers *servers)
{
    struct lane_keyring *keyring = calloc(1, sizeof(*keyring));

    if (keyring == NULL) return NULL;
    pthread_mutex_init(&keyring->mutex, NULL);
    keyring->servers = servers;
    if (http_open(settings, HTTP_KEYS, identity, &keyring->keys) == CLIENT_OK) return keyring;
    lane_keyring_destroy(keyring);
    return NULL;
}

void lane_keyring_destroy(struct lane_keyring *keyring)
{
    if (keyring == NULL) return;
    lane_policy_release(keyring->policy);
    epochs_wipe(&keyring->known);
    http_close(keyring->keys);
    pthread_mutex_destroy(&keyring->mutex);
    free(keyring);
}

void lane_policy_release(struct lane_policy *policy)
{
    if (policy != NULL && atomic_fetch_sub(&policy->users, 1) == 1) free(policy);
}

/* -- keys ---------------------------------------------------------------------------------------------------------- */

static const struct epoch *find_key(const struct lane_keyring *keyring, const struct epoch *wanted)
{
    for (size_t i = 0; i < keyring->known.count; i++) {
        const struct epoch *epoch = &keyring->known.list[i];

        if (strcmp(epoch->id, wanted->id) == 0 && memcmp(epoch->key_id, wanted->key_id, sizeof(wanted->key_id)) == 0)
            return epoch;
    }
    return NULL;
}

/* Keys stay until the end: a worker may still use an old one.  A lane that has run through LIMIT_EPOCHS_KNOWN epochs
   starts over with the oldest place, long out of use. */
static void remember(struct lane_keyring *keyring, const struct epoch *epoch)
{
    if (keyring->known.count == LIMIT_EPOCHS_KNOWN) {
        platesieve_prf_destroy(keyring->known.list[0].prf);
        memmove(&keyring->known.list[0], &keyring->known.list[1], (LIMIT_EPOCHS_KNOWN - 1) * sizeof(*epoch));
        keyring->known.count--;
    }
    keyring->known.list[keyring->known.count++] = *epoch;
}

static int fetch_key(struct lane_keyring *keyring, const struct epoch *wanted)
{
    struct epoch epoch = *wanted;
    const int code = epoch_make_ready(keyring->servers, keyring->keys, &epoch);

    if (code == CLIENT_OK) remember(keyring, &epoch);
    return code;
}

/* Keys of epochs to come, so that the lane goes on when the key server is away as one opens.  Best effort. */
static void fetch_coming(struct lane_keyring *keyring)
{
    struct epochs epochs;

    if (epochs_fetch(keyring->servers, keyring->keys, NULL, &epochs) != CLIENT_OK) return;
    for (size_t i = 0; i < epochs.count; i++)
        if (epochs.list[i].state == EPOCH_COMING && find_key(keyring, &epochs.list[i]) == NULL &&
            fetch_key(keyring, &epochs.list[i]) != CLIENT_OK)
            return;
}

/* -- policy -------------------------------------------------------------------------------------------------------- */

static bool parse_epoch(json_t *json, struct epoch *epoch)
{
    const char *id, *key_id, *suite, *closes = NULL;

    if (json_unpack(json, "{s:s, s:s, s:s, s?s}", "id", &id, "key_id", &key_id, "suite", &suite, "closes", &closes) != 0)
        return false;
    *epoch = (struct epoch) { 0 };
    if (closes != NULL && !moment_parse(closes, &epoch->closes_ms)) return false;
    if (strlen(id) > LIMIT_EPOCH_ID_MAX || strpbrk(id, "/?#% \"\\") != NULL) return false;
    memcpy(epoch->id, id, strlen(id) + 1);
    return base64_parse(key_id, epoch->key_id, sizeof(epoch->key_id)) && platesieve_suite_parse(suite, &epoch->suite);
}

static bool parse_grades(json_t *json, unsigned *grades)
{
    for (size_t i = 0; i < json_array_size(json); i++) {
        const char *name = json_string_value(json_array_get(json, i));
        enum platesieve_grade grade;

        if (name == NULL || !platesieve_grade_parse(name, &grade)) return false;
        *grades |= 1u << grade;
    }
    return json_is_array(json);
}

static bool parse_policy(json_t *json, struct lane_policy *policy)
{
    const char *version, *site, *lane;
    json_t *epochs, *grades;
    int reads_max;

    if (json_unpack(json, "{s:s, s:s, s:s, s:o, s:o, s:i}", "policy", &version, "site", &site, "lane", &lane, "epochs",
                    &epochs, "grades", &grades, "reads_max", &reads_max) != 0)
        return false;
    if (strlen(version) > LIMIT_POLICY_TEXT || strspn(version, "0123456789abcdef") != strlen(version) || reads_max < 1)
        return false;
    if (!name_part_valid(site) || !name_part_valid(lane) || json_array_size(epochs) > LIMIT_EPOCHS_OPEN) return false;
    memcpy(policy->version, version, strlen(version) + 1);
    memcpy(policy->site, site, strlen(site) + 1);
    memcpy(policy->lane, lane, strlen(lane) + 1);
    policy->reads_max = reads_max > LIMIT_CHECK_READS ? LIMIT_CHECK_READS : (unsigned)reads_max;
    for (size_t i = 0; i < json_array_size(epochs); i++)
        if (!parse_epoch(json_array_get(epochs, i), &policy->epochs[policy->epoch_count++])) return false;
    return parse_grades(grades, &policy->grades);
}

static int add_keys(struct lane_keyring *keyring, struct lane_policy *policy)
{
    bool fetched = false;

    for (size_t i = 0; i < policy->epoch_count; i++) {
        const struct epoch *key = find_key(keyring, &policy->epochs[i]);

        if (key == NULL) {
            const int code = fetch_key(keyring, &policy->epochs[i]);

            if (code != CLIENT_OK) return code;
            fetched = true;
            key = find_key(keyring, &policy->epochs[i]);
        }
        if (key->suite != policy->epochs[i].suite) {
            say("the gate names another suite for epoch %s than the key server", policy->epochs[i].id);
            return CLIENT_FAILED;
        }
        policy->epochs[i].prf = key->prf;
        policy->epochs[i].public_key = key->public_key;
        policy->epochs[i].public_key_known = key->public_key_known;
        policy->epochs[i].shared = key->shared;
    }
    if (fetched || policy->epoch_count > 1) fetch_coming(keyring);
    return CLIENT_OK;
}

/* A read of the wrong hour is one that the gate refuses, or a hit that sends people to where the car was not. */
static void compare_clocks(struct lane_keyring *keyring, json_t *json)
{
    char off[MOMENT_CLOCK_TEXT];

    if (keyring->told_clock || !moment_clock_is_off(json_string_value(json_object_get(json, "now")), "gate", off)) return;
    keyring->told_clock = true;
    say("%s: set it right, hits would carry a wrong time", off);
}

/* CLIENT_UNREACHABLE also where the gate says that it can't just now. */
static int ask_policy(struct lane_keyring *keyring, struct http *gate, bool tell, struct lane_policy *policy)
{
    const struct http_request request = { .method = "GET", .path = "/v1/lane" };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    json_t *json;
    bool parsed;

    if (!http_ask(gate, &request, &answer)) {
        if (tell) say("no answer from the gate: %s", http_trouble(gate));
        return CLIENT_UNREACHABLE;
    }
    if (answer.status >= 500) {
        if (tell) (void)problem_say(gate, &answer);
        return CLIENT_UNREACHABLE;
    }
    if (answer.status != 200) return problem_say(gate, &answer);
    json = http_answer_json(&answer);
    parsed = parse_policy(json, policy);
    if (parsed) compare_clocks(keyring, json);
    json_decref(json);
    if (parsed) return CLIENT_OK;
    say("the gate sent a policy that can't be read; is this program too old?");
    return CLIENT_FAILED;
}

static int fetch_policy(struct lane_keyring *keyring, struct http *gate, bool tell)
{
    struct lane_policy *policy = calloc(1, sizeof(*policy));
    int code = policy == NULL ? CLIENT_FAILED : ask_policy(keyring, gate, tell, policy);

    if (code == CLIENT_OK) code = add_keys(keyring, policy);
    if (code != CLIENT_OK) {
        free(policy);
        return code;
    }
    policy->users = 1;
    policy->generation = ++keyring->generation;
    lane_policy_release(keyring->policy);
    keyring->policy = policy;
    return CLIENT_OK;
}

int lane_policy_get(struct lane_keyring *keyring, struct http *gate, unsigned older_than, bool tell,
                    struct lane_policy **policy)
{
    int code = CLIENT_OK;

    *policy = NULL;
    pthread_mutex_lock(&keyring->mutex);
    if (keyring->policy == NULL || keyring->policy->generation <= older_than) code = fetch_policy(keyring, gate, tell);
    if (code == CLIENT_OK) {
        *policy = keyring->policy;
        atomic_fetch_add(&keyring->policy->users, 1);
    }
    pthread_mutex_unlock(&keyring->mutex);
    return code;
}
