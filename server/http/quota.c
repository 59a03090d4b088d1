#include "server/http/quota_book.h"

#include "server/http/log.h"
#include "server/http/registry.h"

#define TOLD_MS 60000 /* the same complaint at most once in so long */

/* -- whose quota ------------------------------------------------------------------------------- */

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static int profile_of_role(const char *name)
{
    if (begins(name, "reader/")) return QUOTA_PROFILE_LANE;
    return begins(name, "agency/") ? QUOTA_PROFILE_AGENCY : -1;
}

int quota_profile_of(const struct quota_book *book, const char *name, const char *profile)
{
    const struct quota_profiles *profiles = book->settings.profiles;
    int by_role = profile_of_role(name);
    if (by_role < 0 || profile == NULL) return by_role;
    int found = quota_profile_find(profiles, profile);
    bool fits = found >= 0 && profiles->list[found].agency == (by_role == QUOTA_PROFILE_AGENCY);
    return fits ? found : by_role;
}

bool quota_fits(const struct quota_book *book, enum role role, const char *profile)
{
    return quota_profile_fits(book->settings.profiles, role, profile);
}

int quota_record_profile(const struct quota_book *book, const struct quota_record *record)
{
    unsigned charged = atomic_load_explicit(&record->profile, memory_order_relaxed);
    return charged < book->settings.profiles->count ? (int)charged : profile_of_role(record->name);
}

/* True once in TOLD_MS. */
static bool may_tell(atomic_int_least64_t *told_ms, int64_t now_ms)
{
    int64_t before = atomic_load(told_ms);
    if (before != 0 && now_ms - before < TOLD_MS && now_ms >= before) return false;
    return atomic_compare_exchange_strong(told_ms, &before, now_ms);
}

/* -- counting ---------------------------------------------------------------------------------- */

uint64_t quota_spent(const struct quota_record *record, enum quota_window window, unsigned counter, int64_t now_ms)
{
    uint64_t word = atomic_load_explicit(&record->spent[window][counter], memory_order_relaxed);
    return quota_word_count(quota_word_at(word, (uint64_t)(now_ms / quota_window_ms(window))));
}

/* Adds AMOUNT unless that passes LIMIT; *word is what was there. */
static bool take(atomic_uint_least64_t *place, uint64_t window, uint64_t amount, uint64_t limit, uint64_t *word)
{
    uint64_t before = atomic_load_explicit(place, memory_order_relaxed);
    do {
        *word = quota_word_at(before, window);
        if (amount > limit || quota_word_count(*word) > limit - amount) return false;
    } while (!atomic_compare_exchange_weak_explicit(place, &before, *word + amount, memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void give(atomic_uint_least64_t *place, uint64_t window, uint64_t amount)
{
    uint64_t before = atomic_load_explicit(place, memory_order_relaxed), count;
    do {
        count = quota_word_count(before);
        if (quota_word_window(before) != window) return; /* that window is over */
    } while (!atomic_compare_exchange_weak_explicit(place, &before, quota_word(window, count < amount ? 0 : count - amount),
                                                    memory_order_relaxed, memory_order_relaxed));
}

static uint64_t window_at(enum quota_window window, int64_t now_ms)
{
    return (uint64_t)(now_ms / quota_window_ms(window));
}

static void count_refused(struct quota_book *book, struct quota_record *record, int64_t now_ms)
{
    uint64_t word;
    (void)take(&record->refused, window_at(QUOTA_DAY, now_ms), 1, QUOTA_COUNT_MAX, &word);
    if (book->refused != NULL) metric_add(book->refused, 1);
}

/* WORD is what is in the way. */
static void fill_refusal(const struct quota_book *book, enum quota_window window, unsigned counter, uint64_t amount,
                         uint64_t limit, uint64_t word, int64_t now_ms, struct quota_refusal *refusal)
{
    int64_t wait_ms = ((int64_t)quota_word_window(word) + 1) * quota_window_ms(window) - now_ms;
    *refusal = (struct quota_refusal){
        .reason = amount > limit ? REASON_TOO_MUCH : REASON_OVER_QUOTA,
        .retry_after_s = (unsigned)((wait_ms + 999) / 1000),
        .counted = quota_counter_name(book->settings.side, counter),
        .window = window,
    };
}

/* What a charge is made to. */
struct account {
    struct quota_record *record;
    const struct quota_limits *limits;
    int64_t now_ms;
};

/* The longest first: while the day is spent, a minute's end changes nothing. */
static const enum quota_window windows[QUOTA_WINDOWS] = { QUOTA_DAY, QUOTA_MINUTE };

/* What PLACE says in WINDOW, which is kept when it was said of a time far ahead: else it would be said of each window until
   then. */
static uint64_t look_at(atomic_uint_least64_t *place, uint64_t window)
{
    uint64_t before = atomic_load_explicit(place, memory_order_relaxed), word = quota_word_at(before, window);
    if (quota_word_window(before) > quota_word_window(word))
        (void)atomic_compare_exchange_strong_explicit(place, &before, word, memory_order_relaxed, memory_order_relaxed);
    return word;
}

/* Would AMOUNT pass everywhere?  Looks only, so that a request that will not pass disturbs nobody's count. */
static bool fits(const struct quota_book *book, const struct account *account, const uint64_t *amount, struct quota_refusal *refusal)
{
    for (unsigned w = 0; w < QUOTA_WINDOWS; w++) {
        for (unsigned i = 0; i < QUOTA_COUNTERS; i++) {
            uint64_t limit = account->limits->most[windows[w]][i];
            uint64_t word = look_at(&account->record->spent[windows[w]][i], window_at(windows[w], account->now_ms));
            if (amount[i] == 0 || (amount[i] <= limit && quota_word_count(word) <= limit - amount[i])) continue;
            fill_refusal(book, windows[w], i, amount[i], limit, word, account->now_ms, refusal);
            return false;
        }
    }
    return true;
}

static void undo(const struct account *account, const uint64_t *amount, unsigned steps)
{
    for (unsigned step = 0; step < steps; step++) {
        enum quota_window window = windows[step / QUOTA_COUNTERS];
        unsigned i = step % QUOTA_COUNTERS;
        give(&account->record->spent[window][i], window_at(window, account->now_ms), amount[i]);
    }
}

/* Charges everywhere or nowhere.  What another thread took between the look and this is undone; it may have made that
   thread's other requests wait, never pass. */
static bool charge(const struct quota_book *book, const struct account *account, const uint64_t *amount, struct quota_refusal *refusal)
{
    if (!fits(book, account, amount, refusal)) return false;
    for (unsigned step = 0; step < QUOTA_WINDOWS * QUOTA_COUNTERS; step++) {
        enum quota_window window = windows[step / QUOTA_COUNTERS];
        unsigned i = step % QUOTA_COUNTERS;
        uint64_t limit = account->limits->most[window][i], word;
        if (amount[i] == 0) continue;
        if (take(&account->record->spent[window][i], window_at(window, account->now_ms), amount[i], limit, &word)) continue;
        undo(account, amount, step);
        fill_refusal(book, window, i, amount[i], limit, word, account->now_ms, refusal);
        return false;
    }
    return true;
}

/* -- the book ---------------------------------------------------------------------------------- */

/* Settings that lost a section, or a registration from the command line. */
static void tell_unknown(struct quota_book *book, const struct request *request, int profile, int64_t now_ms)
{
    const char *name = book->settings.profiles->list[profile].name;
    if (strcmp(request->registration->quota, name) != 0 && may_tell(&book->unknown_told_ms, now_ms))
        log_line(LOG_WARNING, "quota: %s is registered with a profile that is not in the settings, or not for its role; %s is used",
                 request->peer->name, name);
}

/* False: no quota for this peer; or, with *result, no place in the book. */
static bool open_account(struct quota_book *book, const struct request *request, struct account *account, struct result *result)
{
    *result = OK;
    if (request->peer == NULL) return false;
    int profile = quota_profile_of(book, request->peer->name, request->registration == NULL ? NULL : request->registration->quota);
    if (profile < 0) return false;
    account->now_ms = clock_now_ms(book->settings.clock);
    if (request->registration != NULL) tell_unknown(book, request, profile, account->now_ms);
    account->limits = &book->limits[profile];
    account->record = quota_file_record(&book->file, request->peer->name, window_at(QUOTA_DAY, account->now_ms));
    if (account->record != NULL) {
        if (atomic_load_explicit(&account->record->profile, memory_order_relaxed) != (unsigned)profile)
            atomic_store_explicit(&account->record->profile, (uint_least8_t)profile, memory_order_relaxed);
        return true;
    }
    if (may_tell(&book->full_told_ms, account->now_ms)) log_line(LOG_ERR, "quota: the book is full, and new names are refused");
    *result = FAIL(REASON_BUSY);
    return false;
}

struct result quota_charge(struct quota_book *book, const struct request *request, struct quota_cost *cost,
                           struct quota_refusal *refusal)
{
    struct account account;
    struct result result;
    if (!open_account(book, request, &account, &result)) {
        *refusal = (struct quota_refusal){ .reason = result.reason };
        return result;
    }
    *refusal = (struct quota_refusal){ .reason = REASON_NONE };
    cost->charged_ms = account.now_ms;
    if (charge(book, &account, cost->amount, refusal)) return OK;
    count_refused(book, account.record, account.now_ms);
    return FAIL(refusal->reason);
}

struct result quota_look(struct quota_book *book, const struct request *request, struct quota_refusal *refusal)
{
    static const uint64_t least[QUOTA_COUNTERS] = { 1, 0 };
    struct account account;
    struct result result;
    if (!open_account(book, request, &account, &result)) {
        *refusal = (struct quota_refusal){ .reason = result.reason };
        return result;
    }
    *refusal = (struct quota_refusal){ .reason = REASON_NONE };
    if (fits(book, &account, least, refusal)) return OK;
    count_refused(book, account.record, account.now_ms);
    return FAIL(refusal->reason);
}

void quota_give_back(struct quota_book *book, const struct request *request, const struct quota_cost *cost)
{
    struct account account;
    struct result result;
    if (!open_account(book, request, &account, &result)) return;
    account.now_ms = cost->charged_ms;
    undo(&account, cost->amount, QUOTA_WINDOWS * QUOTA_COUNTERS);
}

struct reply quota_problem(const struct quota_refusal *refusal)
{
    char more[64];
    if (refusal->reason == REASON_BUSY) return reply_problem(REASON_BUSY);
    snprintf(more, sizeof more, "\"counted\":\"%s\",\"window\":\"%s\"", refusal->counted, quota_window_name(refusal->window));
    return reply_problem_more(refusal->reason, refusal->reason == REASON_OVER_QUOTA ? refusal->retry_after_s : 0, more);
}

static void register_metrics(struct quota_book *book, struct metrics *metrics)
{
    book->refused = metrics_counter(metrics, "platesieve_quota_refused_total", "Requests that were over their name's quota.", "");
    book->hot = metrics_gauge(metrics, "platesieve_quota_hot", "Names that have used 80 % of a quota of today.", "");
    book->total_share = metrics_gauge(metrics, "platesieve_quota_total_share",
                                      "What all names have used today, as a share of what raises an alarm; 0 without one.", "");
    book->alarm = metrics_gauge(metrics, "platesieve_alarm", "1 while it stands.", "what=\"quota\"");
}

struct result quota_open(const struct quota_settings *settings, FILE *errors, struct quota_book **out)
{
    struct quota_book *book = calloc(1, sizeof *book);
    if (book == NULL) return FAIL(REASON_INTERNAL);
    book->settings = *settings;
    book->file.fd = -1;
    for (size_t i = 0; i < settings->profiles->count; i++)
        quota_profile_limits(&settings->profiles->list[i], settings->side, settings->keys_a_day, &book->limits[i]);
    if (settings->metrics != NULL) register_metrics(book, settings->metrics);
    uint64_t today = window_at(QUOTA_DAY, clock_now_ms(settings->clock));
    struct result result = quota_file_open(settings->folder, settings->side, today, errors, &book->file);
    if (!failed(result)) {
        book->watch = quota_watch_start(book);
        if (book->watch == NULL) result = FAIL(REASON_INTERNAL);
    }
    if (failed(result)) {
        quota_close(book);
        return result;
    }
    *out = book;
    return OK;
}

void quota_close(struct quota_book *book)
{
    if (book == NULL) return;
    quota_watch_stop(book->watch);
    quota_file_close(&book->file);
    free(book);
}
