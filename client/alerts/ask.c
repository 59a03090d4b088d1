/* What the lane's listener asks of alerts, and what it tells them. */
#include "client/alerts/internal.h"

#include "client/moment.h"

/* -- looking --------------------------------------------------------------------------------------------------------- */

static void write_list(struct alerts *alerts, uint64_t after, struct text *text)
{
    const char *comma = "";

    text_add(text, "{\"alerts\": [");
    for (struct kept_alert *kept; (kept = alert_book_after(alerts->book, after)) != NULL; after = kept->number) {
        text_add(text, "%s", comma);
        alert_json(text, kept, true, ALERT_PICTURE_PATH);
        comma = ", ";
    }
    text_add(text, "], \"kept\": [");
    comma = "";
    for (struct kept_alert *kept = NULL; (kept = alert_book_after(alerts->book, kept == NULL ? 0 : kept->number)) != NULL; comma = ", ")
        text_add(text, "%s\"%s\"", comma, kept->alert.hit);
    text_add(text, "], \"next\": %llu}", (unsigned long long)alert_book_last(alerts->book));
}

char *alerts_list(struct alerts *alerts, uint64_t after, size_t *size)
{
    struct text text = { 0 };

    pthread_mutex_lock(&alerts->mutex);
    write_list(alerts, after, &text);
    text = (struct text) { platesieve_secret_allocate(text.size + 1), text.size + 1, 0 };
    if (text.to != NULL) write_list(alerts, after, &text);
    pthread_mutex_unlock(&alerts->mutex);
    *size = text.size;
    return text.to;
}

struct image *alerts_image(struct alerts *alerts, const char *hit)
{
    const struct kept_alert *kept;
    struct image *image;

    pthread_mutex_lock(&alerts->mutex);
    kept = alert_book_find(alerts->book, hit);
    image = kept == NULL ? NULL : image_hold(kept->image);
    pthread_mutex_unlock(&alerts->mutex);
    return image;
}

void alerts_look(struct alerts *alerts, struct alerts_state *state)
{
    pthread_mutex_lock(&alerts->mutex);
    for (enum alert_path path = 0; path < ALERT_PATHS; path++) alerts->ways[path].waiting = alert_book_waiting(alerts->book, path);
    *state = (struct alerts_state) { alert_book_count(alerts->book), alerts->ways[ALERT_OUTPUT], alerts->ways[ALERT_DISPLAY],
                                     alerts->ways[ALERT_COMMAND] };
    pthread_mutex_unlock(&alerts->mutex);
}

/* -- judging --------------------------------------------------------------------------------------------------------- */

/* Of our own, for good; NULL: there is no such. */
static const char *judgement_named(const char *word)
{
    static const char *const words[] = { "acknowledged", "confirmed", "misread", "wrong-jurisdiction", "stale-entry" };

    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (strcmp(words[i], word) == 0) return words[i];
    return NULL;
}

/* Acknowledged once; judged as often as somebody knows better.  They have seen it: who waits for it still need not. */
static void note_judgement(struct kept_alert *kept, const char *word, int64_t at_ms)
{
    kept->due[ALERT_DISPLAY] = kept->due[ALERT_COMMAND] = false;
    if (strcmp(word, "acknowledged") != 0) {
        kept->judgement = word;
        kept->judged_at_ms = at_ms;
    } else if (kept->acknowledged_at_ms == 0) {
        kept->acknowledged_at_ms = at_ms;
    }
}

enum alert_judge alerts_judge(struct alerts *alerts, const char *hit, const char *judgement)
{
    const char *word = judgement_named(judgement);
    const int64_t at_ms = moment_now_ms();
    char known[PLATESIEVE_TOKEN_TEXT + 1] = "", agency[LIMIT_NAME_MAX + 1] = "";
    struct kept_alert *kept;

    if (word == NULL) return ALERT_NO_SUCH_WORD;
    pthread_mutex_lock(&alerts->mutex);
    kept = alert_book_find(alerts->book, hit);
    if (kept != NULL) {
        memcpy(known, kept->alert.hit, sizeof(known));
        memcpy(agency, kept->alert.agency, sizeof(agency));
        note_judgement(kept, word, at_ms);
        if (alerts->ears.judged != NULL) {
            kept->told = "pending";
            kept->telling++;
        }
        alert_book_changed(alerts->book, kept);
    }
    pthread_mutex_unlock(&alerts->mutex);
    if (kept == NULL) return ALERT_UNKNOWN;
    if (alerts->ears.judged != NULL) alerts->ears.judged(alerts->ears.context, known, agency, word, at_ms);
    return ALERT_JUDGED;
}

void alerts_told(struct alerts *alerts, const char *hit, const char *told)
{
    struct kept_alert *kept;

    pthread_mutex_lock(&alerts->mutex);
    kept = alert_book_find(alerts->book, hit);
    if (kept != NULL) {
        if (kept->telling > 0) kept->telling--;
        kept->told = kept->telling > 0 ? "pending" : told;
        alert_book_changed(alerts->book, kept);
    }
    pthread_mutex_unlock(&alerts->mutex);
}

/* -- pictures that come late ------------------------------------------------------------------------------------------- */

/* The mutex is held. */
static struct kept_alert *without_picture(struct alerts *alerts, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES])
{
    struct kept_alert *kept = NULL;

    while ((kept = alert_book_after(alerts->book, kept == NULL ? 0 : kept->number)) != NULL)
        if (kept->image == NULL && memcmp(kept->read_id, read_id, PLATESIEVE_READ_ID_BYTES) == 0) return kept;
    return NULL;
}

bool alerts_want_picture(struct alerts *alerts, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES])
{
    bool wanted;

    pthread_mutex_lock(&alerts->mutex);
    wanted = without_picture(alerts, read_id) != NULL;
    pthread_mutex_unlock(&alerts->mutex);
    return wanted;
}

/* One alert of the vehicle that has none yet gets it, and goes to the display again: image and reading side by side. */
static bool give_picture(struct alerts *alerts, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES], struct image *image, struct check_alert *alert)
{
    struct kept_alert *kept;

    pthread_mutex_lock(&alerts->mutex);
    kept = without_picture(alerts, read_id);
    if (kept != NULL) {
        kept->image = image_hold(image);
        alert_book_changed(alerts->book, kept);
        if (alerts->display != NULL) {
            kept->due[ALERT_DISPLAY] = true;
            kept->raise = kept->number;
            kept->raised_ms = moment_monotonic_ms();
        }
        *alert = kept->alert;
    }
    pthread_mutex_unlock(&alerts->mutex);
    return kept != NULL;
}

#define LOOKED_AT_MS 10000 /* so long an officer's page may still have to fetch it */

bool alerts_yield_picture(struct alerts *alerts)
{
    const int64_t before_ms = moment_monotonic_ms() - LOOKED_AT_MS;
    struct kept_alert *oldest;

    pthread_mutex_lock(&alerts->mutex);
    oldest = alert_book_pictured(alerts->book);
    if (oldest != NULL && oldest->raised_ms > before_ms) oldest = NULL;
    if (oldest != NULL) {
        image_release(oldest->image);
        oldest->image = NULL;
    }
    pthread_mutex_unlock(&alerts->mutex);
    return oldest != NULL;
}

void alerts_picture(struct alerts *alerts, const uint8_t read_id[PLATESIEVE_READ_ID_BYTES], struct image *image)
{
    struct check_alert alert;

    while (give_picture(alerts, read_id, image, &alert))
        if (alerts->ears.pictured != NULL) alerts->ears.pictured(alerts->ears.context, &alert, image);
    (void)curl_multi_wakeup(alerts->multi);
}
