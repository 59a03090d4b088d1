#include "server/gate/webhooks/webhooks.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/gate/webhooks/seal.h"
#include "server/gate/webhooks/transfer.h"
#include "server/gate/webhooks/url.h"
#include "server/http/log.h"

#define LOOK_MS 500     /* other gates' hits, and pauses that are over, are found by it */
#define PAUSE_MS 100    /* between two looks when hits come all the time */
#define ALARMS_MS 5000  /* between two looks at those that fail */
#define TICK_MS 50      /* while transfers are under way */
#define AWAY_MS 2000    /* after the database did not answer */

struct webhooks {
    struct webhooks_settings settings;
    char lease[WEBHOOK_LEASE_MAX];
    pthread_t thread;
    CURLM *multi;
    struct transfer *transfers;
    unsigned count;
    atomic_bool hinted, ending;
    pthread_mutex_t lock; /* guards the alarms */
    struct db_webhook *alarms;
    size_t alarm_count;
    struct metric *standing, *failing, *alarm, *delivered, *failed;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -- beginning a delivery --------------------------------------------------------------------------------------------------- */

/* 2 s, 4 s, ... and then every ten minutes, each time somewhere between half and all of it: receivers that were away together are not asked
   together. */
static unsigned pause_after(uint32_t failures)
{
    unsigned pause_s = failures >= 10 ? LIMIT_WEBHOOK_PAUSE_S : 2u << failures;

    if (pause_s > LIMIT_WEBHOOK_PAUSE_S) pause_s = LIMIT_WEBHOOK_PAUSE_S;
    return pause_s / 2 + randombytes_uniform(pause_s / 2 + 1);
}

static void note_failure(struct webhooks *webhooks, const struct db_webhook *hook, bool test, uint64_t upto, const char *error)
{
    struct db *db = webhooks->settings.gate_db;
    struct result result = test ? db_webhook_tested(db, webhooks->lease, hook, error)
                                : db_webhook_failed(db, webhooks->lease, hook, upto, error, pause_after(hook->failures));

    metric_add(webhooks->failed, 1);
    if (hook->failures + 1 == LIMIT_WEBHOOK_ALARM && !test)
        log_line(LOG_WARNING, "the webhook %s of %s fails (%s); it is tried again and again", hook->name, hook->agency, error);
    (void)failed(result); /* then the lease runs out */
}

struct batch {
    const struct webhooks *webhooks;
    json_t *hits;
    uint64_t last, upto_max; /* not beyond, unless it is 0: a batch that failed is sent again as it was */
    bool cut;
};

static void take_hit(void *context, const struct db_hit *hit)
{
    struct batch *batch = context;

    batch->cut = batch->cut || (batch->upto_max > 0 && hit->cursor > batch->upto_max);
    if (batch->cut) return;
    (void)json_array_append_new(batch->hits, batch->webhooks->settings.hit(hit));
    batch->last = hit->cursor;
}

/* Takes HITS.  UPTO: the cursor when it has arrived. */
static void begin(struct webhooks *webhooks, const struct db_webhook *hook, bool test, uint64_t upto, json_t *hits)
{
    const int64_t now_ms = clock_now_ms(webhooks->settings.clock);
    uint8_t secret[WEBHOOK_SECRET_BYTES];
    char id[96];
    char *body = webhooks->settings.body(test ? "test" : "hits", hook, upto, hits, now_ms);
    struct transfer *transfer = NULL;
    bool opened = !failed(webhook_secret_open(webhooks->settings.mac_key, hook->agency, hook->name, hook->url, hook->secret, secret));

    if (test) (void)snprintf(id, sizeof id, "test_%lld", (long long)now_ms);
    else (void)snprintf(id, sizeof id, "hits_%lld_%llu_%llu", (long long)hook->made_ms, (unsigned long long)hook->cursor, (unsigned long long)upto);
    if (opened && body != NULL) transfer = transfer_create(hook, webhooks->settings.ca, id, now_ms / 1000, body, secret);
    else free(body);
    sodium_memzero(secret, sizeof secret);
    if (transfer == NULL) {
        if (!opened) log_line(LOG_ERR, "the webhook %s of %s: its secret does not open; it was changed in the database", hook->name, hook->agency);
        note_failure(webhooks, hook, test, upto, opened ? "no memory" : "secret");
        return;
    }
    transfer->test = test;
    transfer->upto = upto;
    transfer->next = webhooks->transfers;
    webhooks->transfers = transfer;
    webhooks->count++;
    (void)curl_multi_add_handle(webhooks->multi, transfer->curl);
}

static void begin_hits(struct webhooks *webhooks, const struct db_webhook *hook)
{
    struct db_page page = { .after = hook->cursor, .limit = LIMIT_WEBHOOK_BATCH };
    struct batch batch = { .webhooks = webhooks, .hits = json_array(), .upto_max = hook->upto };
    struct result result = db_hits_after(webhooks->settings.agency_db, hook->agency, &db_hit_filter_all, &page, take_hit, &batch);
    const uint64_t upto = batch.cut || (hook->upto > 0 && page.cursor > hook->upto) ? hook->upto : page.cursor;

    if (!failed(result) && json_array_size(batch.hits) > 0) {
        begin(webhooks, hook, false, upto, batch.hits);
        return;
    }
    json_decref(batch.hits);
    if (!failed(result)) result = db_webhook_delivered(webhooks->settings.gate_db, webhooks->lease, hook, upto); /* erased meanwhile */
    if (failed(result)) note_failure(webhooks, hook, false, 0, result.reason == REASON_CURSOR ? "cursor" : "database");
}

struct claimed {
    struct db_webhook *each;
    size_t count, max;
};

static void take_claimed(void *context, const struct db_webhook *hook)
{
    struct claimed *claimed = context;

    if (claimed->count < claimed->max) claimed->each[claimed->count++] = *hook;
}

/* What is due.  False when the database is away. */
static bool look(struct webhooks *webhooks)
{
    struct claimed claimed = { .max = LIMIT_WEBHOOK_TRANSFERS - webhooks->count };

    if (claimed.max == 0) return true;
    claimed.each = calloc(claimed.max, sizeof *claimed.each);
    if (claimed.each == NULL) return true;
    struct result result = db_webhook_claim(webhooks->settings.gate_db, webhooks->lease, (unsigned)claimed.max, take_claimed, &claimed);
    for (size_t i = 0; i < claimed.count; i++) {
        const struct db_webhook *hook = &claimed.each[i];

        if (failed(webhook_url_check(webhooks->settings.allow, hook->url))) note_failure(webhooks, hook, hook->test, 0, "address not allowed");
        else if (hook->test) begin(webhooks, hook, true, hook->cursor, json_array());
        else begin_hits(webhooks, hook);
    }
    free(claimed.each);
    return !failed(result);
}

/* -- ending one ------------------------------------------------------------------------------------------------------------- */

static void unlink_transfer(struct webhooks *webhooks, const struct transfer *transfer)
{
    struct transfer **place = &webhooks->transfers;

    while (*place != transfer) place = &(*place)->next;
    *place = transfer->next;
    webhooks->count--;
}

static void finish(struct webhooks *webhooks, struct transfer *transfer, CURLcode code)
{
    struct db *db = webhooks->settings.gate_db;
    char error[WEBHOOK_ERROR_MAX + 1];

    (void)curl_multi_remove_handle(webhooks->multi, transfer->curl);
    transfer_verdict(transfer, code, error);
    if (*error != 0) {
        note_failure(webhooks, &transfer->hook, transfer->test, transfer->upto, error);
    } else {
        struct result result = transfer->test ? db_webhook_tested(db, webhooks->lease, &transfer->hook, "")
                                              : db_webhook_delivered(db, webhooks->lease, &transfer->hook, transfer->upto);
        (void)failed(result); /* then it is delivered once more */
        metric_add(webhooks->delivered, 1);
        atomic_store(&webhooks->hinted, true); /* there may be more for it */
    }
    unlink_transfer(webhooks, transfer);
    transfer_destroy(transfer);
}

static void finish_ended(struct webhooks *webhooks)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(webhooks->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;
        const CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE) continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        if (transfer != NULL) finish(webhooks, transfer, code);
    }
}

/* -- alarms ----------------------------------------------------------------------------------------------------------------- */

static bool look_at_alarms(struct webhooks *webhooks)
{
    struct claimed failing = { .max = LIMIT_ALARMS_SHOWN };
    uint64_t count = 0;

    failing.each = calloc(failing.max, sizeof *failing.each);
    if (failing.each == NULL) return true;
    struct result result = db_webhook_alarms(webhooks->settings.gate_db, &count, take_claimed, &failing);
    if (failed(result)) {
        free(failing.each);
        return false;
    }
    pthread_mutex_lock(&webhooks->lock);
    struct db_webhook *old = webhooks->alarms;
    webhooks->alarms = failing.each;
    webhooks->alarm_count = failing.count;
    pthread_mutex_unlock(&webhooks->lock);
    free(old);
    metric_set(webhooks->standing, (double)count);
    metric_set(webhooks->failing, (double)failing.count);
    metric_set(webhooks->alarm, failing.count > 0);
    return true;
}

void webhooks_each_alarm(struct webhooks *webhooks, db_webhook_fn each, void *context)
{
    pthread_mutex_lock(&webhooks->lock);
    for (size_t i = 0; i < webhooks->alarm_count; i++) each(context, &webhooks->alarms[i]);
    pthread_mutex_unlock(&webhooks->lock);
}

/* -- the thread ------------------------------------------------------------------------------------------------------------- */

static void *deliver(void *context)
{
    struct webhooks *webhooks = context;
    int64_t look_ms = 0, alarms_ms = 0, looked_ms = 0;

    while (!atomic_load(&webhooks->ending)) {
        int running;
        int64_t now_ms = monotonic_ms();

        (void)curl_multi_perform(webhooks->multi, &running);
        finish_ended(webhooks);
        if (now_ms >= look_ms || (atomic_load(&webhooks->hinted) && now_ms - looked_ms >= PAUSE_MS)) {
            atomic_store(&webhooks->hinted, false);
            looked_ms = now_ms;
            look_ms = now_ms + (look(webhooks) ? LOOK_MS : AWAY_MS);
        }
        if (now_ms >= alarms_ms) alarms_ms = now_ms + (look_at_alarms(webhooks) ? ALARMS_MS : AWAY_MS);
        const int64_t wait_ms = atomic_load(&webhooks->hinted) ? PAUSE_MS : look_ms - monotonic_ms();
        (void)curl_multi_poll(webhooks->multi, NULL, 0, wait_ms < TICK_MS ? TICK_MS : (int)wait_ms, NULL); /* a hint wakes it */
    }
    return NULL;
}

void webhooks_hint(struct webhooks *webhooks)
{
    if (!atomic_exchange(&webhooks->hinted, true)) (void)curl_multi_wakeup(webhooks->multi);
}

/* -- start and stop --------------------------------------------------------------------------------------------------------- */

static void register_metrics(struct webhooks *webhooks)
{
    struct metrics *metrics = webhooks->settings.metrics;

    webhooks->standing = metrics_gauge(metrics, "platesieve_webhooks", "Webhooks of all agencies.", "");
    webhooks->failing = metrics_gauge(metrics, "platesieve_webhooks_failing", "Those of them that keep failing.", "");
    webhooks->alarm = metrics_gauge(metrics, "platesieve_alarm", "1 while it stands.", "what=\"webhooks\"");
    webhooks->delivered = metrics_counter(metrics, "platesieve_webhook_deliveries_total", "Deliveries by this gate.", "outcome=\"delivered\"");
    webhooks->failed = metrics_counter(metrics, "platesieve_webhook_deliveries_total", "Deliveries by this gate.", "outcome=\"failed\"");
}

struct result webhooks_start(const struct webhooks_settings *settings, struct webhooks **out)
{
    struct webhooks *webhooks = calloc(1, sizeof *webhooks);

    if (webhooks == NULL) return FAIL(REASON_INTERNAL);
    webhooks->settings = *settings;
    /* a gate that was killed and starts anew is another one: what it had begun waits for its lease to run out */
    (void)snprintf(webhooks->lease, sizeof webhooks->lease, "%.40s/%08x", settings->gate, randombytes_random());
    (void)pthread_mutex_init(&webhooks->lock, NULL);
    register_metrics(webhooks);
    webhooks->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init() : NULL;
    if (webhooks->multi == NULL || pthread_create(&webhooks->thread, NULL, deliver, webhooks) != 0) {
        if (webhooks->multi != NULL) (void)curl_multi_cleanup(webhooks->multi);
        free(webhooks);
        return FAIL(REASON_INTERNAL);
    }
    *out = webhooks;
    return OK;
}

void webhooks_stop(struct webhooks *webhooks)
{
    if (webhooks == NULL) return;
    atomic_store(&webhooks->ending, true);
    (void)curl_multi_wakeup(webhooks->multi);
    (void)pthread_join(webhooks->thread, NULL);
    while (webhooks->transfers != NULL) {
        struct transfer *transfer = webhooks->transfers;

        (void)curl_multi_remove_handle(webhooks->multi, transfer->curl);
        unlink_transfer(webhooks, transfer);
        transfer_destroy(transfer);
    }
    (void)failed(db_webhook_release(webhooks->settings.gate_db, webhooks->lease)); /* else it runs out */
    (void)curl_multi_cleanup(webhooks->multi);
    (void)pthread_mutex_destroy(&webhooks->lock);
    free(webhooks->alarms);
    free(webhooks);
}
