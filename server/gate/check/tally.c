#include "server/gate/check/tally.h"

#include <pthread.h>

#define LANES_MAX 4096 /* more lanes than that share the last row's fate: counted in the totals only */

struct lane_row {
    char name[LIMIT_IDENTITY_MAX + 1];
    struct check_counts counts;
    uint64_t calibration;
};

struct list_row {
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
    uint32_t number;
    uint64_t hits;
};

/* One lock: it is held for some tens of nanoseconds and the event-loop threads are no more than the cores. */
struct tally {
    pthread_mutex_t lock;
    struct check_counts total;
    uint64_t calibration; /* of the hits, those with which lanes tried themselves */
    uint64_t by_grade[PLATESIEVE_GRADES];
    size_t lane_count, list_count, list_room;
    struct lane_row *lanes; /* open addressing by hash of the name, 2 * LANES_MAX places */
    struct list_row *lists; /* by arrival; a list is added at its first hit */
};

struct tally *tally_create(void)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (tally == NULL) return NULL;
    tally->lanes = calloc(2 * LANES_MAX, sizeof *tally->lanes);
    if (tally->lanes == NULL || pthread_mutex_init(&tally->lock, NULL) != 0) {
        free(tally->lanes);
        free(tally);
        return NULL;
    }
    return tally;
}

void tally_destroy(struct tally *tally)
{
    if (tally == NULL) return;
    (void)pthread_mutex_destroy(&tally->lock);
    free(tally->lanes);
    free(tally->lists);
    free(tally);
}

static struct lane_row *lane_find(struct tally *tally, const char *name)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (const char *c = name; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t i = 0;; i++) {
        struct lane_row *row = &tally->lanes[(hash + i) % (2 * LANES_MAX)];
        if (strcmp(row->name, name) == 0) return row;
        if (row->name[0] != '\0') continue;
        if (tally->lane_count == LANES_MAX) return NULL;
        tally->lane_count++;
        (void)snprintf(row->name, sizeof row->name, "%s", name);
        return row;
    }
}

static struct list_row *list_find(struct tally *tally, const struct catalogue *catalogue, uint32_t number)
{
    for (size_t i = 0; i < tally->list_count; i++)
        if (tally->lists[i].number == number) return &tally->lists[i];
    for (size_t i = 0; i < catalogue->list_count; i++) {
        const struct catalogue_list *list = &catalogue->lists[i];
        if (list->number != number) continue;
        if (tally->list_count == tally->list_room) {
            size_t room = tally->list_room == 0 ? 16 : 2 * tally->list_room;
            struct list_row *rows = realloc(tally->lists, room * sizeof *rows);
            if (rows == NULL) return NULL;
            tally->lists = rows;
            tally->list_room = room;
        }
        struct list_row *row = &tally->lists[tally->list_count++];
        *row = (struct list_row){ .number = number };
        (void)snprintf(row->agency, sizeof row->agency, "%s", list->agency);
        (void)snprintf(row->list, sizeof row->list, "%s", list->id);
        return row;
    }
    return NULL;
}

/* The sightings of one read: its strongest grade, and each list once.  True when all are of calibration lists: the lane had made it up itself. */
static bool add_read(struct tally *tally, const struct catalogue *catalogue, const struct sighting *sightings, size_t count)
{
    uint8_t strongest = PLATESIEVE_NEAR;
    bool calibration = true;

    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        calibration = calibration && sightings[i].calibration;
        if (sightings[i].grade < strongest) strongest = sightings[i].grade;
        for (size_t j = 0; j < i && !seen; j++) seen = sightings[j].list == sightings[i].list;
        struct list_row *row = seen ? NULL : list_find(tally, catalogue, sightings[i].list);
        if (row != NULL) row->hits++;
    }
    tally->by_grade[strongest]++;
    return calibration;
}

static void counts_add(struct check_counts *sum, const struct check_counts *counts)
{
    sum->reads += counts->reads;
    sum->cleared += counts->cleared;
    sum->hits += counts->hits;
    sum->again += counts->again;
    sum->covert += counts->covert;
    sum->covert_again += counts->covert_again;
}

void tally_add(struct tally *tally, const struct catalogue *catalogue, const struct peer *peer, const struct check_counts *counts,
               const struct sighting *sightings, size_t count)
{
    (void)pthread_mutex_lock(&tally->lock);
    counts_add(&tally->total, counts);
    struct lane_row *lane = lane_find(tally, peer->name);
    if (lane != NULL) counts_add(&lane->counts, counts);
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && sightings[next].read == sightings[i].read; next++) continue;
        if (!add_read(tally, catalogue, &sightings[i], next - i)) continue;
        tally->calibration++;
        if (lane != NULL) lane->calibration++;
    }
    (void)pthread_mutex_unlock(&tally->lock);
}

/* A later look that hit covertly is a read and a hit, like one that hit openly; to who may not know it, it is like one that was clear. */
static json_t *counts_json(const struct check_counts *counts, uint64_t calibration, bool covert)
{
    uint64_t cleared = covert ? counts->covert : 0, again = covert ? counts->covert_again : 0;

    return json_pack("{sI sI sI sI sI}", "reads", (json_int_t)(counts->reads + again), "cleared", (json_int_t)(counts->cleared - cleared), "hits",
                     (json_int_t)(counts->hits + cleared + again), "again", (json_int_t)(counts->again - again), "calibration",
                     (json_int_t)calibration);
}

static json_t *lanes_json(const struct tally *tally, bool covert)
{
    json_t *lanes = json_array();
    for (size_t i = 0; i < 2 * LANES_MAX; i++) {
        if (tally->lanes[i].name[0] == '\0') continue;
        json_t *lane = counts_json(&tally->lanes[i].counts, tally->lanes[i].calibration, covert);
        (void)json_object_set_new(lane, "lane", json_string(tally->lanes[i].name));
        (void)json_array_append_new(lanes, lane);
    }
    return lanes;
}

static void add_covert(const struct tally *tally, json_t *json)
{
    json_t *grades = json_object(), *lists = json_object();
    char name[2 * LIMIT_NAME_MAX + 2];

    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++)
        (void)json_object_set_new(grades, platesieve_grade_name(grade), json_integer((json_int_t)tally->by_grade[grade]));
    for (size_t i = 0; i < tally->list_count; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", tally->lists[i].agency, tally->lists[i].list);
        (void)json_object_set_new(lists, name, json_integer((json_int_t)tally->lists[i].hits));
    }
    (void)json_object_set_new(json, "covert", json_integer((json_int_t)(tally->total.covert + tally->total.covert_again)));
    (void)json_object_set_new(json, "hits_by_grade", grades);
    (void)json_object_set_new(json, "hits_by_list", lists);
}

json_t *tally_json(struct tally *tally, bool covert)
{
    (void)pthread_mutex_lock(&tally->lock);
    json_t *json = counts_json(&tally->total, tally->calibration, covert);
    (void)json_object_set_new(json, "lanes", lanes_json(tally, covert));
    if (covert) add_covert(tally, json);
    (void)pthread_mutex_unlock(&tally->lock);
    return json;
}
