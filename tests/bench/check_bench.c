/* What one check of three tokens costs the gate besides HTTP: parsing, peppering, looking up among N slots, writing the answer.
   `tests/bench/check_bench [--slots N]` prints one JSON object on one line, in nanoseconds. */
#include <sodium.h>
#include <urcu-bp.h>

#include "server/gate/check/check.h"
#include "server/gate/check/cooldown.h"

#define CHECKS 200000u
#define BODIES 4096u
#define BATCH 100000u

static void must(bool good)
{
    if (good) return;
    fprintf(stderr, "check_bench: failed\n");
    exit(1);
}

static struct catalogue *make_catalogue(int64_t now_ms, uint64_t slots)
{
    struct catalogue *catalogue = catalogue_create(1, 1, 1);
    static struct index_record records[BATCH];
    uint8_t pepper[PLATESIEVE_KEY_BYTES] = { 1 };
    uint32_t entry;

    must(catalogue != NULL && (catalogue->entries = entries_create()) != NULL);
    catalogue->lists[0] = (struct catalogue_list){ .number = 1, .id = "stolen", .agency = "customs", .grade = PLATESIEVE_SIMILAR, .revision = 1,
                                                   .entries = 1, .committed_ms = now_ms - 1000, .coverage = { COVERAGE_WHOLE } };
    catalogue->segments[0].visible = true;
    catalogue->epochs[0] = (struct catalogue_epoch){ .id = "20261122T000000Z", .opens_ms = now_ms - 1000, .closes_ms = now_ms + 86400000,
                                                     .destroyed_ms = now_ms + 90000000, .index = index_create() };
    must(!platesieve_failed(platesieve_pepper_create(pepper, catalogue->epochs[0].id, &catalogue->epochs[0].pepper)));
    must(!failed(entries_add(catalogue->entries, &(struct entry){ .key = 1, .segment = 1, .expires = ENTRY_FOREVER }, &entry)));
    for (uint64_t i = 0; i < slots; i += BATCH) {
        randombytes_buf(records, sizeof(records));
        for (size_t k = 0; k < BATCH; k++) {
            records[k].entry = entry;
            records[k].segment = 1;
            records[k].grade = (uint8_t)(k % 3);
        }
        must(!failed(index_add(catalogue->epochs[0].index, records, BATCH)));
    }
    must(!failed(policy_make_views(catalogue, NULL, 0, now_ms)));
    return catalogue;
}

static void random_text(char text[PLATESIEVE_TOKEN_TEXT + 1])
{
    uint8_t bytes[16];

    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2base64(text, PLATESIEVE_TOKEN_TEXT + 1, bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static char *make_body(const struct catalogue *catalogue, int64_t now_ms)
{
    char text[4][PLATESIEVE_TOKEN_TEXT + 1], time[TIME_TEXT_SIZE], *body = NULL;

    for (size_t i = 0; i < 4; i++) random_text(text[i]);
    time_format(now_ms, time);
    must(asprintf(&body, "{\"policy\":\"%s\",\"epochs\":[{\"id\":\"%s\",\"key_id\":\"AAAAAAAAAAAAAAAAAAAAAA\"}],\"reads\":[{\"read_id\":\"%s\","
                         "\"seen_at\":\"%s\",\"candidates\":[{\"confidence\":0.97,\"tokens\":[{\"full\":\"%s\",\"plate\":\"%s\",\"similar\":\"%s\"}]}]}]}",
                  policy_view(catalogue, "north")->policy, catalogue->epochs[0].id, text[0], time, text[1], text[2], text[3]) >= 0);
    return body;
}

static uint64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

struct spent {
    uint64_t parse, run, text, wipe;
};

static void check(const struct catalogue *catalogue, struct cooldown *cooldown, int64_t now_ms, const char *body, bool apart, struct spent *spent)
{
    static const struct peer peer = { ROLE_READER, "reader/north/1", "north", "1" };
    struct check_batch *batch;
    struct check_answer *answer;
    struct sighting *sightings;
    size_t count, size;
    bool wait;
    uint64_t at[5] = { apart ? now_ns() : 0 };

    must(!failed(check_batch_parse(body, strlen(body), now_ms, &batch)));
    if (apart) at[1] = now_ns();
    rcu_read_lock();
    must(!failed(check_run(catalogue, cooldown, &peer, batch, now_ms, &answer, &sightings, &count, &wait)));
    if (apart) at[2] = now_ns();
    free(check_text(answer, &size));
    rcu_read_unlock();
    if (apart) at[3] = now_ns();
    must(count == 0);
    check_answer_free(answer);
    check_batch_wipe(&batch);
    if (!apart) return;
    at[4] = now_ns();
    spent->parse += at[1] - at[0];
    spent->run += at[2] - at[1];
    spent->text += at[3] - at[2];
    spent->wipe += at[4] - at[3];
}

int main(int count, char **arguments)
{
    int64_t now_ms = clock_now_ms(&system_clock);
    uint64_t slots = 1000000, begin, whole;
    struct spent spent = { 0 };
    struct catalogue *catalogue;
    struct cooldown *cooldown;
    static char *bodies[BODIES];

    if (count == 3 && strcmp(arguments[1], "--slots") == 0) slots = strtoull(arguments[2], NULL, 10);
    else must(count == 1);
    must(!platesieve_failed(platesieve_init()) && slots <= 100000000);
    must((cooldown = cooldown_create()) != NULL);
    catalogue = make_catalogue(now_ms, slots);
    for (size_t i = 0; i < BODIES; i++) bodies[i] = make_body(catalogue, now_ms);
    for (size_t i = 0; i < CHECKS / 10; i++) check(catalogue, cooldown, now_ms, bodies[i % BODIES], false, &spent);
    begin = now_ns();
    for (size_t i = 0; i < CHECKS; i++) check(catalogue, cooldown, now_ms, bodies[i % BODIES], false, &spent);
    whole = now_ns() - begin;
    for (size_t i = 0; i < CHECKS; i++) check(catalogue, cooldown, now_ms, bodies[i % BODIES], true, &spent);
    printf("{\"slots\": %llu, \"check_ns\": %.0f, \"parse_ns\": %.0f, \"run_ns\": %.0f, \"text_ns\": %.0f, \"wipe_ns\": %.0f}\n", (unsigned long long)slots,
           (double)whole / CHECKS, (double)spent.parse / CHECKS, (double)spent.run / CHECKS, (double)spent.text / CHECKS, (double)spent.wipe / CHECKS);
    return 0;
}
