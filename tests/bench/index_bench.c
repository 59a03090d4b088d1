/* Memory and speed of the index alone, with random slots, beside a binary search in one sorted array of the same records.
   `tests/bench/index_bench [--slots N]` prints one JSON object on one line. */
#include <malloc.h>
#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>
#include <urcu-bp.h>

#include "server/gate/index/entries.h"
#include "server/gate/index/index.h"

#define LOOKUPS 2000000u
#define BATCH 6u /* slots of a check: one read, one candidate, three grades, two epochs */
#define SINGLES 20000u

struct packed { /* what a sorted array would hold: the same 28 bytes */
    uint8_t slot[12], tag[8];
    uint32_t entry, grade_segment;
};

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The slot of number I; the same each time. */
static void make_slot(uint64_t i, uint8_t slot[PLATESIEVE_SLOT_BYTES])
{
    uint64_t halves[2] = { mix(i * 2 + 1), mix(~i) };

    memcpy(slot, halves, sizeof(halves));
}

static double now_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char line[128], *end;
    uint64_t pages = 0;

    if (file == NULL) return 0;
    if (fgets(line, sizeof(line), file) != NULL) {
        (void)strtoull(line, &end, 10);
        pages = strtoull(end, NULL, 10);
    }
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        fprintf(stderr, "index_bench: out of memory\n");
        exit(1);
    }
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

static bool count_match(void *context, const struct index_match *match)
{
    *(uint64_t *)context += 1 + (match->grade & 0);
    return true;
}

/* Half of what is asked is there. */
static double look_up(const struct index *index, uint64_t slots, bool prefetch, uint64_t *found)
{
    double begin = now_s();

    for (uint64_t i = 0; i < LOOKUPS; i += BATCH) {
        uint8_t batch[BATCH][PLATESIEVE_SLOT_BYTES];

        for (unsigned k = 0; k < BATCH; k++) make_slot(mix(i + k) % (2 * slots), batch[k]);
        rcu_read_lock();
        for (unsigned k = 0; prefetch && k < BATCH; k++) index_prefetch(index, batch[k]);
        for (unsigned k = 0; prefetch && k < BATCH; k++) index_prefetch_bucket(index, batch[k]);
        for (unsigned k = 0; k < BATCH; k++) index_lookup(index, batch[k], count_match, found);
        rcu_read_unlock();
    }
    return (now_s() - begin) / LOOKUPS * 1e9;
}

static int by_slot(const void *a, const void *b)
{
    return memcmp(a, b, 12);
}

static double look_up_sorted(const struct packed *sorted, uint64_t slots, uint64_t *found)
{
    double begin = now_s();

    for (uint64_t i = 0; i < LOOKUPS; i++) {
        uint8_t slot[PLATESIEVE_SLOT_BYTES];

        make_slot(mix(i) % (2 * slots), slot);
        *found += bsearch(slot, sorted, slots, sizeof(*sorted), by_slot) != NULL;
    }
    return (now_s() - begin) / LOOKUPS * 1e9;
}

/* What making the questions costs; not the index's doing. */
static double look_up_nothing(uint64_t slots)
{
    double begin = now_s();
    uint8_t sink = 0;

    for (uint64_t i = 0; i < LOOKUPS; i++) {
        uint8_t slot[PLATESIEVE_SLOT_BYTES];

        make_slot(mix(i) % (2 * slots), slot);
        sink ^= slot[0];
        __asm__ volatile("" : "+r"(sink));
    }
    return (now_s() - begin) / LOOKUPS * 1e9;
}

static double add_all(struct index *index, uint64_t slots, uint64_t *before)
{
    size_t bytes = slots * sizeof(struct index_record);
    struct index_record *records = map(bytes);
    double begin;

    for (uint64_t i = 0; i < slots; i++) {
        make_slot(i, records[i].slot);
        records[i].entry = (uint32_t)i;
        records[i].segment = 1;
    }
    *before = resident_bytes() - bytes;
    begin = now_s();
    if (failed(index_add(index, records, slots))) exit(1);
    begin = now_s() - begin;
    munmap(records, bytes);
    return begin;
}

static double add_singles(struct index *index, uint64_t slots)
{
    double begin = now_s();

    for (uint64_t i = 0; i < SINGLES; i++) {
        struct index_record record = { .entry = 1, .segment = 1 };

        make_slot(1u << 31 | (slots + i), record.slot);
        if (failed(index_add(index, &record, 1))) exit(1);
    }
    return (now_s() - begin) / SINGLES * 1e6;
}

static double bytes_per_entry(uint64_t count)
{
    struct entries *entries = entries_create();
    uint32_t number;
    double bytes;

    for (uint64_t i = 0; i < count; i++)
        if (entries == NULL || failed(entries_add(entries, &(struct entry){ .key = i, .segment = 1 }, &number))) exit(1);
    bytes = (double)entries_bytes(entries) / (double)count;
    entries_destroy(entries);
    return bytes;
}

static void measure(uint64_t slots)
{
    struct index *index = index_create();
    uint64_t before = 0, after, found = 0, found_prefetched = 0, found_sorted = 0;
    double add_s = add_all(index, slots, &before), nothing = look_up_nothing(slots), plain, prefetched, sorted_ns, single_us;
    double bytes = (double)index_bytes(index) / (double)slots;
    struct packed *sorted;

    after = resident_bytes();
    plain = look_up(index, slots, false, &found) - nothing;
    prefetched = look_up(index, slots, true, &found_prefetched) - nothing;
    single_us = add_singles(index, slots);

    sorted = map(slots * sizeof(*sorted));
    for (uint64_t i = 0; i < slots; i++) {
        uint8_t slot[PLATESIEVE_SLOT_BYTES];

        make_slot(i, slot);
        memcpy(sorted[i].slot, slot, sizeof(sorted[i].slot));
    }
    qsort(sorted, slots, sizeof(*sorted), by_slot);
    sorted_ns = look_up_sorted(sorted, slots, &found_sorted) - nothing;
    if (found != found_prefetched || found == 0) {
        fprintf(stderr, "index_bench: look-ups do not agree\n");
        exit(1);
    }
    printf("{\"slots\": %llu, \"bytes_per_slot\": %.2f, \"rss_bytes_per_slot\": %.2f, \"add_s\": %.3f, \"add_single_us\": %.2f, "
           "\"bytes_per_slot_after_singles\": %.2f, \"lookup_ns\": %.1f, \"lookup_prefetched_ns\": %.1f, \"bsearch_ns\": %.1f, "
           "\"entry_bytes_per_entry\": %.2f}\n",
           (unsigned long long)slots, bytes, (double)(after - before) / (double)slots, add_s, single_us,
           (double)index_bytes(index) / (double)index_slots(index), plain, prefetched, sorted_ns, bytes_per_entry(slots / 3 + 1));
    index_destroy(index);
    munmap(sorted, slots * sizeof(*sorted));
}

int main(int count, char **arguments)
{
    unsigned long long slots = 10000000;

    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--json") == 0) continue; /* it always is */
        if (strcmp(arguments[i], "--slots") == 0 && i + 1 < count) slots = strtoull(arguments[++i], NULL, 10);
        else slots = 0;
    }
    if (slots < 1000 || slots > 200000000) {
        fprintf(stderr, "usage: index_bench [--json] [--slots 1000..200000000]\n");
        return 2;
    }
    if (sodium_init() < 0) return 1;
    measure(slots);
    return 0;
}
