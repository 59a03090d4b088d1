/* What no catalogue makes visible any more goes: slots from every index, then entries, then the numbers of segments. */
#include <sys/mman.h>
#include <urcu-bp.h>

#include "server/gate/follow/internal.h"

#define DEAD_BYTES (LIMIT_ENTRIES / 8) /* of address space; a page counts when it is touched */

struct sweep {
    struct follow *follow;
    uint32_t now_s;
    uint8_t *dead; /* bit per number of an entry: looked at far more often than entries, and small enough for the
                      cache */
    size_t count;
};

static bool is_dead(const struct sweep *sweep, uint32_t number)
{
    return sweep->dead[number / 8] >> number % 8 & 1;
}

static bool segment_in(const struct sweep *sweep, uint32_t number, enum segment_state state)
{
    return segments_get(&sweep->follow->segments, number)->state == state;
}

/* In a load, when some of what it brought is refused, the rest is kept. */
static bool segment_kept(const struct sweep *sweep, uint32_t number)
{
    return segment_in(sweep, number, SEGMENT_LIVE) || segment_in(sweep, number, SEGMENT_FRESH);
}

static void mark(void *context, uint32_t number, const struct entry *entry)
{
    struct sweep *sweep = context;
    bool removed = entry->removed_by != 0 && segment_in(sweep, entry->removed_by, SEGMENT_LIVE);
    bool expired = entry->expires != ENTRY_FOREVER && (uint64_t)entry->expires + FOLLOW_EXPIRED_S <= sweep->now_s;

    if (entry->removed_by != 0 && !segment_kept(sweep, entry->removed_by))
        entries_remove(sweep->follow->entries, number, 0); /* by a load that failed */
    if (segment_kept(sweep, entry->segment) && !removed && !expired) return;
    sweep->dead[number / 8] |= (uint8_t)(1u << number % 8);
    sweep->count++;
}

struct index_sweep {
    const struct sweep *sweep;
    uint8_t *has;
};

static bool record_dead(void *context, uint32_t entry, uint32_t segment)
{
    const struct index_sweep *part = context;

    if (is_dead(part->sweep, entry) || !segment_kept(part->sweep, segment)) return true;
    if (!segments_get(&part->sweep->follow->segments, segment)->weak) part->has[entry / 8] |= (uint8_t)(1u << entry % 8);
    return false;
}

/* Of an epoch that is not loaded: rests of a load that failed. */
static bool any_dead(void *context, uint32_t entry, uint32_t segment)
{
    (void)context, (void)entry, (void)segment;
    return true;
}

/* KEEP: in a load that goes on, slots of epochs that it has just brought too. */
static void sweep_indexes(struct sweep *sweep, bool keep)
{
    struct epoch_book *book = &sweep->follow->book;

    for (size_t i = 0; i < book->count; i++) {
        const struct booked_epoch *epoch = &book->epochs[i];
        struct index_sweep part = { sweep, epoch->has };

        if (epoch->index == NULL) continue;
        (void)madvise(epoch->has, ENTRY_BITS_BYTES, MADV_DONTNEED); /* all zero again */
        (void)index_sweep(epoch->index, epoch->loaded || keep ? record_dead : any_dead, &part);
    }
}

static void free_entry(void *context, uint32_t number, const struct entry *entry)
{
    struct sweep *sweep = context;

    (void)entry;
    if (is_dead(sweep, number)) entries_free(sweep->follow->entries, number);
}

static void sweep_all(struct sweep *sweep, bool keep)
{
    struct follow *follow = sweep->follow;

    entries_each(follow->entries, mark, sweep);
    sweep_indexes(sweep, keep);
    synchronize_rcu();
    if (sweep->count > 0) entries_each(follow->entries, free_entry, sweep);
    for (size_t i = 0; i < follow->segments.count; i++) {
        struct segment *segment = &follow->segments.at[i];

        if (segment->state == SEGMENT_DEAD) *segment = (struct segment){ .state = SEGMENT_FREE };
    }
    follow->segments.first_free = 0;
}

static bool run(struct follow *follow, bool keep)
{
    struct sweep sweep = { .follow = follow, .now_s = (uint32_t)(follow_now_ms(follow) / 1000) };
    void *dead = mmap(NULL, DEAD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (dead == MAP_FAILED) return false;
    sweep.dead = dead;
    sweep_all(&sweep, keep);
    munmap(dead, DEAD_BYTES);
    return true;
}

void follow_sweep(struct follow *follow)
{
    (void)run(follow, false); /* without memory the next one will do */
}

bool follow_sweep_refused(struct follow *follow)
{
    return run(follow, true);
}

void follow_sweep_in(struct follow *follow, int64_t ms)
{
    int64_t due = follow_ticks_ms() + ms;

    if (follow->sweep_ms == 0 || due < follow->sweep_ms || follow->sweep_ms <= follow_ticks_ms())
        follow->sweep_ms = due;
}
