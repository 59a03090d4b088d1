/* A thread that looks through the book each second: puts it to the disk, brings the gauges up to date, and says on the
   log who has used most of a day's quota, each name once a day. */
#include "server/http/quota_book.h"

#include "include/monotonic.h"
#include "server/http/log.h"

#define PAUSE_S 1

struct quota_watch {
    struct quota_book *book;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;
    uint64_t synced; /* a sum over the book when it was last put to the disk */
    bool told;       /* that the disk does not take it */
};

/* -- figures ----------------------------------------------------------------------------------- */

unsigned quota_percent(const struct quota_book *book, const struct quota_record *record, int64_t now_ms)
{
    int profile = quota_record_profile(book, record);
    uint64_t most = 0;
    for (unsigned i = 0; profile >= 0 && i < QUOTA_COUNTERS; i++) {
        uint64_t limit = book->limits[profile].most[QUOTA_DAY][i], spent = quota_spent(record, QUOTA_DAY, i, now_ms);
        if (spent > limit) spent = limit; /* the limit was lowered */
        if (spent * 100 / limit > most) most = spent * 100 / limit;
    }
    return (unsigned)most;
}

static uint64_t refused_today(const struct quota_record *record, int64_t now_ms)
{
    uint64_t word = atomic_load_explicit(&record->refused, memory_order_relaxed);
    return quota_word_count(quota_word_at(word, (uint64_t)(now_ms / quota_window_ms(QUOTA_DAY))));
}

/* Half of what the names that are in use may ask for together: lanes that use more than half of their quotas on average
   have quotas that are too small, or somebody helps himself to many of them at a time. */
static uint64_t worked_out(const struct quota_book *book, uint64_t together, unsigned names)
{
    if (book->settings.profiles->total_a_day > 0) return book->settings.profiles->total_a_day;
    return names < QUOTA_TOTAL_NAMES_MIN ? 0 : together / 2;
}

void quota_total(struct quota_book *book, int64_t now_ms, struct quota_total *total)
{
    uint64_t together = 0;
    *total = (struct quota_total){ 0 };
    for (size_t i = 0; i < LIMIT_QUOTA_RECORDS; i++) {
        const struct quota_record *record = &book->file.records[i];
        uint64_t any = 0;
        if (!quota_record_used(record)) continue;
        for (unsigned c = 0; c < QUOTA_COUNTERS; c++) {
            uint64_t spent = quota_spent(record, QUOTA_DAY, c, now_ms);
            total->spent[c] += spent;
            any += spent;
        }
        uint64_t refused = refused_today(record, now_ms);
        total->refused += refused;
        if (any + refused == 0) continue;
        total->names++;
        total->hot += quota_percent(book, record, now_ms) >= QUOTA_HOT_PERCENT;
        int profile = quota_record_profile(book, record);
        if (profile >= 0) together += book->limits[profile].most[QUOTA_DAY][0];
    }
    total->alarm_at = worked_out(book, together, total->names);
}

/* -- alarms ------------------------------------------------------------------------------------ */

static void tell_hot(struct quota_book *book, struct quota_record *record, int64_t now_ms)
{
    uint32_t today = (uint32_t)(now_ms / quota_window_ms(QUOTA_DAY));
    unsigned percent;
    if (!quota_record_used(record) || record->alarmed_day >= today) return;
    if ((percent = quota_percent(book, record, now_ms)) < QUOTA_HOT_PERCENT) return;
    record->alarmed_day = today;
    log_line(LOG_WARNING, "quota: %s has used %u %% of its day", record->name, percent);
}

static void tell_total(struct quota_book *book, const struct quota_total *total, int64_t now_ms)
{
    uint32_t today = (uint32_t)(now_ms / quota_window_ms(QUOTA_DAY));
    if (total->alarm_at == 0 || total->spent[0] < total->alarm_at) return;
    if (atomic_exchange(&book->total_alarmed_day, today) == today) return;
    log_line(LOG_WARNING, "quota: all names together have used %llu %s today, where %llu raise an alarm",
             (unsigned long long)total->spent[0], quota_counter_name(book->settings.side, 0), (unsigned long long)total->alarm_at);
}

void quota_watch(struct quota_book *book)
{
    int64_t now_ms = clock_now_ms(book->settings.clock);
    struct quota_total total;
    for (size_t i = 0; i < LIMIT_QUOTA_RECORDS; i++) tell_hot(book, &book->file.records[i], now_ms);
    quota_total(book, now_ms, &total);
    tell_total(book, &total, now_ms);
    if (book->hot == NULL) return;
    bool over = total.alarm_at > 0 && total.spent[0] >= total.alarm_at;
    metric_set(book->hot, total.hot);
    metric_set(book->total_share, total.alarm_at == 0 ? 0 : (double)total.spent[0] / (double)total.alarm_at);
    metric_set(book->alarm, total.hot > 0 || over);
}

/* -- the thread -------------------------------------------------------------------------------- */

/* Changes with any charge: words only grow, but for charges taken back. */
static uint64_t sum_over(const struct quota_book *book)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < LIMIT_QUOTA_RECORDS; i++) {
        const struct quota_record *record = &book->file.records[i];
        if (!quota_record_used(record)) continue;
        sum += atomic_load_explicit(&record->refused, memory_order_relaxed) + record->alarmed_day;
        for (unsigned c = 0; c < QUOTA_COUNTERS; c++) sum += atomic_load_explicit(&record->spent[QUOTA_DAY][c], memory_order_relaxed);
    }
    return sum;
}

static void sync_book(struct quota_watch *watch)
{
    uint64_t sum = sum_over(watch->book);
    if (sum == watch->synced) return;
    bool fine = quota_file_sync(&watch->book->file);
    if (fine) watch->synced = sum;
    if (!fine && !watch->told) log_line(LOG_ERR, "quota: the disk does not take the book: a power cut would reset it");
    watch->told = !fine;
}

static bool pause_watch(struct quota_watch *watch)
{
    return monotonic_pause(&watch->wake, &watch->lock, &watch->ending, monotonic_now_ms() + PAUSE_S * INT64_C(1000));
}

static void *run(void *context)
{
    struct quota_watch *watch = context;
    while (pause_watch(watch)) {
        quota_watch(watch->book);
        sync_book(watch);
    }
    return NULL;
}

struct quota_watch *quota_watch_start(struct quota_book *book)
{
    struct quota_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) return NULL;
    watch->book = book;
    pthread_mutex_init(&watch->lock, NULL);
    monotonic_condition(&watch->wake);
    if (pthread_create(&watch->thread, NULL, run, watch) == 0) return watch;
    free(watch);
    return NULL;
}

void quota_watch_stop(struct quota_watch *watch)
{
    if (watch == NULL) return;
    pthread_mutex_lock(&watch->lock);
    watch->ending = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}
