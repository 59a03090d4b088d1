/* What operators and auditors are shown of the book. */
#include "server/http/quota_book.h"

/* A limit, or null where there is none. */
static json_t *limit_json(uint64_t limit)
{
    return limit == QUOTA_COUNT_MAX ? json_null() : json_integer((json_int_t)limit);
}

static json_t *limits_json(const struct quota_book *book, int profile, enum quota_window window)
{
    json_t *json = json_object();
    for (unsigned i = 0; i < QUOTA_COUNTERS; i++)
        (void)json_object_set_new(json, quota_counter_name(book->settings.side, i), limit_json(book->limits[profile].most[window][i]));
    return json;
}

static json_t *spent_json(const struct quota_book *book, const struct quota_record *record, enum quota_window window, int64_t now_ms)
{
    json_t *json = json_object();
    for (unsigned i = 0; i < QUOTA_COUNTERS; i++)
        (void)json_object_set_new(json, quota_counter_name(book->settings.side, i),
                                  json_integer(record == NULL ? 0 : (json_int_t)quota_spent(record, window, i, now_ms)));
    return json;
}

static json_int_t refused_of(const struct quota_record *record, int64_t now_ms)
{
    uint64_t word = record == NULL ? 0 : atomic_load_explicit(&record->refused, memory_order_relaxed);
    return (json_int_t)quota_word_count(quota_word_at(word, (uint64_t)(now_ms / quota_window_ms(QUOTA_DAY))));
}

static json_t *use_json(const struct quota_book *book, const struct quota_record *record, int profile, int64_t now_ms)
{
    return json_pack("{ss sI s{so so} s{so so} sI}", "profile", book->settings.profiles->list[profile].name, "percent",
                     (json_int_t)(record == NULL ? 0 : quota_percent(book, record, now_ms)), "minute", "used",
                     spent_json(book, record, QUOTA_MINUTE, now_ms), "limit", limits_json(book, profile, QUOTA_MINUTE), "day", "used",
                     spent_json(book, record, QUOTA_DAY, now_ms), "limit", limits_json(book, profile, QUOTA_DAY), "refused",
                     refused_of(record, now_ms));
}

json_t *quota_use_json(struct quota_book *book, const char *name, const char *profile)
{
    int position = quota_profile_of(book, name, profile);
    if (position < 0) return json_null();
    return use_json(book, quota_file_find(&book->file, name), position, clock_now_ms(book->settings.clock));
}

static json_t *profiles_json(const struct quota_book *book)
{
    json_t *profiles = json_array();
    for (size_t i = 0; i < book->settings.profiles->count; i++)
        (void)json_array_append_new(profiles, json_pack("{ss so so}", "profile", book->settings.profiles->list[i].name, "minute",
                                                        limits_json(book, (int)i, QUOTA_MINUTE), "day",
                                                        limits_json(book, (int)i, QUOTA_DAY)));
    return profiles;
}

/* -- who is hot -------------------------------------------------------------------------------- */

struct hot {
    const struct quota_record *record;
    unsigned percent;
    json_int_t refused;
};

static bool is_hotter(const struct hot *a, const struct hot *b)
{
    return a->percent != b->percent ? a->percent > b->percent : a->refused > b->refused;
}

/* Into HOT, in order, without the least where there is no room. */
static size_t insert(struct hot hot[LIMIT_QUOTA_HOT], size_t count, const struct hot *one)
{
    size_t at = count;
    while (at > 0 && is_hotter(one, &hot[at - 1])) at--;
    if (at == LIMIT_QUOTA_HOT) return count;
    if (count < LIMIT_QUOTA_HOT) count++;
    memmove(&hot[at + 1], &hot[at], (count - 1 - at) * sizeof *hot);
    hot[at] = *one;
    return count;
}

static json_t *hot_json(struct quota_book *book, int64_t now_ms)
{
    struct hot hot[LIMIT_QUOTA_HOT];
    size_t count = 0;
    json_t *array = json_array();
    for (size_t i = 0; i < LIMIT_QUOTA_RECORDS; i++) {
        const struct quota_record *record = &book->file.records[i];
        if (!quota_record_used(record)) continue;
        struct hot one = { record, quota_percent(book, record, now_ms), refused_of(record, now_ms) };
        if (one.percent >= QUOTA_HOT_PERCENT || one.refused > 0) count = insert(hot, count, &one);
    }
    for (size_t i = 0; i < count; i++) {
        int profile = quota_record_profile(book, hot[i].record);
        if (profile < 0) continue;
        json_t *use = use_json(book, hot[i].record, profile, now_ms);
        (void)json_object_set_new(use, "name", json_string(hot[i].record->name));
        (void)json_array_append_new(array, use);
    }
    return array;
}

json_t *quota_status_json(struct quota_book *book)
{
    int64_t now_ms = clock_now_ms(book->settings.clock);
    struct quota_total total;
    json_t *alarms = json_array(), *used = json_object();
    quota_total(book, now_ms, &total);
    for (unsigned i = 0; i < QUOTA_COUNTERS; i++)
        (void)json_object_set_new(used, quota_counter_name(book->settings.side, i), json_integer((json_int_t)total.spent[i]));
    if (total.hot > 0) (void)json_array_append_new(alarms, json_string("name"));
    if (total.alarm_at > 0 && total.spent[0] >= total.alarm_at) (void)json_array_append_new(alarms, json_string("total"));
    return json_pack("{so so sI sI s{so so} so}", "alarms", alarms, "profiles", profiles_json(book), "names", (json_int_t)total.names,
                     "refused", (json_int_t)total.refused, "total", "used", used, "alarm_at",
                     total.alarm_at == 0 ? json_null() : json_integer((json_int_t)total.alarm_at), "hot", hot_json(book, now_ms));
}
