#include "client/lane/waiting.h"

#include <pthread.h>
#include <sodium.h>

#include "client/client.h"
#include "client/lane/handed.h"
#include "client/lane/places.h"
#include "client/moment.h"
#include "client/picture/images.h"
#include "include/monotonic.h"

#define SHARE 1000000 /* parts of a whole, for chance */

/* In the order in which they go. */
enum { FRESH, OLD, LATE, OLD_LATE, LINES };

struct waiting {
    struct waiting_rules rules;
    waiting_dropped_fn dropped;
    void *context;
    struct places places;
    pthread_mutex_t mutex;
    pthread_cond_t change;
    struct place_line lines[LINES];
    struct handed handed;
    bool away;            /* the last question was not answered: all that waits is backlog, OLD and OLD_LATE */
    unsigned asking;      /* questions under way */
    double allowance;     /* reads of the backlog that may be handed out */
    int64_t counted_us;   /* when that was true */
    int64_t held_until_us, away_until_us;
    bool ending, given_up;
};

/* -- dropping -------------------------------------------------------------------------------------------------------- */

static struct lane_read *read_at(struct waiting *waiting, uint32_t number)
{
    return &waiting->places.list[number].read;
}

static void drop_first(struct waiting *waiting, struct place_line *line, enum lane_unchecked why)
{
    struct lane_read *read = read_at(waiting, line->first);

    waiting->dropped(waiting->context, read, why);
    image_release(read->image);
    places_take(&waiting->places, line, line->first, NULL);
}

static size_t count_all(const struct waiting *waiting)
{
    size_t count = 0;

    for (size_t i = 0; i < LINES; i++) count += waiting->lines[i].count;
    return count;
}

static int64_t came_first(struct waiting *waiting, const struct place_line *line)
{
    return line->first == PLACE_NONE ? INT64_MAX : read_at(waiting, line->first)->came_us;
}

static struct place_line *older(struct waiting *waiting, size_t one, size_t other)
{
    struct place_line *lines = waiting->lines;

    return &lines[came_first(waiting, &lines[one]) < came_first(waiting, &lines[other]) ? one : other];
}

/* Where there is no room the oldest goes, of what is not there any more if such waits. */
static void make_room(struct waiting *waiting)
{
    struct place_line *line = older(waiting, LATE, OLD_LATE);

    if (count_all(waiting) < waiting->rules.reads) return;
    if (line->count == 0) line = older(waiting, FRESH, OLD);
    drop_first(waiting, line, UNCHECKED_FULL);
}

/* -- making it ------------------------------------------------------------------------------------------------------- */

struct waiting *waiting_create(const struct waiting_rules *rules, waiting_dropped_fn dropped, void *context)
{
    struct waiting *waiting = calloc(1, sizeof(*waiting));

    if (waiting == NULL) {
        say("out of memory");
        return NULL;
    }
    pthread_mutex_init(&waiting->mutex, NULL);
    monotonic_condition(&waiting->change);
    waiting->rules = *rules;
    waiting->dropped = dropped;
    waiting->context = context;
    for (size_t i = 0; i < LINES; i++) place_line_begin(&waiting->lines[i]);
    if (places_create(&waiting->places, rules->reads)) return waiting;
    say("there is no memory that can be locked for %zu reads that wait", rules->reads);
    waiting_destroy(waiting);
    return NULL;
}

static void clear(struct waiting *waiting, struct place_line *line)
{
    while (line->first != PLACE_NONE) {
        image_release(read_at(waiting, line->first)->image);
        places_take(&waiting->places, line, line->first, NULL);
    }
}

void waiting_destroy(struct waiting *waiting)
{
    if (waiting == NULL) return;
    for (size_t i = 0; i < LINES; i++) clear(waiting, &waiting->lines[i]);
    handed_clear(&waiting->handed);
    places_destroy(&waiting->places);
    pthread_cond_destroy(&waiting->change);
    pthread_mutex_destroy(&waiting->mutex);
    free(waiting);
}

/* -- coming ---------------------------------------------------------------------------------------------------------- */

static void put(struct waiting *waiting, struct lane_read *read, bool backlog)
{
    make_room(waiting);
    places_put(&waiting->places, &waiting->lines[read->late ? (backlog ? OLD_LATE : LATE) : backlog ? OLD : FRESH], read);
}

void waiting_add(struct waiting *waiting, struct lane_read *read)
{
    pthread_mutex_lock(&waiting->mutex);
    put(waiting, read, waiting->away);
    pthread_cond_signal(&waiting->change);
    pthread_mutex_unlock(&waiting->mutex);
}

void waiting_add_back(struct waiting *waiting, struct lane_read *reads, size_t count, int64_t held_until_us)
{
    pthread_mutex_lock(&waiting->mutex);
    if (held_until_us > waiting->held_until_us) waiting->held_until_us = held_until_us;
    for (size_t i = 0; i < count; i++) {
        struct image *late = handed_late_picture(&waiting->handed, &reads[i], true);

        if (late != NULL) reads[i].image = late;
        put(waiting, &reads[i], true);
    }
    pthread_cond_signal(&waiting->change);
    pthread_mutex_unlock(&waiting->mutex);
}

/* -- how gates fare -------------------------------------------------------------------------------------------------- */

/* From 0 to below 1. */
static double chance(void)
{
    return (double)randombytes_uniform(SHARE) / SHARE;
}

static void question_over(struct waiting *waiting)
{
    if (waiting->asking > 0) waiting->asking--;
}

static void make_backlog(struct waiting *waiting)
{
    places_join(&waiting->places, &waiting->lines[FRESH], &waiting->lines[OLD]);
    places_join(&waiting->places, &waiting->lines[LATE], &waiting->lines[OLD_LATE]);
}

void waiting_answered(struct waiting *waiting, int64_t now_us, int64_t took_us)
{
    pthread_mutex_lock(&waiting->mutex);
    question_over(waiting);
    if (waiting->away || took_us >= LANE_SLOW_MS * INT64_C(1000)) {
        make_backlog(waiting);
        if (waiting->allowance > 0) waiting->allowance = 0;
        waiting->allowance -= chance(); /* many lanes begin to catch up at one time: not in step */
        waiting->counted_us = now_us;
        waiting->away = false;
    }
    pthread_cond_broadcast(&waiting->change);
    pthread_mutex_unlock(&waiting->mutex);
}

void waiting_not_answered(struct waiting *waiting, int64_t now_us, unsigned hold_ms)
{
    const int64_t hold_us = (int64_t)((0.5 + chance()) * hold_ms * 1000);

    pthread_mutex_lock(&waiting->mutex);
    question_over(waiting);
    make_backlog(waiting);
    waiting->away = true;
    waiting->away_until_us = now_us + hold_us;
    pthread_cond_broadcast(&waiting->change);
    pthread_mutex_unlock(&waiting->mutex);
}

/* -- going ----------------------------------------------------------------------------------------------------------- */

static void sweep(struct waiting *waiting, int64_t now_us)
{
    const int64_t before_us = now_us - (int64_t)waiting->rules.age_s * 1000000;

    for (size_t i = 0; i < LINES; i++)
        while (came_first(waiting, &waiting->lines[i]) < before_us) drop_first(waiting, &waiting->lines[i], UNCHECKED_AGED);
}

void waiting_sweep(struct waiting *waiting, int64_t now_us)
{
    pthread_mutex_lock(&waiting->mutex);
    sweep(waiting, now_us);
    pthread_mutex_unlock(&waiting->mutex);
}

/* A quarter of a second's worth is saved up at most. */
static void count_allowance(struct waiting *waiting, int64_t now_us)
{
    const double most = waiting->rules.rate > 4 ? waiting->rules.rate / 4.0 : 1;

    if (now_us > waiting->counted_us) waiting->allowance += (double)(now_us - waiting->counted_us) * waiting->rules.rate / 1e6;
    waiting->counted_us = now_us;
    if (waiting->allowance > most) waiting->allowance = most;
}

/* In the order in which they came. */
static size_t pick_in_order(struct waiting *waiting, struct place_line *line, struct lane_read *reads, size_t count)
{
    size_t picked = 0;

    while (picked < count && line->first != PLACE_NONE) places_take(&waiting->places, line, line->first, &reads[picked++]);
    return picked;
}

/* Where the first has waited for so long more comes than can be asked about, and what came last goes first: otherwise every alert would be late by all that waits,
   for as long as that lasts. */
static size_t pick_fresh(struct waiting *waiting, int64_t now_us, struct lane_read *reads, size_t count)
{
    struct place_line *line = &waiting->lines[FRESH];
    size_t picked = 0;

    if (came_first(waiting, line) >= now_us - LANE_SLOW_MS * INT64_C(1000)) return pick_in_order(waiting, line, reads, count);
    while (picked < count && line->last != PLACE_NONE) places_take(&waiting->places, line, line->last, &reads[picked++]);
    return picked;
}

/* What drove past last goes first: somebody may still be there to look. */
static size_t pick_backlog(struct waiting *waiting, struct place_line *line, struct lane_read *reads, size_t count)
{
    size_t picked = 0;

    while (picked < count && line->last != PLACE_NONE && (waiting->ending || waiting->allowance >= 1)) {
        places_take(&waiting->places, line, line->last, &reads[picked++]);
        if (!waiting->ending) waiting->allowance--;
    }
    return picked;
}

/* From when on the backlog may go; INT64_MAX: when a question under way is over. */
static int64_t open_us(const struct waiting *waiting)
{
    if (!waiting->away) return waiting->held_until_us;
    if (waiting->asking > 0 && !waiting->ending) return INT64_MAX;
    return waiting->away_until_us > waiting->held_until_us ? waiting->away_until_us : waiting->held_until_us;
}

/* What is not there any more: in questions of its own, one at a time, so that another worker is free for what comes. */
static bool may_ask_late(const struct waiting *waiting)
{
    return waiting->ending || !handed_has_late(&waiting->handed);
}

static size_t pick_late(struct waiting *waiting, bool open, struct lane_read *reads, size_t count)
{
    size_t picked;

    if (!may_ask_late(waiting)) return 0;
    picked = pick_in_order(waiting, &waiting->lines[LATE], reads, count);
    if (picked == 0 && open) picked = pick_backlog(waiting, &waiting->lines[OLD_LATE], reads, count);
    return picked;
}

static size_t pick(struct waiting *waiting, int64_t now_us, struct lane_read *reads, size_t count)
{
    const bool open = now_us >= open_us(waiting);
    size_t picked;

    sweep(waiting, now_us);
    count_allowance(waiting, now_us);
    picked = pick_fresh(waiting, now_us, reads, count);
    if (open) picked += pick_backlog(waiting, &waiting->lines[OLD], reads + picked, count - picked);
    if (picked == 0) picked = pick_late(waiting, open, reads, count);
    for (size_t i = 0; i < picked; i++) handed_out(&waiting->handed, &reads[i]);
    if (picked > 0) waiting->asking++;
    return picked;
}

size_t waiting_pick(struct waiting *waiting, int64_t now_us, struct lane_read *reads, size_t count)
{
    size_t picked;

    pthread_mutex_lock(&waiting->mutex);
    picked = pick(waiting, now_us, reads, count);
    pthread_mutex_unlock(&waiting->mutex);
    return picked;
}

static bool has_ended(const struct waiting *waiting)
{
    return waiting->ending && (waiting->given_up || count_all(waiting) == 0);
}

/* When the next read of the backlog may go; INT64_MAX: when something changes. */
static int64_t next_us(const struct waiting *waiting, int64_t now_us)
{
    int64_t next = now_us;

    if (waiting->lines[OLD].count == 0 && (waiting->lines[OLD_LATE].count == 0 || !may_ask_late(waiting))) return INT64_MAX;
    if (!waiting->ending && waiting->allowance < 1) next += (int64_t)((1 - waiting->allowance) * 1e6 / waiting->rules.rate) + 1;
    return next > open_us(waiting) ? next : open_us(waiting);
}

static void wait_until(struct waiting *waiting, int64_t us)
{
    const struct timespec until = { us / 1000000, (long)(us % 1000000) * 1000 };

    (void)pthread_cond_timedwait(&waiting->change, &waiting->mutex, &until);
}

size_t waiting_take(struct waiting *waiting, unsigned wait_ms, struct lane_read *reads, size_t count, bool *ended)
{
    const int64_t end_us = moment_monotonic_us() + (int64_t)wait_ms * 1000;
    size_t picked = 0;

    pthread_mutex_lock(&waiting->mutex);
    while (!has_ended(waiting)) {
        const int64_t now_us = moment_monotonic_us();

        picked = pick(waiting, now_us, reads, count);
        if (picked > 0 || now_us >= end_us) break;
        wait_until(waiting, next_us(waiting, now_us) < end_us ? next_us(waiting, now_us) : end_us);
    }
    *ended = picked == 0 && has_ended(waiting);
    pthread_mutex_unlock(&waiting->mutex);
    return picked;
}

/* -- pictures that come later than their vehicle ----------------------------------------------------------------------- */

bool waiting_wants_picture(struct waiting *waiting, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES])
{
    bool wanted;

    pthread_mutex_lock(&waiting->mutex);
    wanted = handed_wants_picture(&waiting->handed, read_id);
    for (size_t i = 0; i < LINES && !wanted; i++) wanted = places_picture(&waiting->places, &waiting->lines[i], read_id, NULL);
    pthread_mutex_unlock(&waiting->mutex);
    return wanted;
}

void waiting_give_picture(struct waiting *waiting, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES], struct image *image)
{
    pthread_mutex_lock(&waiting->mutex);
    handed_give_picture(&waiting->handed, read_id, image);
    for (size_t i = 0; i < LINES; i++) (void)places_picture(&waiting->places, &waiting->lines[i], read_id, image);
    pthread_mutex_unlock(&waiting->mutex);
}

struct image *waiting_late_picture(struct waiting *waiting, struct lane_read *read, bool over)
{
    struct image *late;

    pthread_mutex_lock(&waiting->mutex);
    late = handed_late_picture(&waiting->handed, read, over);
    pthread_mutex_unlock(&waiting->mutex);
    return late;
}

/* -- looking, ending ------------------------------------------------------------------------------------------------- */

void waiting_look(struct waiting *waiting, struct waiting_state *state)
{
    pthread_mutex_lock(&waiting->mutex);
    *state = (struct waiting_state) { .fresh = waiting->lines[FRESH].count,
                                      .old = waiting->lines[OLD].count,
                                      .late = waiting->lines[LATE].count + waiting->lines[OLD_LATE].count,
                                      .all = count_all(waiting),
                                      .room = waiting->rules.reads,
                                      .asking = waiting->asking,
                                      .oldest_us = INT64_MAX };
    for (size_t i = 0; i < LINES; i++)
        if (came_first(waiting, &waiting->lines[i]) < state->oldest_us) state->oldest_us = came_first(waiting, &waiting->lines[i]);
    if (state->oldest_us == INT64_MAX) state->oldest_us = 0;
    pthread_mutex_unlock(&waiting->mutex);
}

void waiting_end(struct waiting *waiting, bool give_up)
{
    pthread_mutex_lock(&waiting->mutex);
    waiting->ending = true;
    waiting->given_up = waiting->given_up || give_up;
    pthread_cond_broadcast(&waiting->change);
    pthread_mutex_unlock(&waiting->mutex);
}

void waiting_drop_all(struct waiting *waiting, enum lane_unchecked why)
{
    pthread_mutex_lock(&waiting->mutex);
    for (size_t i = 0; i < LINES; i++)
        while (waiting->lines[i].count > 0) drop_first(waiting, &waiting->lines[i], why);
    pthread_mutex_unlock(&waiting->mutex);
}
