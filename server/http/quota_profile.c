#include "server/http/quota_profile.h"

#include <errno.h>
#include <platesieve/platesieve.h>

#include "include/cleanup.h"
#include "server/http/grades.h"
#include "server/http/roll.h"

#define READS_A_MINUTE_MAX 100000000
#define READS_A_DAY_MAX 100000000000
#define PUSHES_MAX 100000
#define KEY_FETCHES_MAX 1000000

/* A lane: the busiest minute that was measured at a police reader had 129 reads; a border lane takes a vehicle every
   half minute, around the clock, and an engine reports each of them three or four times: 10,000 reads a day.  Three
   candidates a read, three texts a candidate (`near` would be 25 more: whoever wants it says so), two epochs while they
   overlap.  Each key may be fetched every hour: a lane fetches it when it starts. */
static const struct quota_profile lane_default = {
    .name = "lane",
    .reads_a_day = 10000,
    .reads_a_minute = 150,
    .candidates = 3,
    .grades = 1u << PLATESIEVE_FULL | 1u << PLATESIEVE_PLATE | 1u << PLATESIEVE_SIMILAR,
    .epochs = 2,
    .key_fetches = 24,
};

/* An agency: a national hot file of 330,000 entries at grade `similar` is a million tokens; twice a day, for the epoch
   that is open and the next.  A push fetches the keys, and changes may be pushed every five minutes. */
static const struct quota_profile agency_default = {
    .name = "agency",
    .agency = true,
    .tokens = 1000000,
    .pushes = 2,
    .epochs = 2,
    .key_fetches = 288,
};

void quota_profiles_begin(struct quota_profiles *profiles)
{
    profiles->list[QUOTA_PROFILE_LANE] = lane_default;
    profiles->list[QUOTA_PROFILE_AGENCY] = agency_default;
    profiles->count = 2;
}

bool quota_profile_fits(const struct quota_profiles *profiles, enum role role, const char *name)
{
    if (role != ROLE_READER && role != ROLE_AGENCY) return strcmp(name, roll_quota_default(role)) == 0;
    int found = quota_profile_find(profiles, name);
    return found >= 0 && profiles->list[found].agency == (role == ROLE_AGENCY);
}

int quota_profile_find(const struct quota_profiles *profiles, const char *name)
{
    for (size_t i = 0; i < profiles->count; i++)
        if (strcmp(profiles->list[i].name, name) == 0) return (int)i;
    return -1;
}

/* -- settings ---------------------------------------------------------------------------------- */

enum figure_of { OF_LANE, OF_AGENCY, OF_BOTH };

static const struct figure {
    const char *key;
    size_t offset;
    enum figure_of of;
    unsigned long long min, max;
} figures[] = {
    { "reads_a_day", offsetof(struct quota_profile, reads_a_day), OF_LANE, 1, READS_A_DAY_MAX },
    { "reads_a_minute", offsetof(struct quota_profile, reads_a_minute), OF_LANE, 1, READS_A_MINUTE_MAX },
    { "candidates", offsetof(struct quota_profile, candidates), OF_LANE, 1, LIMIT_CHECK_CANDIDATES },
    { "tokens", offsetof(struct quota_profile, tokens), OF_AGENCY, 1, LIMIT_INDEX_SLOTS },
    { "pushes", offsetof(struct quota_profile, pushes), OF_AGENCY, 1, PUSHES_MAX },
    { "epochs", offsetof(struct quota_profile, epochs), OF_BOTH, 1, LIMIT_ENTRY_EPOCHS },
    { "key_fetches", offsetof(struct quota_profile, key_fetches), OF_BOTH, 1, KEY_FETCHES_MAX },
};

static bool set_number(struct quota_profile *profile, const struct figure *figure, const char *value)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != 0 || errno != 0 || number < figure->min || number > figure->max)
        return false;
    memcpy((char *)profile + figure->offset, &number, sizeof number);
    return true;
}

static struct quota_profile *profile_called(struct quota_profiles *profiles, const char *name)
{
    int found = quota_profile_find(profiles, name);
    if (found >= 0) return &profiles->list[found];
    if (profiles->count == LIMIT_QUOTA_PROFILES || strlen(name) > LIMIT_NAME_MAX) return NULL;
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] != 0) return NULL;
    struct quota_profile *made = &profiles->list[profiles->count++];
    *made = lane_default;
    memcpy(made->name, name, strlen(name) + 1);
    return made;
}

/* The first figure of an agency makes an agency of a profile that began as a lane; what it was told of both stays. */
static void note_kind(struct quota_profile *profile, enum figure_of of)
{
    if (of == OF_LANE) profile->figures_of_lane = true;
    if (of != OF_AGENCY) return;
    profile->figures_of_agency = true;
    if (profile->agency) return;
    profile->agency = true;
    profile->tokens = agency_default.tokens;
    profile->pushes = agency_default.pushes;
    if (profile->key_fetches == lane_default.key_fetches) profile->key_fetches = agency_default.key_fetches;
}

bool quota_profile_set(struct quota_profiles *profiles, const char *name, const char *key, const char *value)
{
    struct quota_profile *profile = profile_called(profiles, name);
    if (profile == NULL) return false;
    if (strcmp(key, "grades") == 0) {
        note_kind(profile, OF_LANE);
        return grades_parse(value, &profile->grades);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(figures); i++) {
        if (strcmp(figures[i].key, key) != 0) continue;
        note_kind(profile, figures[i].of);
        return set_number(profile, &figures[i], value);
    }
    return false;
}

const char *quota_profiles_problem(const struct quota_profiles *profiles)
{
    for (size_t i = 0; i < profiles->count; i++) {
        const struct quota_profile *profile = &profiles->list[i];
        if (profile->agency ? profile->figures_of_lane : profile->figures_of_agency)
            return "a profile has figures of a lane and of an agency: tokens and pushes are an agency's, the others a lane's";
        if (i == QUOTA_PROFILE_LANE && profile->agency) return "the profile `lane` has an agency's figures";
        if (!profile->agency && profile->epochs > LIMIT_EPOCHS_OPEN)
            return "more epochs are open in a lane's profile than can be open at one time";
    }
    return NULL;
}

/* -- limits ------------------------------------------------------------------------------------ */

static uint64_t texts_of(unsigned grades)
{
    uint64_t texts = 0;
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++)
        if ((grades & 1u << grade) != 0) texts += grade == PLATESIEVE_NEAR ? PLATESIEVE_NEAR_MAX : 1;
    return texts;
}

/* The factors' own limits keep every product below 2^64. */
static_assert(READS_A_DAY_MAX < UINT64_MAX / ((PLATESIEVE_NEAR_MAX + 3ull) * LIMIT_CHECK_CANDIDATES * LIMIT_EPOCHS_OPEN),
              "a lane's tokens a day fit 64 bits");
static_assert(LIMIT_INDEX_SLOTS < UINT64_MAX / (5ull * LIMIT_ENTRY_EPOCHS * PUSHES_MAX), "an agency's tokens a day fit 64 bits");

/* A batch of the largest size that is served must pass, or a client could never ask. */
static uint64_t bounded(uint64_t limit, uint64_t least)
{
    if (limit < least) return least;
    return limit < QUOTA_COUNT_MAX ? limit : QUOTA_COUNT_MAX;
}

void quota_profile_limits(const struct quota_profile *profile, enum quota_side side, uint64_t keys_a_day,
                          struct quota_limits *limits)
{
    uint64_t a_read = profile->candidates * texts_of(profile->grades) * profile->epochs;
    uint64_t a_day = profile->agency ? profile->tokens * profile->epochs * profile->pushes / 4 * 5
                                     : profile->reads_a_day * a_read;
    uint64_t a_minute = profile->agency ? QUOTA_COUNT_MAX : profile->reads_a_minute * a_read;
    limits->most[QUOTA_MINUTE][0] = bounded(a_minute, PLATESIEVE_VOPRF_BATCH_MAX);
    limits->most[QUOTA_DAY][0] = bounded(a_day, PLATESIEVE_VOPRF_BATCH_MAX);
    if (side == QUOTA_AT_KEYS) {
        limits->most[QUOTA_MINUTE][QUOTA_KEYS] = QUOTA_COUNT_MAX;
        limits->most[QUOTA_DAY][QUOTA_KEYS] = bounded(profile->key_fetches * keys_a_day, 1);
    } else {
        limits->most[QUOTA_MINUTE][QUOTA_READS] = bounded(profile->agency ? QUOTA_COUNT_MAX : profile->reads_a_minute, 1);
        limits->most[QUOTA_DAY][QUOTA_READS] = bounded(profile->agency ? QUOTA_COUNT_MAX : profile->reads_a_day, 1);
    }
}

const char *quota_counter_name(enum quota_side side, unsigned counter)
{
    static const char *const names[][QUOTA_COUNTERS] = { { "tokens", "reads" }, { "evaluations", "keys" } };
    return names[side][counter];
}

const char *quota_window_name(enum quota_window window)
{
    return window == QUOTA_MINUTE ? "minute" : "day";
}
