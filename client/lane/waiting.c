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

struct waiting {
    struct waiting_rules rules;
    waiting_dropped_fn dropped;
    void *context;
    struct places places;
    pthread_mutex_t mutex;
    pthread_cond_t change;
    struct place_line fresh, old;
    struct handed handed;
    bool away;            /* the last question was not answered: all that waits is old */
    unsigned asking;      /* questions under way */
    double allowance;     /* old reads that may be handed out */
    int64_t counted_us;   /* when that was true */
    int64_t held_until_us, away_until_us;
    bool ending, given_up;
};

/* -- dropping -------------------------------------------------------------------------------------------------------- */

static struct lane_read *read_at(struct waiting *waiting, uint32_t number)
{
    return &waiting->places.list[number].read;
}

static void drop(struct waiting *waiting, struct place_line *line, uint32_t number, enum lane_unchecked why)
{
    struct lane_read *read = read_at(waiting, number);

    waiting->dropped(waiting->context, read, why);
    image_release(read->image);
    places_take(&waiting->places, line, number, NULL);
}

/* The oldest of all goes where there is no room. */
static void make_room(struct waiting *waiting)
{
    const uint32_t old = waiting->old.first, fresh = waiting->fresh.first;
    bool of_old;

    if (waiting->old.count + waiting->fresh.count < waiting->rules.reads) return;
    of_old = old != PLACE_NONE && (fresh == PLACE_NONE || read_at(waiting, old)->came_us <= read_at(waiting, fresh)->came_us);
    drop(waiting, of_old ? &waiting->old : &waiting->fresh, of_old ? old : fresh, UNCHECKED_FULL);
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
    place_line_begin(&waiting->fresh);
    place_line_begin(&waiting->old);
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
    clear(waiting, &waiting->fresh);
    clear(waiting, &waiting->old);
    handed_clear(&waiting->handed);
    places_destroy(&waiting->places);
    pthread_cond_destroy(&waiting->change);
    pthread_mutex_destroy(&waiting->mutex);
    free(waiting);
}

/* -- coming ---------------------------------------------------------------------------------------------------------- */

void waiting_add(struct waiting *waiting, struct lane_read *read)
{
    pthread_mutex_lock(&waiting->mutex);
    make_room(waiting);
    places_put(&waiting->places, waiting->away ? &waiting->old : &waiting->fresh, read);
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
        make_room(waiting);
        places_put(&waiting->places, &waiting->old, &reads[i]);
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

void waiting_answered(struct waiting *waiting, int64_t now_us, int64_t took_us)
{
    pthread_mutex_lock(&waiting->mutex);
    question_over(waiting);
    if (waiting->away || took_us >= LANE_SLOW_MS * INT64_C(1000)) {
        places_join(&waiting->places, &waiting->fresh, &waiting->old);
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
    places_join(&waiting->places, &waiting->fresh, &waiting->old);
    waiting->away = true;
    waiting->away_until_us = now_us + hold_us;
    pthread_cond_broadcast(&waiting->change);
    pthread_mutex_unlock(&waiting->mutex);
}

/* -- going ----------------------------------------------------------------------------------------------------------- */

static void sweep(struct waiting *waiting, int64_t now_us)
{
    const int64_t before_us = now_us - (int64_t)waiting->rules.age_s * 1000000;
    struct place_line *const lines[] = { &waiting->fresh, &waiting->old };

    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        while (lines[i]->first != PLACE_NONE && read_at(waiting, lines[i]->first)->came_us < before_us)
            drop(waiting, lines[i], lines[i]->first, UNCHECKED_AGED);
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

/* Those that have just come, in their order. */
static size_t pick_fresh(struct waiting *waiting, struct lane_read *reads, size_t count)
{
    size_t picked = 0;

    while (picked < count && waiting->fresh.first != PLACE_NONE)
        places_take(&waiting->places, &waiting->fresh, waiting->fresh.first, &reads[picked++]);
    return picked;
}

/* What drove past last goes first: somebody may still be there to look. */
static size_t pick_old(struct waiting *waiting, struct lane_read *reads, size_t count)
{
    size_t picked = 0;

    while (picked < count && waiting->old.last != PLACE_NONE && (waiting->ending || waiting->allowance >= 1)) {
        places_take(&waiting->places, &waiting->old, waiting->old.last, &reads[picked++]);
        if (!waiting->ending) waiting->allowance--;
    }
    return picked;
}

/* From when on old reads may go; INT64_MAX: when a question under way is over. */
static int64_t open_us(const struct waiting *waiting)
{
    if (!waiting->away) return waiting->held_until_us;
    if (waiting->asking > 0 && !waiting->ending) return INT64_MAX;
    return waiting->away_until_us > waiting->held_until_us ? waiting->away_until_us : waiting->held_until_us;
}

static size_t pick(struct waiting *waiting, int64_t now_us, struct lane_read *reads, size_t count)
{
    size_t picked;

    sweep(waiting, now_us);
    count_allowance(waiting, now_us);
    picked = pick_fresh(waiting, reads, count);
    if (now_us >= open_us(waiting)) picked += pick_old(waiting, reads + picked, count - picked);
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
    return waiting->ending && (waiting->given_up || waiting->fresh.count + waiting->old.count == 0);
}

/* When the next old read may go. */
static int64_t next_us(const struct waiting *waiting, int64_t now_us)
{
    int64_t next = now_us;

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
        int64_t until_us = end_us;

        picked = pick(waiting, now_us, reads, count);
        if (picked > 0 || now_us >= end_us) break;
        if (waiting->old.count > 0 && next_us(waiting, now_us) < until_us) until_us = next_us(waiting, now_us);
        wait_until(waiting, until_us);
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
    wanted = handed_wants_picture(&waiting->handed, read_id) || places_picture(&waiting->places, &waiting->fresh, read_id, NULL) ||
             places_picture(&waiting->places, &waiting->old, read_id, NULL);
    pthread_mutex_unlock(&waiting->mutex);
    return wanted;
}

void waiting_give_picture(struct waiting *waiting, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES], struct image *image)
{
    pthread_mutex_lock(&waiting->mutex);
    handed_give_picture(&waiting->handed, read_id, image);
    (void)places_picture(&waiting->places, &waiting->fresh, read_id, image);
    (void)places_picture(&waiting->places, &waiting->old, read_id, image);
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

static int64_t came_first(struct waiting *waiting, const struct place_line *line)
{
    return line->first == PLACE_NONE ? INT64_MAX : read_at(waiting, line->first)->came_us;
}

void waiting_look(struct waiting *waiting, struct waiting_state *state)
{
    int64_t fresh_us, old_us;

    pthread_mutex_lock(&waiting->mutex);
    fresh_us = came_first(waiting, &waiting->fresh);
    old_us = came_first(waiting, &waiting->old);
    *state = (struct waiting_state) { .fresh = waiting->fresh.count,
                                      .old = waiting->old.count,
                                      .room = waiting->rules.reads,
                                      .asking = waiting->asking,
                                      .oldest_us = fresh_us < old_us ? fresh_us : old_us };
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
    struct place_line *const lines[] = { &waiting->fresh, &waiting->old };

    pthread_mutex_lock(&waiting->mutex);
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        while (lines[i]->first != PLACE_NONE) drop(waiting, lines[i], lines[i]->first, why);
    pthread_mutex_unlock(&waiting->mutex);
}
