#include "client/lane/waiting.h"

#include <pthread.h>

#include "client/client.h"
#include "client/moment.h"
#include "client/pages.h"
#include "client/picture/images.h"
#include "include/monotonic.h"

#define NONE UINT32_MAX

struct place {
    struct lane_read read;
    uint32_t next, previous;
};

/* Places in the order in which their reads came. */
struct line {
    uint32_t first, last;
    size_t count;
};

struct waiting {
    struct waiting_rules rules;
    waiting_dropped_fn dropped;
    void *context;
    struct pages *pages;
    struct place *places; /* locked; zero where none waits */
    uint32_t free;        /* a chain of places that were used */
    uint32_t untouched;   /* the first of those that were not yet */
    pthread_mutex_t mutex;
    pthread_cond_t change;
    struct line fresh, old;
    double allowance;    /* old reads that may be handed out */
    int64_t counted_us;  /* when that was true */
    int64_t held_until_us;
    bool ending, given_up;
};

/* -- places ---------------------------------------------------------------------------------------------------------- */

static uint32_t take_place(struct waiting *waiting)
{
    uint32_t number = waiting->free;

    if (number != NONE) waiting->free = waiting->places[number].next;
    else number = waiting->untouched++;
    return number;
}

static void give_place_back(struct waiting *waiting, uint32_t number)
{
    platesieve_wipe(&waiting->places[number].read, sizeof(waiting->places[number].read));
    waiting->places[number].next = waiting->free;
    waiting->free = number;
}

static void unlink_place(struct waiting *waiting, struct line *line, uint32_t number)
{
    const struct place *place = &waiting->places[number];

    *(place->previous == NONE ? &line->first : &waiting->places[place->previous].next) = place->next;
    *(place->next == NONE ? &line->last : &waiting->places[place->next].previous) = place->previous;
    line->count--;
}

/* Behind all that came before it; READ is moved. */
static void insert(struct waiting *waiting, struct line *line, struct lane_read *read)
{
    const uint32_t number = take_place(waiting);
    struct place *place = &waiting->places[number];
    uint32_t before = line->last;

    while (before != NONE && waiting->places[before].read.came_us > read->came_us) before = waiting->places[before].previous;
    memcpy(&place->read, read, sizeof(*read));
    platesieve_wipe(read, sizeof(*read));
    place->previous = before;
    place->next = before == NONE ? line->first : waiting->places[before].next;
    *(place->next == NONE ? &line->last : &waiting->places[place->next].previous) = number;
    *(before == NONE ? &line->first : &waiting->places[before].next) = number;
    line->count++;
}

static void drop(struct waiting *waiting, struct line *line, uint32_t number, enum lane_unchecked why)
{
    struct lane_read *read = &waiting->places[number].read;

    unlink_place(waiting, line, number);
    waiting->dropped(waiting->context, read, why);
    image_release(read->image);
    give_place_back(waiting, number);
}

/* The oldest of all goes where there is no room. */
static void make_room(struct waiting *waiting)
{
    const uint32_t old = waiting->old.first, fresh = waiting->fresh.first;
    bool of_old;

    if (waiting->old.count + waiting->fresh.count < waiting->rules.reads) return;
    of_old = old != NONE && (fresh == NONE || waiting->places[old].read.came_us <= waiting->places[fresh].read.came_us);
    drop(waiting, of_old ? &waiting->old : &waiting->fresh, of_old ? old : fresh, UNCHECKED_FULL);
}

/* -- making it ------------------------------------------------------------------------------------------------------- */

struct waiting *waiting_create(const struct waiting_rules *rules, waiting_dropped_fn dropped, void *context)
{
    const size_t size = rules->reads * sizeof(struct place);
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
    waiting->free = NONE;
    waiting->fresh = waiting->old = (struct line) { NONE, NONE, 0 };
    waiting->pages = pages_create(size, size);
    if (waiting->pages != NULL) waiting->places = pages_take(waiting->pages, size, 0);
    if (waiting->places != NULL) return waiting;
    say("there is no memory that can be locked for %zu reads that wait", rules->reads);
    waiting_destroy(waiting);
    return NULL;
}

static void clear(struct waiting *waiting, struct line *line)
{
    while (line->first != NONE) {
        const uint32_t number = line->first;

        unlink_place(waiting, line, number);
        image_release(waiting->places[number].read.image);
        give_place_back(waiting, number);
    }
}

void waiting_destroy(struct waiting *waiting)
{
    if (waiting == NULL) return;
    if (waiting->places != NULL) {
        clear(waiting, &waiting->fresh);
        clear(waiting, &waiting->old);
    }
    pages_destroy(waiting->pages);
    pthread_cond_destroy(&waiting->change);
    pthread_mutex_destroy(&waiting->mutex);
    free(waiting);
}

/* -- coming ---------------------------------------------------------------------------------------------------------- */

void waiting_add(struct waiting *waiting, struct lane_read *read)
{
    pthread_mutex_lock(&waiting->mutex);
    make_room(waiting);
    insert(waiting, &waiting->fresh, read);
    pthread_cond_signal(&waiting->change);
    pthread_mutex_unlock(&waiting->mutex);
}

void waiting_add_back(struct waiting *waiting, struct lane_read *reads, size_t count, unsigned hold_ms)
{
    pthread_mutex_lock(&waiting->mutex);
    waiting->held_until_us = moment_monotonic_us() + (int64_t)hold_ms * 1000;
    for (size_t i = 0; i < count; i++) {
        make_room(waiting);
        insert(waiting, &waiting->old, &reads[i]);
    }
    pthread_cond_signal(&waiting->change);
    pthread_mutex_unlock(&waiting->mutex);
}

/* -- going ----------------------------------------------------------------------------------------------------------- */

static void sweep(struct waiting *waiting, int64_t now_us)
{
    const int64_t before_us = now_us - (int64_t)waiting->rules.age_s * 1000000;
    struct line *const lines[] = { &waiting->fresh, &waiting->old };

    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        while (lines[i]->first != NONE && waiting->places[lines[i]->first].read.came_us < before_us)
            drop(waiting, lines[i], lines[i]->first, UNCHECKED_AGED);
}

void waiting_sweep(struct waiting *waiting, int64_t now_us)
{
    pthread_mutex_lock(&waiting->mutex);
    sweep(waiting, now_us);
    pthread_mutex_unlock(&waiting->mutex);
}

static size_t move_out(struct waiting *waiting, struct line *line, struct lane_read *reads, size_t count)
{
    size_t moved = 0;

    while (moved < count && line->first != NONE) {
        const uint32_t number = line->first;

        unlink_place(waiting, line, number);
        memcpy(&reads[moved++], &waiting->places[number].read, sizeof(*reads));
        give_place_back(waiting, number);
    }
    return moved;
}

/* A quarter of a second's worth is saved up at most. */
static void count_allowance(struct waiting *waiting, int64_t now_us)
{
    const double most = waiting->rules.rate > 4 ? waiting->rules.rate / 4.0 : 1;

    waiting->allowance += (double)(now_us - waiting->counted_us) * waiting->rules.rate / 1e6;
    waiting->counted_us = now_us;
    if (waiting->allowance > most) waiting->allowance = most;
}

static size_t pick(struct waiting *waiting, int64_t now_us, struct lane_read *reads, size_t count)
{
    size_t picked, most;

    sweep(waiting, now_us);
    count_allowance(waiting, now_us);
    picked = move_out(waiting, &waiting->fresh, reads, count);
    if (picked == count || now_us < waiting->held_until_us) return picked;
    most = waiting->ending ? count - picked : (size_t)waiting->allowance;
    if (most > count - picked) most = count - picked;
    most = move_out(waiting, &waiting->old, reads + picked, most);
    waiting->allowance -= (double)most;
    if (waiting->allowance < 0) waiting->allowance = 0;
    return picked + most;
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
    return next > waiting->held_until_us ? next : waiting->held_until_us;
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

/* -- looking, ending ------------------------------------------------------------------------------------------------- */

static int64_t came_first(const struct waiting *waiting, const struct line *line)
{
    return line->first == NONE ? INT64_MAX : waiting->places[line->first].read.came_us;
}

void waiting_look(struct waiting *waiting, struct waiting_state *state)
{
    int64_t fresh_us, old_us;

    pthread_mutex_lock(&waiting->mutex);
    fresh_us = came_first(waiting, &waiting->fresh);
    old_us = came_first(waiting, &waiting->old);
    *state = (struct waiting_state) { waiting->fresh.count, waiting->old.count, waiting->rules.reads, fresh_us < old_us ? fresh_us : old_us };
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
    struct line *const lines[] = { &waiting->fresh, &waiting->old };

    pthread_mutex_lock(&waiting->mutex);
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        while (lines[i]->first != NONE) drop(waiting, lines[i], lines[i]->first, why);
    pthread_mutex_unlock(&waiting->mutex);
}
