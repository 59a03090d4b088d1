#include "server/gate/check/tally.h"

#include <pthread.h>

#include "server/gate/check/recall.h"

#define LANES_MAX 4096 /* more lanes than that share one row, which is not shown: they are counted in the totals only */

enum view { OPEN, TRUTH, VIEWS };

struct counts {
    uint64_t reads, cleared, hits, again, matches, calibration;
};

struct lane_row {
    char name[LIMIT_IDENTITY_MAX + 1];
    struct counts views[VIEWS];
};

struct list_row {
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
    uint32_t number;
    uint64_t hits, matches;
};

/* `lock` is that of all checks: it is held for some tens of nanoseconds and the event-loop threads are no more than the cores.  `match_lock`, which is taken first, is for
   requests that matched. */
struct tally {
    pthread_mutex_t lock, match_lock;
    struct counts total[VIEWS];
    size_t lane_count;
    struct lane_row *lanes; /* open addressing by hash of the name, 2 * LANES_MAX places */
    struct lane_row others;

    struct recall *recall;
    uint64_t hits_by_grade[PLATESIEVE_GRADES], matches_by_grade[PLATESIEVE_GRADES];
    size_t list_count, list_room;
    struct list_row *lists; /* by arrival; a list is added at its first match */
};

struct tally *tally_create(void)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (tally == NULL) return NULL;
    tally->lanes = calloc(2 * LANES_MAX, sizeof *tally->lanes);
    tally->recall = recall_create();
    if (tally->lanes == NULL || tally->recall == NULL || pthread_mutex_init(&tally->lock, NULL) != 0) {
        recall_destroy(tally->recall);
        free(tally->lanes);
        free(tally);
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
    recall_destroy(tally->recall);
    free(tally->lanes);
    free(tally->lists);
    free(tally);
}

/* -- rows ----------------------------------------------------------------------------------------------------------------------------------------- */

/* Under the lock; a row stays where it is. */
static struct lane_row *lane_find(struct tally *tally, const char *name)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (const char *c = name; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t i = 0;; i++) {
        struct lane_row *row = &tally->lanes[(hash + i) % (2 * LANES_MAX)];
        if (strcmp(row->name, name) == 0) return row;
        if (row->name[0] != '\0') continue;
        if (tally->lane_count == LANES_MAX) return &tally->others;
        tally->lane_count++;
        (void)snprintf(row->name, sizeof row->name, "%s", name);
        return row;
    }
}

static struct list_row *list_find(struct tally *tally, uint32_t number)
{
    for (size_t i = 0; i < tally->list_count; i++)
        if (tally->lists[i].number == number) return &tally->lists[i];
    return NULL;
}

static void list_add(struct tally *tally, const struct catalogue *catalogue, uint32_t number)
{
    for (size_t i = 0; i < catalogue->list_count; i++) {
        const struct catalogue_list *list = &catalogue->lists[i];
        if (list->number != number) continue;
        if (tally->list_count == tally->list_room) {
            size_t room = tally->list_room == 0 ? 16 : 2 * tally->list_room;
            struct list_row *rows = realloc(tally->lists, room * sizeof *rows);
            if (rows == NULL) return;
            tally->lists = rows;
            tally->list_room = room;
        }
        struct list_row *row = &tally->lists[tally->list_count++];
        *row = (struct list_row){ .number = number };
        (void)snprintf(row->agency, sizeof row->agency, "%s", list->agency);
        (void)snprintf(row->list, sizeof row->list, "%s", list->id);
        return;
    }
}

void tally_name_lists(struct tally *tally, const struct catalogue *catalogue, const struct sighting *sightings, size_t count)
{
    (void)pthread_mutex_lock(&tally->match_lock);
    for (size_t i = 0; i < count; i++)
        if (list_find(tally, sightings[i].list) == NULL) list_add(tally, catalogue, sightings[i].list);
    (void)pthread_mutex_unlock(&tally->match_lock);
}

/* -- looks that are clear ------------------------------------------------------------------------------------------------------------------------- */

static void add_clear(struct counts *counts, uint64_t cleared, uint64_t again)
{
    counts->reads += cleared;
    counts->cleared += cleared;
    counts->again += again;
}

static void add_clear_both(struct tally *tally, struct lane_row *row, enum view view, uint64_t cleared, uint64_t again)
{
    add_clear(&tally->total[view], cleared, again);
    add_clear(&row->views[view], cleared, again);
}

void tally_clear(struct tally *tally, const char *lane, const struct check_counts *counts)
{
    (void)pthread_mutex_lock(&tally->lock);
    struct lane_row *row = lane_find(tally, lane);
    add_clear_both(tally, row, OPEN, counts->cleared, counts->again);
    add_clear_both(tally, row, TRUTH, counts->cleared - counts->covert, counts->again - counts->covert_again);
    (void)pthread_mutex_unlock(&tally->lock);
}

/* -- looks that matched --------------------------------------------------------------------------------------------------------------------------- */

struct look {
    struct lane_row *row;
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
static enum effect effect_of(const struct look *look, const struct recall_record *read)
{
    if (read->counted) return read->owed && !look->again ? IS_OWED : SAME;
    return look->again && look->row->views[look->view].cleared > 0 ? BECOMES_HIT : BEGINS_HIT;
}

static void add_look(struct counts *counts, enum effect effect, bool calibration)
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
    const enum effect effect = effect_of(look, read);
    add_look(&tally->total[look->view], effect, look->calibration);
    add_look(&look->row->views[look->view], effect, look->calibration);
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
static void add_match(struct tally *tally, struct lane_row *row, const struct sighting *sighting, uint8_t grade, int change)
{
    struct list_row *list = list_find(tally, sighting->list);

    if (list != NULL) list->matches += (uint64_t)change;
    tally->matches_by_grade[grade] += (uint64_t)change;
    (void)pthread_mutex_lock(&tally->lock);
    for (enum view view = sighting->covert ? TRUTH : OPEN; view < VIEWS; view++) {
        tally->total[view].matches += (uint64_t)change;
        row->views[view].matches += (uint64_t)change;
    }
    (void)pthread_mutex_unlock(&tally->lock);
}

static void count_match(struct tally *tally, struct lane_row *row, const struct sighting *sighting)
{
    struct list_row *list = list_find(tally, sighting->list);

    if (list != NULL && recall_first(tally->recall, RECALLED_LIST, sighting)) list->hits++;
    if (recall_first(tally->recall, RECALLED_MATCH, sighting)) add_match(tally, row, sighting, sighting->grade, 1);
}

/* The matches of one look; those that are not covert count as one of their own to whom these do not exist. */
static void count_read(struct tally *tally, struct lane_row *row, const struct sighting *sightings, size_t count, struct tally_hits *hits)
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

static struct lane_row *row_of(struct tally *tally, const char *lane)
{
    (void)pthread_mutex_lock(&tally->lock);
    struct lane_row *row = lane_find(tally, lane);
    (void)pthread_mutex_unlock(&tally->lock);
    return row;
}

struct tally_hits tally_matched(struct tally *tally, const char *lane, const struct sighting *sightings, size_t count)
{
    struct tally_hits hits = { 0 };

    (void)pthread_mutex_lock(&tally->match_lock);
    struct lane_row *row = row_of(tally, lane);
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
    struct lane_row *row = lane_find(tally, lane);
    for (size_t i = 0; i < count; i = look_end(sightings, count, i))
        add_clear_both(tally, row, TRUTH, !sightings[i].again, sightings[i].again);
    (void)pthread_mutex_unlock(&tally->lock);
}

/* -- what became of it in the database ------------------------------------------------------------------------------------------------------------ */

/* Takes back what a read was counted for, which was counted elsewhere: its looks stay. */
static void take_back_hit(struct counts *counts, const struct recall_record *read)
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

static void settle_read(struct tally *tally, struct lane_row *row, enum view view, uint64_t id, enum sighting_stored stored)
{
    struct recall_record *read = recall_of_read(tally->recall, view == OPEN ? RECALLED_OPEN_READ : RECALLED_READ, id, 0);

    if (!settle(read, stored)) return;
    if (view == TRUTH) tally->hits_by_grade[read->grade]--;
    (void)pthread_mutex_lock(&tally->lock);
    take_back_hit(&tally->total[view], read);
    take_back_hit(&row->views[view], read);
    (void)pthread_mutex_unlock(&tally->lock);
    read->owed = false;
}

static void settle_match(struct tally *tally, const struct sighting *sighting, enum sighting_stored stored)
{
    struct recall_record *match = recall_match(tally->recall, sighting);
    struct list_row *list = list_find(tally, sighting->list);
    char name[LIMIT_IDENTITY_MAX + 1];

    if (match == NULL || match->settled || stored == STORED_NOT) return;
    (void)snprintf(name, sizeof name, "reader/%s/%s", sighting->site, sighting->lane);
    struct lane_row *row = row_of(tally, name);
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

/* -- as JSON -------------------------------------------------------------------------------------------------------------------------------------- */

static json_t *counts_json(const struct counts *counts)
{
    return json_pack("{sI sI sI sI sI sI}", "reads", (json_int_t)counts->reads, "cleared", (json_int_t)counts->cleared, "hits", (json_int_t)counts->hits,
                     "again", (json_int_t)counts->again, "matches", (json_int_t)counts->matches, "calibration", (json_int_t)counts->calibration);
}

static json_t *lanes_json(const struct tally *tally, enum view view)
{
    json_t *lanes = json_array();
    for (size_t i = 0; i < 2 * LANES_MAX; i++) {
        if (tally->lanes[i].name[0] == '\0') continue;
        json_t *lane = counts_json(&tally->lanes[i].views[view]);
        (void)json_object_set_new(lane, "lane", json_string(tally->lanes[i].name));
        (void)json_array_append_new(lanes, lane);
    }
    return lanes;
}

static json_t *grades_json(const uint64_t counts[PLATESIEVE_GRADES])
{
    json_t *grades = json_object();
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++)
        (void)json_object_set_new(grades, platesieve_grade_name(grade), json_integer((json_int_t)counts[grade]));
    return grades;
}

static void add_truth(const struct tally *tally, json_t *json)
{
    json_t *hits = json_object(), *matches = json_object();
    char name[2 * LIMIT_NAME_MAX + 2];

    for (size_t i = 0; i < tally->list_count; i++) {
        const struct list_row *list = &tally->lists[i];
        if (list->matches == 0) continue;
        (void)snprintf(name, sizeof name, "%s/%s", list->agency, list->list);
        (void)json_object_set_new(hits, name, json_integer((json_int_t)list->hits));
        (void)json_object_set_new(matches, name, json_integer((json_int_t)list->matches));
    }
    (void)json_object_set_new(json, "covert", json_integer((json_int_t)(tally->total[TRUTH].hits - tally->total[OPEN].hits)));
    (void)json_object_set_new(json, "hits_by_grade", grades_json(tally->hits_by_grade));
    (void)json_object_set_new(json, "hits_by_list", hits);
    (void)json_object_set_new(json, "matches_by_grade", grades_json(tally->matches_by_grade));
    (void)json_object_set_new(json, "matches_by_list", matches);
}

json_t *tally_json(struct tally *tally, bool truth)
{
    const enum view view = truth ? TRUTH : OPEN;

    (void)pthread_mutex_lock(&tally->match_lock);
    (void)pthread_mutex_lock(&tally->lock);
    json_t *json = counts_json(&tally->total[view]);
    (void)json_object_set_new(json, "lanes", lanes_json(tally, view));
    if (truth) add_truth(tally, json);
    (void)pthread_mutex_unlock(&tally->lock);
    (void)pthread_mutex_unlock(&tally->match_lock);
    return json;
}
