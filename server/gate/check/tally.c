#include "server/gate/check/tally.h"

#include <pthread.h>

#include "server/gate/check/recall.h"
#include "server/gate/check/tally_view.h"

enum view { OPEN, TRUTH, VIEWS };

#define OTHERS TALLY_LANES_MAX /* row of the lanes that have none of their own */

/* `lock` is that of all checks: it is held for some tens of nanoseconds, by who looks at all of it for the time of copying counts, and the event-loop threads are no
   more than the cores.  `match_lock`, which is taken first, is for what became of requests that matched: no answer that says `clear` waits for it, or one
   that hides a covert hit could be told from one that doesn't. */
struct tally {
    pthread_mutex_t lock, match_lock;
    struct tally_counts total[VIEWS];
    uint32_t lane_count;
    uint32_t *places;                  /* open addressing by hash of the name, 2 * TALLY_LANES_MAX places: row + 1; 0: free */
    struct tally_lane *lanes;          /* by arrival */
    struct tally_counts *counts[VIEWS]; /* of each row, and of OTHERS */

    struct recall *recall;
    uint64_t hits_by_grade[PLATESIEVE_GRADES], matches_by_grade[PLATESIEVE_GRADES];
    size_t list_count, list_room;
    struct tally_list *lists; /* by arrival; a list is added at its first match */
};

static bool allocate(struct tally *tally)
{
    tally->places = calloc(2 * TALLY_LANES_MAX, sizeof *tally->places);
    tally->lanes = calloc(TALLY_LANES_MAX, sizeof *tally->lanes);
    for (enum view view = 0; view < VIEWS; view++) tally->counts[view] = calloc(OTHERS + 1, sizeof *tally->counts[view]);
    tally->recall = recall_create();
    return tally->places != NULL && tally->lanes != NULL && tally->counts[OPEN] != NULL && tally->counts[TRUTH] != NULL && tally->recall != NULL;
}

static void release(struct tally *tally)
{
    recall_destroy(tally->recall);
    for (enum view view = 0; view < VIEWS; view++) free(tally->counts[view]);
    free(tally->lanes);
    free(tally->places);
    free(tally->lists);
    free(tally);
}

struct tally *tally_create(void)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (tally == NULL) return NULL;
    if (!allocate(tally) || pthread_mutex_init(&tally->lock, NULL) != 0) {
        release(tally);
        return NULL;
    }
    (void)pthread_mutex_init(&tally->match_lock, NULL); /* as the one before: glibc's do not fail */
    return tally;
}

void tally_destroy(struct tally *tally)
{
    if (tally == NULL) return;
    (void)pthread_mutex_destroy(&tally->match_lock);
    (void)pthread_mutex_destroy(&tally->lock);
    release(tally);
}

/* -- rows ----------------------------------------------------------------------------------------------------------------------------------------- */

/* Under the lock; a lane keeps its row. */
static uint32_t lane_find(struct tally *tally, const char *name)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (const char *c = name; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t i = 0;; i++) {
        uint32_t *place = &tally->places[(hash + i) % (2 * TALLY_LANES_MAX)];
        if (*place != 0 && strcmp(tally->lanes[*place - 1].name, name) == 0) return *place - 1;
        if (*place != 0) continue;
        if (tally->lane_count == TALLY_LANES_MAX) return OTHERS;
        (void)snprintf(tally->lanes[tally->lane_count].name, sizeof tally->lanes->name, "%s", name);
        *place = ++tally->lane_count;
        return *place - 1;
    }
}

static struct tally_list *list_find(struct tally *tally, uint32_t number)
{
    for (size_t i = 0; i < tally->list_count; i++)
        if (tally->lists[i].name.number == number) return &tally->lists[i];
    return NULL;
}

static void list_add(struct tally *tally, const struct tally_name *name)
{
    if (tally->list_count == tally->list_room) {
        size_t room = tally->list_room == 0 ? 16 : 2 * tally->list_room;
        struct tally_list *rows = realloc(tally->lists, room * sizeof *rows);
        if (rows == NULL) return;
        tally->lists = rows;
        tally->list_room = room;
    }
    tally->lists[tally->list_count++] = (struct tally_list){ .name = *name };
}

/* -- looks that are clear ------------------------------------------------------------------------------------------------------------------------- */

static void add_clear(struct tally_counts *counts, uint64_t cleared, uint64_t again)
{
    counts->reads += cleared;
    counts->cleared += cleared;
    counts->again += again;
}

static void add_clear_both(struct tally *tally, uint32_t row, enum view view, uint64_t cleared, uint64_t again)
{
    add_clear(&tally->total[view], cleared, again);
    add_clear(&tally->counts[view][row], cleared, again);
}

void tally_clear(struct tally *tally, const char *lane, const struct check_counts *counts)
{
    (void)pthread_mutex_lock(&tally->lock);
    uint32_t row = lane_find(tally, lane);
    add_clear_both(tally, row, OPEN, counts->cleared, counts->again);
    add_clear_both(tally, row, TRUTH, counts->cleared - counts->covert, counts->again - counts->covert_again);
    (void)pthread_mutex_unlock(&tally->lock);
}

/* -- looks that matched --------------------------------------------------------------------------------------------------------------------------- */

struct look {
    uint32_t row;
    enum view view;
    bool again, calibration; /* calibration: all that it matched is of calibration lists: the lane had made it up itself */
};

/* How a look counts. */
enum effect {
    BEGINS_HIT,  /* a read that hits */
    BECOMES_HIT, /* one that was counted as cleared, and hits now */
    SAME,        /* one that was counted as a hit */
    IS_OWED,     /* the first look at a read of which a later one was counted before: takes the place of the one that was taken for it */
};

/* A read's first look was clear when a later one is the first that is known to hit.  Where none of the lane's was counted as cleared, it was not counted here. */
static enum effect effect_of(const struct tally *tally, const struct look *look, const struct recall_record *read)
{
    if (read->counted) return read->owed && !look->again ? IS_OWED : SAME;
    return look->again && tally->counts[look->view][look->row].cleared > 0 ? BECOMES_HIT : BEGINS_HIT;
}

static void add_look(struct tally_counts *counts, enum effect effect, bool calibration)
{
    switch (effect) {
    case BEGINS_HIT: counts->reads++; break;
    case BECOMES_HIT: counts->cleared--, counts->again++; break;
    case SAME: counts->again++; return;
    case IS_OWED: counts->reads++, counts->cleared++; return;
    }
    counts->hits++;
    counts->calibration += calibration;
}

static enum effect count_look(struct tally *tally, const struct look *look, struct recall_record *read)
{
    (void)pthread_mutex_lock(&tally->lock);
    const enum effect effect = effect_of(tally, look, read);
    add_look(&tally->total[look->view], effect, look->calibration);
    add_look(&tally->counts[look->view][look->row], effect, look->calibration);
    (void)pthread_mutex_unlock(&tally->lock);
    if (!read->counted) read->calibration = look->calibration;
    read->counted = true;
    read->owed = effect == BECOMES_HIT || (effect == SAME && read->owed);
    return effect;
}

/* True the first time. */
static bool recall_first(struct recall *recall, enum recalled kind, const struct sighting *sighting)
{
    struct recall_record *record = recall_find(recall, kind, sighting);
    const bool first = !record->counted;

    if (first) record->grade = sighting->grade;
    record->counted = true;
    return first;
}

/* CHANGE matches more (or fewer) of the lane and the list of SIGHTING, counted at GRADE. */
static void add_match(struct tally *tally, uint32_t row, const struct sighting *sighting, uint8_t grade, int change)
{
    struct tally_list *list = list_find(tally, sighting->list);

    if (list != NULL) list->matches += (uint64_t)change;
    tally->matches_by_grade[grade] += (uint64_t)change;
    (void)pthread_mutex_lock(&tally->lock);
    for (enum view view = sighting->covert ? TRUTH : OPEN; view < VIEWS; view++) {
        tally->total[view].matches += (uint64_t)change;
        tally->counts[view][row].matches += (uint64_t)change;
    }
    (void)pthread_mutex_unlock(&tally->lock);
}

static void count_match(struct tally *tally, uint32_t row, const struct sighting *sighting)
{
    struct tally_list *list = list_find(tally, sighting->list);

    if (list != NULL && recall_first(tally->recall, RECALLED_LIST, sighting)) list->hits++;
    if (recall_first(tally->recall, RECALLED_MATCH, sighting)) add_match(tally, row, sighting, sighting->grade, 1);
}

/* The matches of one look; those that are not covert count as one of their own to whom these do not exist. */
static void count_read(struct tally *tally, uint32_t row, const struct sighting *sightings, size_t count, struct tally_hits *hits)
{
    struct look truth = { row, TRUTH, sightings->again, true }, open = { row, OPEN, sightings->again, true };
    const struct sighting *an_open = NULL;
    uint8_t strongest = PLATESIEVE_NEAR;

    for (size_t i = 0; i < count; i++) {
        const struct sighting *sighting = &sightings[i];
        count_match(tally, row, sighting);
        if (sighting->grade < strongest) strongest = sighting->grade;
        truth.calibration = truth.calibration && sighting->calibration;
        if (sighting->covert) continue;
        open.calibration = open.calibration && sighting->calibration;
        an_open = sighting;
    }
    struct recall_record *read = recall_find(tally->recall, RECALLED_READ, sightings);
    const enum effect effect = count_look(tally, &truth, read);
    if (effect == BEGINS_HIT || effect == BECOMES_HIT) tally->hits_by_grade[read->grade = strongest]++;
    if (an_open == NULL) return; /* the lane was told `clear`, and that is counted */
    switch (count_look(tally, &open, recall_find(tally->recall, RECALLED_OPEN_READ, an_open))) {
    case BEGINS_HIT: hits->reads++; break;
    case BECOMES_HIT: hits->later++, hits->again++; break;
    case SAME: hits->again++; break;
    case IS_OWED: hits->cleared++; break;
    }
}

/* Where the matches of the look that begins at I end. */
static size_t look_end(const struct sighting *sightings, size_t count, size_t i)
{
    const uint16_t read = sightings[i].read;
    while (i < count && sightings[i].read == read) i++;
    return i;
}

static uint32_t row_of(struct tally *tally, const char *lane)
{
    (void)pthread_mutex_lock(&tally->lock);
    uint32_t row = lane_find(tally, lane);
    (void)pthread_mutex_unlock(&tally->lock);
    return row;
}

struct tally_hits tally_matched(struct tally *tally, const char *lane, const struct tally_names *names, const struct sighting *sightings, size_t count)
{
    struct tally_hits hits = { 0 };

    (void)pthread_mutex_lock(&tally->match_lock);
    for (size_t i = 0; names != NULL && i < names->count; i++)
        if (list_find(tally, names->each[i].number) == NULL) list_add(tally, &names->each[i]);
    uint32_t row = row_of(tally, lane);
    for (size_t i = 0, next; i < count; i = next) {
        next = look_end(sightings, count, i);
        count_read(tally, row, &sightings[i], next - i, &hits);
    }
    (void)pthread_mutex_unlock(&tally->match_lock);
    return hits;
}

void tally_lost(struct tally *tally, const char *lane, const struct sighting *sightings, size_t count)
{
    (void)pthread_mutex_lock(&tally->lock);
    uint32_t row = lane_find(tally, lane);
    for (size_t i = 0; i < count; i = look_end(sightings, count, i))
        add_clear_both(tally, row, TRUTH, !sightings[i].again, sightings[i].again);
    (void)pthread_mutex_unlock(&tally->lock);
}

/* -- what became of it in the database ------------------------------------------------------------------------------------------------------------ */

/* Takes back what a read was counted for, which was counted elsewhere: its looks stay. */
static void take_back_hit(struct tally_counts *counts, const struct recall_record *read)
{
    counts->hits--;
    counts->calibration -= read->calibration;
    if (read->owed) counts->cleared++;
    else counts->reads--, counts->again++;
}

/* RECORD was counted here and must be taken back; once for each record. */
static bool settle(struct recall_record *record, enum sighting_stored stored)
{
    const bool back = record != NULL && record->counted && !record->settled && stored == STORED_BEFORE;

    if (record != NULL) record->settled = true;
    return back;
}

static void settle_read(struct tally *tally, uint32_t row, enum view view, uint64_t id, enum sighting_stored stored)
{
    struct recall_record *read = recall_of_read(tally->recall, view == OPEN ? RECALLED_OPEN_READ : RECALLED_READ, id, 0);

    if (!settle(read, stored)) return;
    if (view == TRUTH) tally->hits_by_grade[read->grade]--;
    (void)pthread_mutex_lock(&tally->lock);
    take_back_hit(&tally->total[view], read);
    take_back_hit(&tally->counts[view][row], read);
    (void)pthread_mutex_unlock(&tally->lock);
    read->owed = false;
}

static void settle_match(struct tally *tally, const struct sighting *sighting, enum sighting_stored stored)
{
    struct recall_record *match = recall_match(tally->recall, sighting);
    struct tally_list *list = list_find(tally, sighting->list);
    char name[LIMIT_IDENTITY_MAX + 1];

    if (match == NULL || match->settled || stored == STORED_NOT) return;
    (void)snprintf(name, sizeof name, "reader/%s/%s", sighting->site, sighting->lane);
    uint32_t row = row_of(tally, name);
    if (settle(match, stored)) add_match(tally, row, sighting, match->grade, -1);
    if (settle(recall_of_read(tally->recall, RECALLED_LIST, match->read, sighting->list), stored) && list != NULL) list->hits--;
    settle_read(tally, row, TRUTH, match->read, stored);
    if (!sighting->covert) settle_read(tally, row, OPEN, match->read, stored);
}

void tally_stored(struct tally *tally, const struct sighting *sightings, const enum sighting_stored *stored, size_t count)
{
    (void)pthread_mutex_lock(&tally->match_lock);
    for (size_t i = 0; i < count; i++) settle_match(tally, &sightings[i], stored[i]);
    (void)pthread_mutex_unlock(&tally->match_lock);
}

/* -- looking at it -------------------------------------------------------------------------------------------------------------------------------- */

/* Under match_lock. */
static bool copy_truth(const struct tally *tally, struct tally_view *view)
{
    if (tally->list_count > 0 && (view->lists = malloc(tally->list_count * sizeof *view->lists)) == NULL) return false;
    view->list_count = tally->list_count;
    if (view->list_count > 0) memcpy(view->lists, tally->lists, view->list_count * sizeof *view->lists);
    memcpy(view->hits_by_grade, tally->hits_by_grade, sizeof view->hits_by_grade);
    memcpy(view->matches_by_grade, tally->matches_by_grade, sizeof view->matches_by_grade);
    return true;
}

bool tally_view(struct tally *tally, bool truth, struct tally_view *view)
{
    const enum view which = truth ? TRUTH : OPEN;
    const size_t room = TALLY_LANES_MAX * sizeof *view->lanes;

    *view = (struct tally_view){ .lane_names = tally->lanes, .lanes = malloc(room) };
    if (view->lanes == NULL) return false;
    memset(view->lanes, 0, room); /* its pages are there before anyone waits for them */
    (void)pthread_mutex_lock(&tally->match_lock);
    const bool copied = !truth || copy_truth(tally, view);
    (void)pthread_mutex_lock(&tally->lock);
    view->total = tally->total[which];
    view->covert = tally->total[TRUTH].hits - tally->total[OPEN].hits;
    view->lane_count = tally->lane_count;
    memcpy(view->lanes, tally->counts[which], view->lane_count * sizeof *view->lanes);
    (void)pthread_mutex_unlock(&tally->lock);
    (void)pthread_mutex_unlock(&tally->match_lock);
    return copied;
}

void tally_view_free(struct tally_view *view)
{
    free(view->lists);
    free(view->lanes);
}
