/* See epoch_book.h. */
#include "server/gate/keys/epoch_book.h"

/* The one of the same number or the same id; more than one if a key server mixes them up, and then the first is not
   what it says either. */
static struct booked_epoch *find(struct epoch_book *book, const struct keys_epoch *epoch)
{
    for (size_t i = 0; i < book->count; i++) {
        struct keys_epoch *known = &book->epochs[i].known;

        if (known->number == epoch->number || strcmp(known->id, epoch->id) == 0) return &book->epochs[i];
    }
    return NULL;
}

static bool same_place(const struct keys_epoch *a, const struct keys_epoch *b)
{
    return a->number == b->number && strcmp(a->id, b->id) == 0 && a->opens_ms == b->opens_ms;
}

static bool same(const struct keys_epoch *a, const struct keys_epoch *b)
{
    return same_place(a, b) && a->suite == b->suite && memcmp(a->key_id, b->key_id, sizeof(a->key_id)) == 0;
}

static void set_time(int64_t *time, int64_t now, bool *changed)
{
    if (*time != now) *changed = true;
    *time = now;
}

static bool update(struct epoch_book *book, struct booked_epoch *booked, const struct keys_epoch *epoch, int64_t now_ms)
{
    bool changed = false, dead = epoch->destroyed && !booked->known.destroyed;

    if (!same(&booked->known, epoch) && !(epoch->destroyed && same_place(&booked->known, epoch))) {
        book->other_key = true;
        return false;
    }
    if (dead) booked->known.destroyed = changed = true;
    if (!booked->known.destroyed) {
        set_time(&booked->known.closes_ms, epoch->closes_ms, &changed);
        set_time(&booked->known.destroyed_ms, epoch->destroyed_ms, &changed);
        booked->moved |= changed;
    } else if (dead) {
        if (booked->known.destroyed_ms > now_ms) booked->known.destroyed_ms = now_ms;
        if (booked->known.closes_ms > now_ms) booked->known.closes_ms = now_ms;
    }
    if (changed) booked->prepared = false; /* the database wants to know the new times */
    return changed;
}

static bool insert(struct epoch_book *book, const struct keys_epoch *epoch)
{
    size_t at = book->count;

    if (book->count == LIMIT_EPOCHS_KNOWN) {
        book->full = true;
        return false;
    }
    while (at > 0 && book->epochs[at - 1].known.number > epoch->number) at--;
    memmove(&book->epochs[at + 1], &book->epochs[at], (book->count - at) * sizeof(book->epochs[0]));
    book->epochs[at] = (struct booked_epoch){ .known = *epoch };
    book->count++;
    return true;
}

bool epoch_book_merge(struct epoch_book *book, const struct keys_answer *answer, int64_t now_ms)
{
    bool changed = false;

    book->other_key = book->full = false;
    for (size_t i = 0; i < answer->count; i++) {
        const struct keys_epoch *epoch = &answer->epochs[i];
        struct booked_epoch *booked = find(book, epoch);

        if (booked != NULL) changed |= update(book, booked, epoch, now_ms);
        else if (!epoch->destroyed && epoch->destroyed_ms > now_ms) changed |= insert(book, epoch);
    }
    return changed;
}

bool epoch_book_take_over(struct epoch_book *book, int64_t now_ms, struct booked_epoch *over)
{
    for (size_t i = 0; i < book->count; i++) {
        if (book->epochs[i].known.destroyed_ms > now_ms) continue;
        *over = book->epochs[i];
        memmove(&book->epochs[i], &book->epochs[i + 1], (book->count - i - 1) * sizeof(book->epochs[0]));
        book->count--;
        return true;
    }
    return false;
}

bool epoch_book_lowest(const struct epoch_book *book, uint64_t *number)
{
    for (size_t i = 0; i < book->count; i++) {
        if (book->epochs[i].lost) continue;
        *number = book->epochs[i].known.number;
        return true;
    }
    return false;
}

void epoch_book_answer(const struct epoch_book *book, struct keys_answer *answer)
{
    *answer = (struct keys_answer){ .count = book->count };
    for (size_t i = 0; i < book->count; i++) answer->epochs[i] = book->epochs[i].known;
}
