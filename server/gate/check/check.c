/* What a check decides: see check.h. */
#include "server/gate/check/check.h"

#include <sodium.h>

#include "server/gate/check/cooldown.h"
#include "server/gate/check/match.h"

/* -- does the request fit the policy? ---------------------------------------------------------------------------------------- */

/* Position in the catalogue of the open epoch called ID, or -1. */
static int open_epoch(const struct catalogue *catalogue, const struct site_view *view, const char *id)
{
    for (size_t i = 0; i < view->open_count; i++)
        if (strcmp(catalogue->epochs[view->open[i]].id, id) == 0) return view->open[i];
    return -1;
}

/* The request's epochs must be those that are open, in any order (they are distinct: the parser saw to it), under their keys. */
static struct result match_epochs(const struct catalogue *catalogue, const struct site_view *view, const struct check_batch *batch,
                                  uint8_t epochs[LIMIT_EPOCHS_OPEN])
{
    if (batch->epoch_count != view->open_count) return FAIL(REASON_POLICY);
    for (size_t i = 0; i < batch->epoch_count; i++) {
        int position = open_epoch(catalogue, view, batch->epochs[i].id);

        if (position < 0) return FAIL(REASON_POLICY);
        epochs[i] = (uint8_t)position;
    }
    for (size_t i = 0; i < batch->epoch_count; i++)
        if (memcmp(catalogue->epochs[epochs[i]].key_id, batch->epochs[i].key_id, PLATESIEVE_KEY_ID_BYTES) != 0) return FAIL(REASON_KEY_ID);
    return OK;
}

/* -- from tokens to slots ---------------------------------------------------------------------------------------------------- */

/* Appends a job; fetching what it will touch begins, in two steps, while the next slots are computed. */
static void add_job(const struct check_batch *batch, const struct catalogue_epoch *epoch, const struct check_job *like, uint16_t token,
                    size_t *count)
{
    struct check_job *job = &batch->jobs[*count];

    *job = *like;
    job->index = epoch->index;
    platesieve_slot(epoch->pepper, batch->tokens[token].bytes, job->slot);
    index_prefetch(job->index, job->slot);
    if (*count > 0) index_prefetch_bucket(job[-1].index, job[-1].slot);
    (*count)++;
}

static struct result add_jobs_of_set(const struct catalogue *catalogue, const struct site_view *view, const struct check_batch *batch,
                                     const struct check_set *set, struct check_job like, size_t *count)
{
    const struct catalogue_epoch *epoch = &catalogue->epochs[like.epoch];

    /* `full` alone may be absent: the jurisdiction is unknown. */
    if ((view->grades & ~set->present & ~(1u << PLATESIEVE_FULL)) != 0) return FAIL(REASON_POLICY);
    if (epoch->index == NULL || epoch->pepper == NULL) return OK; /* no list has tokens for it, then */
    for (like.grade = 0; like.grade < PLATESIEVE_GRADES; like.grade++) {
        size_t tokens = like.grade == PLATESIEVE_NEAR ? set->near_count : 1;

        if ((view->grades & set->present & 1u << like.grade) == 0) continue;
        for (size_t i = 0; i < tokens; i++) add_job(batch, epoch, &like, (uint16_t)(set->token[like.grade] + i), count);
    }
    return OK;
}

static struct result make_jobs(const struct catalogue *catalogue, const struct site_view *view, const struct check_batch *batch,
                               const uint8_t *epochs, size_t *count)
{
    *count = 0;
    for (size_t r = 0; r < batch->read_count; r++) {
        const struct check_read *read = &batch->reads[r];

        for (size_t c = 0; c < read->candidate_count; c++) {
            const struct check_set *sets = &batch->sets[batch->candidates[read->candidates + c].sets];

            for (size_t e = 0; e < batch->epoch_count; e++) {
                struct check_job like = { .read = (uint8_t)r, .candidate = (uint8_t)c, .epoch = epochs[e] };

                TRY(add_jobs_of_set(catalogue, view, batch, &sets[e], like, count));
            }
        }
    }
    if (*count > 0) index_prefetch_bucket(batch->jobs[*count - 1].index, batch->jobs[*count - 1].slot);
    return OK;
}

static struct result look_up(const struct check_job *jobs, size_t count, struct matches *matches)
{
    for (size_t i = 0; i < count && matches->reason == REASON_NONE; i++) {
        if (i > 0 && jobs[i].read != jobs[i - 1].read) matches->read_start = matches->count;
        matches->job = &jobs[i];
        index_lookup(jobs[i].index, jobs[i].slot, matches_add, matches);
    }
    return matches->reason == REASON_NONE ? OK : FAIL(matches->reason);
}

/* -- from matches to sightings ----------------------------------------------------------------------------------------------- */

static void hash_text(crypto_hash_sha256_state *state, const char *text)
{
    crypto_hash_sha256_update(state, (const uint8_t *)text, strlen(text) + 1);
}

/* The same for a retry, at whatever gate. */
static void sighting_id(struct sighting *sighting, const struct check_read *read, const struct catalogue_list *list)
{
    crypto_hash_sha256_state state;
    uint8_t digest[crypto_hash_sha256_BYTES], key[8];

    for (size_t i = 0; i < sizeof(key); i++) key[i] = (uint8_t)(sighting->entry >> (56 - 8 * i));
    crypto_hash_sha256_init(&state);
    hash_text(&state, "platesieve/1/hit");
    hash_text(&state, sighting->site);
    hash_text(&state, sighting->lane);
    crypto_hash_sha256_update(&state, read->id, sizeof(read->id));
    hash_text(&state, list->agency);
    hash_text(&state, list->id);
    crypto_hash_sha256_update(&state, key, sizeof(key));
    crypto_hash_sha256_final(&state, digest);
    memcpy(sighting->id, digest, sizeof(sighting->id));
    memcpy(sighting->hit, digest, sizeof(sighting->hit));
}

static void make_sighting(const struct catalogue *catalogue, const struct peer *peer, const struct check_batch *batch, int64_t now_ms,
                          const struct match *match, struct sighting *sighting)
{
    const struct check_read *read = &batch->reads[match->read];
    const struct catalogue_list *list = match->list;
    uint32_t age_s = policy_list_age_s(list, now_ms);

    *sighting = (struct sighting){
        .entry = entries_get(catalogue->entries, match->entry)->key,
        .list = list->number,
        .revision = list->revision,
        .age_s = age_s,
        .cooldown_s = list->cooldown_s,
        .seen_ms = read->seen_ms,
        .grade = match->grade,
        .candidate = match->candidate,
        .covert = list->covert,
        .calibration = list->calibration,
        .verify = age_s > list->age_limit_s,
        .confidence = batch->candidates[read->candidates + match->candidate].confidence,
        .read = match->read,
        .again = read->again,
    };
    memcpy(sighting->read_id, read->id, sizeof(sighting->read_id));
    memcpy(sighting->site, peer->first, sizeof(sighting->site));
    memcpy(sighting->lane, peer->second, sizeof(sighting->lane));
    sighting_id(sighting, read, list);
}

static struct result make_sightings(struct matches *matches, struct cooldown *cooldown, const struct peer *peer, const struct check_batch *batch,
                                    int64_t now_ms, struct sighting **sightings, bool *wait)
{
    if (matches->count == 0) return OK;
    *sightings = malloc(matches->count * sizeof(**sightings));
    if (*sightings == NULL) return FAIL(REASON_BUSY);
    for (size_t i = 0; i < matches->count; i++) {
        struct sighting *sighting = &(*sightings)[i];

        make_sighting(matches->catalogue, peer, batch, now_ms, &matches->list[i], sighting);
        if (sighting->covert) continue;
        cooldown_touch(cooldown, sighting);
        memcpy(matches->list[i].hit, sighting->hit, sizeof(matches->list[i].hit));
        *wait = true;
    }
    return OK;
}

/* -- the answer -------------------------------------------------------------------------------------------------------------- */

/* One more read, of which MATCHED says whether any entry matched, SHOWN whether the lane is told. */
static void count_read(struct check_counts *counts, bool again, bool matched, bool shown)
{
    if (again && !shown) {
        counts->again++;
        counts->covert_again += matched;
        return;
    }
    counts->reads++;
    counts->hits += shown;
    counts->cleared += !shown;
    counts->covert += matched && !shown;
}

/* Covert ones are pressed out of MATCHES (the sightings have them); those of each read that stay are put in the order of alerts. */
static void fill_answer(struct check_answer *answer, const struct check_batch *batch, struct match *matches, size_t count)
{
    size_t from = 0, to = 0;

    for (size_t r = 0; r < batch->read_count; r++) {
        struct answer_read *read = &answer->reads[r];
        size_t first = to, before = from;

        memcpy(read->id_text, batch->reads[r].id_text, sizeof(read->id_text));
        for (; from < count && matches[from].read == r; from++)
            if (!matches[from].list->covert) matches[to++] = matches[from];
        if (to - first > 1) qsort(matches + first, to - first, sizeof(*matches), match_compare_alerts);
        read->alerts = matches + first;
        read->alert_count = to - first < LIMIT_ALERTS ? (uint16_t)(to - first) : LIMIT_ALERTS;
        count_read(&answer->counts, batch->reads[r].again, from > before, read->alert_count > 0);
    }
}

static struct result decide(struct matches *matches, struct cooldown *cooldown, const struct peer *peer, const struct check_batch *batch,
                            int64_t now_ms, struct sighting **sightings, bool *wait)
{
    uint8_t epochs[LIMIT_EPOCHS_OPEN];
    size_t jobs;

    if (matches->view == NULL || matches->view->open_count == 0) return FAIL(REASON_NO_LISTS);
    TRY(match_epochs(matches->catalogue, matches->view, batch, epochs));
    TRY(make_jobs(matches->catalogue, matches->view, batch, epochs, &jobs));
    if (!matches->view->any_list) return FAIL(REASON_NO_LISTS);
    TRY(look_up(batch->jobs, jobs, matches));
    return make_sightings(matches, cooldown, peer, batch, now_ms, sightings, wait);
}

struct result check_run(const struct catalogue *catalogue, struct cooldown *cooldown, const struct peer *peer, const struct check_batch *batch,
                        int64_t now_ms, struct check_answer **answer, struct sighting **sightings, size_t *count, bool *wait)
{
    struct matches matches = { .catalogue = catalogue, .view = policy_view(catalogue, peer->first), .peer = peer, .now_ms = now_ms,
                               .now_s = (uint32_t)(now_ms / 1000) };
    struct check_answer *made = calloc(1, sizeof(*made) + batch->read_count * sizeof(made->reads[0]));
    struct result result = FAIL(REASON_BUSY);

    *answer = NULL;
    *sightings = NULL;
    *count = 0;
    *wait = false;
    if (made != NULL) result = decide(&matches, cooldown, peer, batch, now_ms, sightings, wait);
    if (failed(result)) {
        matches_free(&matches);
        free(made);
        return result;
    }
    matches_count_silent(&matches);
    free(matches.silent);
    made->catalogue = catalogue;
    made->view = matches.view;
    made->now_ms = now_ms;
    made->matches = matches.list;
    made->read_count = batch->read_count;
    fill_answer(made, batch, matches.list, matches.count);
    *count = matches.count;
    *answer = made;
    return OK;
}

void check_answer_free(struct check_answer *answer)
{
    if (answer == NULL) return;
    free(answer->matches);
    free(answer);
}

void check_counts(const struct check_answer *answer, struct check_counts *counts)
{
    *counts = answer->counts;
}
