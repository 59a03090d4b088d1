/* Which records of the index count for a read: see match.h. */
#include "server/gate/check/match.h"

/* Negative: the grade and candidate of A are better than those of B. */
static int compare_strength(uint8_t grade_a, uint8_t candidate_a, uint8_t grade_b, uint8_t candidate_b)
{
    return grade_a != grade_b ? grade_a - grade_b : candidate_a - candidate_b;
}

/* The list for which RECORD counts in this epoch at this site now, or NULL. */
static const struct catalogue_list *counts_for(const struct matches *matches, const struct index_match *record)
{
    const struct catalogue *catalogue = matches->catalogue;
    const struct catalogue_list *list;
    uint32_t position;

    if (!catalogue_segment_visible(catalogue, record->segment)) return NULL;
    position = catalogue->segments[record->segment - 1].list;
    if (position >= catalogue->list_count || !matches->view->in_force[position]) return NULL;
    list = &catalogue->lists[position];
    if (catalogue_list_coverage(list, matches->job->epoch) == COVERAGE_NONE || record->grade > list->grade) return NULL;
    if (record->grade != matches->job->grade) return NULL; /* handed in as another grade than it is listed at: no grade slips in unwanted */
    if (!catalogue_entry_live(catalogue, entries_get(catalogue->entries, record->entry), matches->now_s)) return NULL;
    return list;
}

/* Notes a match that is kept silent, unless it is noted already for this read. */
static bool add_silent(struct matches *matches, struct suppressed *suppressed)
{
    for (size_t i = matches->silent_count; i > 0 && matches->silent[i - 1].read == matches->job->read; i--)
        if (matches->silent[i - 1].suppressed == suppressed) return true;
    if (matches->silent_count == LIMIT_CHECK_SIGHTINGS) return false;
    if (matches->silent_count == matches->silent_room) {
        size_t room = matches->silent_room == 0 ? 16 : matches->silent_room * 2;
        struct silent_match *longer = realloc(matches->silent, room * sizeof(*longer));

        if (longer == NULL) return false;
        matches->silent = longer;
        matches->silent_room = room;
    }
    matches->silent[matches->silent_count++] = (struct silent_match){ suppressed, matches->job->read };
    return true;
}

void matches_count_silent(const struct matches *matches)
{
    for (size_t i = 0; i < matches->silent_count; i++) suppressed_count(matches->silent[i].suppressed);
}

void matches_free(struct matches *matches)
{
    free(matches->list);
    free(matches->silent);
}

/* Where the match of ENTRY belongs: the one it has, a free place, or the place of the list's weakest when it has its share.  NULL:
   nowhere. */
static struct match *place_for(struct matches *matches, const struct catalogue_list *list, uint32_t entry)
{
    struct match *weakest = NULL;
    size_t of_list = 0;

    for (size_t i = matches->read_start; i < matches->count; i++) {
        struct match *match = &matches->list[i];

        if (match->list != list) continue;
        if (match->entry == entry) return match;
        of_list++;
        if (weakest == NULL || compare_strength(match->grade, match->candidate, weakest->grade, weakest->candidate) > 0) weakest = match;
    }
    if (of_list == LIMIT_MATCHES_PER_LIST) return weakest;
    if (matches->count == LIMIT_CHECK_SIGHTINGS) return NULL;
    if (matches->count == matches->room) {
        size_t room = matches->room == 0 ? 16 : matches->room * 2;
        struct match *longer = realloc(matches->list, room * sizeof(*longer));

        if (longer == NULL) return NULL;
        matches->list = longer;
        matches->room = room;
    }
    matches->list[matches->count] = (struct match){ .entry = UINT32_MAX };
    return &matches->list[matches->count++];
}

bool matches_add(void *context, const struct index_match *record)
{
    struct matches *matches = context;
    const struct check_job *job = matches->job;
    const struct catalogue_list *list = counts_for(matches, record);
    struct match *match;

    if (list == NULL) return true;
    struct suppressed *suppressed = suppressions_find(matches->catalogue->suppressions, list->number,
                                                      entries_get(matches->catalogue->entries, record->entry)->key, matches->peer->first,
                                                      matches->peer->second, matches->now_ms);
    if (suppressed != NULL) {
        if (add_silent(matches, suppressed)) return true;
        matches->reason = REASON_BUSY;
        return false;
    }
    match = place_for(matches, list, record->entry);
    if (match == NULL) {
        matches->reason = REASON_BUSY;
        return false;
    }
    if (match->entry != UINT32_MAX && compare_strength(record->grade, job->candidate, match->grade, match->candidate) >= 0) return true;
    *match = (struct match){ .list = list, .entry = record->entry, .read = job->read, .candidate = job->candidate, .grade = record->grade,
                             .epoch = job->epoch };
    memcpy(match->tag, record->tag, sizeof(match->tag));
    return true;
}

int match_compare_alerts(const void *a, const void *b)
{
    const struct match *x = a, *y = b;

    if (x->grade != y->grade) return x->grade - y->grade;
    if (x->list->priority != y->list->priority) return y->list->priority - x->list->priority;
    if (x->candidate != y->candidate) return x->candidate - y->candidate;
    if (x->list != y->list) return x->list < y->list ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}
