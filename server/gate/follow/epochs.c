/* Epochs: taken from the key server into the book, given an index and a pepper, opened to checks, and destroyed on
   time. */
#include <sys/mman.h>
#include <urcu-bp.h>

#include "server/gate/follow/internal.h"
#include "server/http/log.h"

#define CLASH_RETRY_MS 5000

/* -- taking in ----------------------------------------------------------------------------------------------------- */

static void alarm_raise(struct follow *follow, const char *what)
{
    if (!follow->status.epochs_alarm) log_line(LOG_ERR, "epochs: %s", what); /* only this thread writes it */
    follow_note(follow, &follow->status.epochs_alarm, true);
}

static bool take_answer(struct follow *follow, struct keys_answer *answer, bool *contradiction)
{
    pthread_mutex_lock(&follow->lock);
    bool answered = follow->answered;
    if (answered) follow->hearing = follow->told;
    follow->answered = false;
    pthread_mutex_unlock(&follow->lock);
    if (answered) *contradiction = follow_hear(follow, answer);
    return answered;
}

/* The flag says how things are, so each answer decides it anew. */
static void watch_answer(struct follow *follow, const struct keys_answer *answer, bool contradiction)
{
    bool lost = false, clashes = false;

    for (size_t i = 0; i < follow->book.count; i++) {
        lost |= follow->book.epochs[i].lost;
        clashes |= follow->book.epochs[i].clashes;
    }
    if (follow->book.other_key)
        alarm_raise(follow, "the key server names another key for an epoch that is known; the first stays");
    else if (contradiction)
        alarm_raise(follow, "the key servers contradict each other, and none can be told right: epochs are left out");
    else if (follow->book.full) alarm_raise(follow, "the key server names more than can be kept");
    else if (answer->strange > 0) alarm_raise(follow, "the key server names a suite that is unknown here");
    else if (!lost && !clashes && follow->disk_retry_ms == 0) follow_note(follow, &follow->status.epochs_alarm, false);
}

/* One that was destroyed before it opened says nothing: others may open before it would have. */
static void note_over(struct follow *follow, const struct keys_epoch *epoch, int64_t now_ms)
{
    if (epoch->opens_ms <= now_ms && epoch->number + 1 > follow->over_last) follow->over_last = epoch->number + 1;
}

static void note_ended(struct follow *follow, const struct keys_epoch *epoch)
{
    for (size_t i = 0; i < follow->ended_count; i++)
        if (follow->ended[i].number == epoch->number) return;
    if (follow->ended_count == LIMIT_EPOCHS_KNOWN)
        memmove(&follow->ended[0], &follow->ended[1], --follow->ended_count * sizeof(follow->ended[0]));
    struct ended_epoch *ended = &follow->ended[follow->ended_count++];
    *ended = (struct ended_epoch){ .number = epoch->number };
    memcpy(ended->id, epoch->id, sizeof(ended->id));
}

/* The database may have been told of a later end; and what it keeps is of use to nobody. */
static void tell_ended(struct follow *follow)
{
    for (size_t i = 0; i < follow->ended_count && follow->status.database_up; i++) {
        struct ended_epoch *ended = &follow->ended[i];
        bool forward = false;

        if (ended->told || failed(db_epoch_end(follow->settings.db, ended->number, ended->id, &forward))) continue;
        ended->told = true;
        if (forward) log_line(LOG_NOTICE, "epoch %s was destroyed before its time: its slots go", ended->id);
    }
}

static bool merge(struct follow *follow, int64_t now_ms)
{
    struct keys_answer answer;
    bool changed, contradiction = false;

    if (!take_answer(follow, &answer, &contradiction)) return false;
    changed = epoch_book_merge(&follow->book, &answer, now_ms);
    for (size_t i = 0; i < answer.count; i++) {
        if (answer.epochs[i].destroyed) note_ended(follow, &answer.epochs[i]);
        if (answer.epochs[i].destroyed || answer.epochs[i].destroyed_ms <= now_ms) note_over(follow, &answer.epochs[i], now_ms);
    }
    watch_answer(follow, &answer, contradiction);
    return changed;
}

static bool move_over(struct follow *follow, int64_t now_ms)
{
    bool moved = false;
    struct booked_epoch over;

    while (follow->over_count < LIMIT_EPOCHS_KNOWN && epoch_book_take_over(&follow->book, now_ms, &over)) {
        follow->over[follow->over_count++] = over;
        log_line(LOG_NOTICE, "epoch %s, number %llu, is over: its slots leave the memory", over.known.id,
                 (unsigned long long)over.known.number);
        note_over(follow, &over.known, now_ms);
        moved = true;
    }
    return moved;
}

/* -- peppers ------------------------------------------------------------------------------------------------------- */

/* Moves the ratchet to the oldest epoch that lives, or behind the last that was destroyed.  False when peppers can't
   be made now. */
static bool ratchet(struct follow *follow)
{
    uint64_t lowest;

    if (!epoch_book_lowest(&follow->book, &lowest)) lowest = follow->over_last;
    if (follow->book.count == 0 && follow->over_last == 0) return true; /* nothing is known yet */
    if (follow->ratcheted == lowest + 1) return true;
    if (follow->disk_retry_ms > follow_ticks_ms()) return false;
    follow->disk_retry_ms = 0;
    struct result result = gate_state_ratchet(follow->settings.state, lowest);
    if (result.reason == REASON_GONE)
        return true; /* that epoch's pepper is: furnish() finds out, and the next lowest is another */
    if (!failed(result)) {
        follow->ratcheted = lowest + 1;
        log_line(LOG_NOTICE, "the pepper is ratcheted to number %llu: none before can be made again",
                 (unsigned long long)lowest);
        return true;
    }
    follow->disk_retry_ms = follow_ticks_ms() + FOLLOW_RETRY_MS;
    alarm_raise(follow, "the state folder refuses the ratchet");
    return false;
}

static void tell_times(const struct keys_epoch *epoch, const char *what)
{
    char opens[TIME_TEXT_SIZE], closes[TIME_TEXT_SIZE], destroyed[TIME_TEXT_SIZE];

    time_format(epoch->opens_ms, opens);
    time_format(epoch->closes_ms, closes);
    time_format(epoch->destroyed_ms, destroyed);
    log_line(LOG_NOTICE, "epoch %s, number %llu, %s: opens %s, closes %s, is destroyed %s", epoch->id,
             (unsigned long long)epoch->number, what, opens, closes, destroyed);
}

static bool between(int64_t at_ms, int64_t after_ms, int64_t until_ms)
{
    return at_ms > after_ms && at_ms <= until_ms;
}

/* What became of the epochs since the last round, for the log. */
static void tell_turns(struct follow *follow, int64_t now_ms)
{
    int64_t since_ms = follow->told_ms;

    follow->told_ms = now_ms;
    for (size_t i = 0; i < follow->book.count; i++) {
        struct booked_epoch *epoch = &follow->book.epochs[i];

        if (epoch->moved) tell_times(&epoch->known, "has other times now");
        epoch->moved = false;
        bool opened = !epoch->told_open && epoch->known.opens_ms <= now_ms && epoch->known.closes_ms > now_ms;
        epoch->told_open |= opened;
        if (since_ms == 0) continue; /* what was open at the start was said to be known */
        if (opened) log_line(LOG_NOTICE, "epoch %s is open", epoch->known.id); /* also when it was when we heard of it */
        if (between(epoch->known.closes_ms, since_ms, now_ms)) log_line(LOG_NOTICE, "epoch %s is closed", epoch->known.id);
    }
}

static struct result make_pepper(struct follow *follow, struct booked_epoch *epoch)
{
    uint8_t pepper[PLATESIEVE_KEY_BYTES];
    struct result result = gate_state_pepper(follow->settings.state, epoch->known.number, pepper);

    if (!failed(result) && platesieve_failed(platesieve_pepper_create(pepper, epoch->known.id, &epoch->pepper)))
        result = FAIL(REASON_BUSY);
    platesieve_wipe(pepper, sizeof(pepper));
    return result;
}

static uint8_t *make_bits(void)
{
    void *bits = mmap(NULL, ENTRY_BITS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return bits == MAP_FAILED ? NULL : bits;
}

static void furnish(struct follow *follow, struct booked_epoch *epoch)
{
    if (epoch->index != NULL || epoch->lost) return;
    struct result result = make_pepper(follow, epoch);
    if (!failed(result)) epoch->has = make_bits();
    if (epoch->has != NULL) epoch->index = index_create();
    if (epoch->index != NULL) {
        follow->book_published = false;
        tell_times(&epoch->known, "is known");
        return;
    }
    follow_free_epoch(epoch);
    epoch->lost = result.reason == REASON_GONE || result.reason == REASON_INTERNAL;
    if (epoch->lost) alarm_raise(follow, "the pepper of an epoch can't be made; lists for it can't be used");
}

void follow_free_epoch(struct booked_epoch *epoch)
{
    index_destroy(epoch->index);
    platesieve_pepper_destroy(epoch->pepper);
    if (epoch->has != NULL) munmap(epoch->has, ENTRY_BITS_BYTES);
    epoch->has = NULL;
    epoch->index = NULL;
    epoch->pepper = NULL;
}

/* -- the database -------------------------------------------------------------------------------------------------- */

static void prepare(struct follow *follow, struct booked_epoch *epoch)
{
    const struct keys_epoch *known = &epoch->known;
    bool clashed = epoch->clashes;

    if (epoch->prepared || epoch->index == NULL || follow_ticks_ms() < epoch->retry_ms) return;
    struct db_epoch row = { known->number, known->id, known->opens_ms, known->closes_ms, known->destroyed_ms, { 0 } };
    struct result result = gate_state_mark(follow->settings.state, known->number, known->key_id, row.mark);
    if (!failed(result)) result = db_epoch_prepare(follow->settings.db, &row);
    epoch->prepared = !failed(result);
    epoch->clashes = result.reason == REASON_INTERNAL;
    epoch->retry_ms = follow_ticks_ms() + (epoch->clashes ? CLASH_RETRY_MS : FOLLOW_RETRY_MS);
    if (epoch->clashes)
        alarm_raise(follow, "the database has an epoch's slots under another id, key or pepper: it is not served");
    if (epoch->clashes == clashed) return;
    follow->book_published = epoch->loaded = false;
    follow_sweep_in(follow, 0);
}

/* -- publishing ---------------------------------------------------------------------------------------------------- */

void follow_fill_coverage(const struct follow *follow, struct catalogue *next)
{
    for (size_t i = 0; i < next->list_count; i++) memset(next->lists[i].coverage, 0, sizeof(next->lists[i].coverage));
    for (size_t i = 0; i < follow->book.count; i++) {
        const struct booked_epoch *epoch = &follow->book.epochs[i];
        size_t at = 0;

        while (at < next->epoch_count && next->epochs[at].index != epoch->index) at++;
        if (at == next->epoch_count) continue;
        next->epochs[at].loaded = epoch->loaded;
        if (!epoch->loaded) continue;
        for (size_t k = 0; k < follow->coverage_count; k++) {
            const struct coverage_row *row = &follow->coverage[k];

            if (row->epoch == epoch->known.number && row->list < next->list_count)
                next->lists[row->list].coverage[at] = row->whole ? COVERAGE_WHOLE : COVERAGE_PARTIAL;
        }
    }
}

static struct result edit(void *context, struct catalogue *next)
{
    const struct follow *follow = context;
    size_t at = 0;

    for (size_t i = 0; i < follow->book.count; i++) {
        const struct booked_epoch *epoch = &follow->book.epochs[i];
        struct catalogue_epoch *out = &next->epochs[at];

        if (!epoch_usable(epoch)) continue;
        *out = (struct catalogue_epoch){
            .number = epoch->known.number,
            .suite = epoch->known.suite,
            .opens_ms = epoch->known.opens_ms,
            .closes_ms = epoch->known.closes_ms,
            .destroyed_ms = epoch->known.destroyed_ms,
            .index = epoch->index,
            .pepper = epoch->pepper,
        };
        memcpy(out->id, epoch->known.id, sizeof(out->id));
        memcpy(out->key_id, epoch->known.key_id, sizeof(out->key_id));
        at++;
    }
    follow_fill_coverage(follow, next);
    return OK;
}

static bool publish(struct follow *follow)
{
    struct publication publication = { .edit = edit, .context = follow };

    follow_count(follow, &publication);
    publication.epochs = 0;
    for (size_t i = 0; i < follow->book.count; i++)
        if (epoch_usable(&follow->book.epochs[i])) publication.epochs++;
    return !failed(follow_publish(follow, &publication));
}

static void save(struct follow *follow)
{
    struct keys_answer answer;

    epoch_book_answer(&follow->book, &answer);
    follow->book_saved = true; /* once for each change: a gate that can't write it only starts with the key server */
    if (failed(keys_answer_write(follow->settings.epochs_file, &answer)))
        log_line(LOG_WARNING, "the file of known epochs can't be written");
}

void follow_epochs(struct follow *follow)
{
    int64_t now_ms = follow_now_ms(follow);
    bool merged = merge(follow, now_ms);

    tell_turns(follow, now_ms);
    bool moved = move_over(follow, now_ms);

    if (merged || moved) follow->book_published = follow->book_saved = false;
    if (ratchet(follow))
        for (size_t i = 0; i < follow->book.count; i++) furnish(follow, &follow->book.epochs[i]);
    for (size_t i = 0; i < follow->book.count && follow->status.database_up; i++)
        prepare(follow, &follow->book.epochs[i]);
    tell_ended(follow);
    if (!follow->book_published) follow->book_published = publish(follow);
    if (!follow->book_published) return;
    /* Nobody reads a catalogue with them any more. */
    while (follow->over_count > 0) follow_free_epoch(&follow->over[--follow->over_count]);
    if (!follow->book_saved) save(follow);
}
