#include "client/alerts/text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>

#include "client/base64.h"
#include "client/moment.h"
#include "client/printable.h"

static_assert(ALERT_TEXT <= PIPE_BUF, "a line goes into a pipe whole, or not at all");

/* -- text ------------------------------------------------------------------------------------------------------------ */

void text_add(struct text *text, const char *format, ...)
{
    const size_t left = text->size < text->room ? text->room - text->size : 0;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(left == 0 ? NULL : text->to + text->size, left, format, arguments);
    va_end(arguments);
    if (size > 0) text->size += (size_t)size;
}

bool text_fits(const struct text *text)
{
    return text->size < text->room;
}

static void add_shown(struct text *text, const char *string, bool escape)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)string;

    while (*at != '\0') {
        utf8proc_int32_t letter;
        const utf8proc_ssize_t size = utf8proc_iterate(at, -1, &letter);

        if (size > 0 && printable(letter)) text_add(text, "%s%.*s", escape && (*at == '"' || *at == '\\') ? "\\" : "", (int)size, (const char *)at);
        at += size > 0 ? size : 1;
    }
}

void text_add_string(struct text *text, const char *string)
{
    text_add(text, "\"");
    add_shown(text, string, true);
    text_add(text, "\"");
}

/* -- words ----------------------------------------------------------------------------------------------------------- */

bool alert_wants_verifying(const struct check_alert *alert)
{
    return alert->verify || alert->grade != PLATESIEVE_FULL;
}

/* What the match says, for people. */
static const char *grade_words(enum platesieve_grade grade)
{
    switch (grade) {
    case PLATESIEVE_FULL: return "plate and jurisdiction";
    case PLATESIEVE_PLATE: return "plate alone";
    case PLATESIEVE_SIMILAR: return "similar";
    case PLATESIEVE_NEAR: return "near";
    }
    return "?";
}

static void age_words(int64_t age_s, char words[24])
{
    if (age_s < 0) age_s = 0;
    if (age_s < 120) snprintf(words, 24, "%" PRId64 " s", age_s);
    else if (age_s < 120 * 60) snprintf(words, 24, "%" PRId64 " min", age_s / 60);
    else if (age_s < 72 * 3600) snprintf(words, 24, "%" PRId64 " h", age_s / 3600);
    else snprintf(words, 24, "%" PRId64 " days", age_s / 86400);
}

bool alert_is_late(const struct kept_alert *kept)
{
    return kept->ago_s >= LIMIT_SEEN_LATE_S;
}

static void seen_words(const struct kept_alert *kept, char words[64])
{
    char ago[24];

    words[0] = '\0';
    if (!alert_is_late(kept)) return;
    age_words(kept->ago_s, ago);
    if (kept->ago_s == INT64_MAX) snprintf(words, 64, "SEEN OVER 24 h AGO, or the camera's clock is wrong; ");
    else snprintf(words, 64, "SEEN %s AGO; ", ago);
}

void alert_words(const struct kept_alert *kept, char words[ALERT_WORDS])
{
    const struct check_alert *alert = &kept->alert;
    char age[24], seen[64];

    seen_words(kept, seen);
    age_words(alert->age_s, age);
    snprintf(words, ALERT_WORDS, "%s%s, list %s old%s%s", seen, grade_words(alert->grade), age, alert->verify ? " (past its limit)" : "",
             alert_wants_verifying(alert) ? ": VERIFY" : "");
}

/* -- a line ---------------------------------------------------------------------------------------------------------- */

void alert_line(struct text *text, const struct kept_alert *kept)
{
    const struct check_alert *alert = &kept->alert;
    char words[ALERT_WORDS], time[MOMENT_TEXT];

    moment_print(kept->seen_ms, time);
    alert_words(kept, words);
    text_add(text, "%.8s  ALERT  ", time + 11);
    add_shown(text, kept->plate, false);
    text_add(text, " %s  ", kept->jurisdiction[0] == '\0' ? "(jurisdiction unknown)" : kept->jurisdiction);
    add_shown(text, alert->category, false);
    text_add(text, " (%s/%s), %s, priority %u", alert->agency, alert->list, words, alert->priority);
    if (kept->times > 1) text_add(text, ", raised %u times", kept->times);
    if (alert->instruction[0] != '\0') text_add(text, ": ");
    add_shown(text, alert->instruction, false);
    if (kept->camera[0] != '\0') text_add(text, "  [");
    add_shown(text, kept->camera, false);
    text_add(text, "%s  [hit %s]\n", kept->camera[0] == '\0' ? "" : "]", alert->hit);
}

/* -- JSON ------------------------------------------------------------------------------------------------------------ */

static void add_member(struct text *text, const char *name, const char *string)
{
    text_add(text, ", \"%s\": ", name);
    if (string == NULL) text_add(text, "null");
    else text_add_string(text, string);
}

static void add_time(struct text *text, const char *name, int64_t ms)
{
    char time[MOMENT_TEXT];

    if (ms > 0) moment_print(ms, time);
    add_member(text, name, ms > 0 ? time : NULL);
}

static void add_reading(struct text *text, const struct kept_alert *kept, bool plates)
{
    text_add(text, ", \"reading\": {\"confidence\": %.3g", kept->confidence);
    if (plates) {
        add_member(text, "plate", kept->plate);
        add_member(text, "best", kept->best);
        add_member(text, "jurisdiction", kept->jurisdiction[0] == '\0' ? NULL : kept->jurisdiction);
    }
    add_member(text, "camera", kept->camera[0] == '\0' ? NULL : kept->camera);
    add_member(text, "engine", kept->engine);
    text_add(text, "}");
}

static void add_list(struct text *text, const struct kept_alert *kept)
{
    const struct check_alert *alert = &kept->alert;
    char words[ALERT_WORDS];

    add_member(text, "agency", alert->agency);
    add_member(text, "list", alert->list);
    add_member(text, "category", alert->category);
    add_member(text, "instruction", alert->instruction);
    add_member(text, "grade", platesieve_grade_name(alert->grade));
    text_add(text, ", \"priority\": %u, \"candidate\": %u, \"revision\": %" PRIu64 ", \"age_s\": %" PRId64, alert->priority, alert->candidate,
             alert->revision, alert->age_s);
    add_member(text, "epoch", alert->epoch);
    text_add(text, ", \"old\": %s, \"verify\": %s", alert->verify ? "true" : "false", alert_wants_verifying(alert) ? "true" : "false");
    alert_words(kept, words);
    add_member(text, "words", words);
}

void alert_json(struct text *text, const struct kept_alert *kept, bool plates, enum alert_picture picture)
{
    char id[PLATESIEVE_TOKEN_TEXT + 1];

    base64_print(kept->read_id, sizeof(kept->read_id), id, sizeof(id));
    text_add(text, "{\"hit\": \"%s\", \"read_id\": \"%s\", \"number\": %" PRIu64 ", \"times\": %u", kept->alert.hit, id, kept->number, kept->times);
    add_time(text, "raised_at", kept->raised_at_ms);
    add_time(text, "seen_at", kept->seen_ms);
    if (kept->ago_s == INT64_MAX) text_add(text, ", \"seen_ago_s\": null");
    else text_add(text, ", \"seen_ago_s\": %" PRId64, kept->ago_s);
    text_add(text, ", \"late\": %s", alert_is_late(kept) ? "true" : "false");
    add_list(text, kept);
    add_reading(text, kept, plates);
    add_time(text, "acknowledged_at", kept->acknowledged_at_ms);
    add_member(text, "judgement", kept->judgement);
    add_time(text, "judged_at", kept->judged_at_ms);
    add_member(text, "told", kept->told);
    if (kept->image == NULL) {
        text_add(text, ", \"image\": null}");
        return;
    }
    text_add(text, ", \"image\": {\"type\": \"%s\"", image_type(kept->image));
    if (picture == ALERT_PICTURE_PATH) text_add(text, ", \"path\": \"/alerts/%s/image\"", kept->alert.hit);
    if (picture == ALERT_PICTURE_DATA) text_add(text, ", \"data\": \"");
    else text_add(text, "}}");
}
