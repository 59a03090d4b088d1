#include <unistd.h>

#include "client/base64.h"
#include "client/enrol/enrol.h"
#include "client/http/problem.h"
#include "client/http/wiping.h"
#include "client/moment.h"

#define TIMEOUT_S 10u
#define PAUSE_MIN_MS 500u
#define PAUSE_MAX_MS 30000u
#define TRIES_HERE 3 /* questions without an answer before another gate is asked */

enum next { LEAVE_IT, COME_BACK, ENDED };

struct asking {
    const struct enrol_ask *ask;
    char *body;
    char id[64];
    unsigned pause_ms, unanswered;
    int64_t began_ms;
    bool reached, told_away, told_waiting, told_clock, line_open;
    int code; /* with ENDED */
    uint8_t *certificate;
    size_t *size;
};

/* -- telling ------------------------------------------------------------------------------------------------------- */

static void end_line(struct asking *asking)
{
    if (asking->line_open) fputs("\r\033[K", stderr);
    asking->line_open = false;
}

static void show_waiting(struct asking *asking)
{
    const long long seconds = (long long)(moment_monotonic_ms() - asking->began_ms) / 1000;

    if (asking->ask->quiet) return;
    if (isatty(STDERR_FILENO) == 1) {
        fprintf(stderr, "\rwaiting for the authority, %lld s ", seconds);
        asking->line_open = true;
    } else if (!asking->told_waiting) {
        say("the gate has the request; waiting for the authority");
    }
    asking->told_waiting = true;
}

static void tell_away(struct asking *asking, const char *what)
{
    if (asking->told_away || asking->ask->quiet) return;
    end_line(asking);
    say("%s", what);
    asking->told_away = true;
}

/* The answer says what time it is there. */
static void compare_clocks(struct asking *asking, json_t *json)
{
    char off[MOMENT_CLOCK_TEXT];

    if (asking->told_clock || !moment_clock_is_off(json_string_value(json_object_get(json, "now")), "gate", off)) return;
    asking->told_clock = true;
    end_line(asking);
    say("%s; set it right, or reads will be refused", off);
}

static const char *refusal_text(const char *word)
{
    static const struct {
        const char *word, *text;
    } texts[] = {
        { "code", "the code is not right for this name, or none is open: ask the authority's people" },
        { "code-expired", "the code has expired: ask the authority's people for another" },
        { "code-used", "the code was used before, by another device: tell the authority's people" },
        { "request", "the request is not acceptable" },
        { "certificate", "the old certificate is not good any more: ask the authority's people for a code" },
        { "renewed", "the old certificate was renewed before, with another key: tell the authority's people" },
        { "early", "the certificate is too young to be renewed" },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        if (strcmp(texts[i].word, word) == 0) return texts[i].text;
    return "no reason that this program knows";
}

/* -- one question -------------------------------------------------------------------------------------------------- */

static enum next end_with(struct asking *asking, int code)
{
    end_line(asking);
    asking->code = code;
    return ENDED;
}

static enum next take_certificate(struct asking *asking, json_t *json)
{
    const char *text = json_string_value(json_object_get(json, "certificate"));

    *asking->size = base64_parse_some(text, asking->certificate, LIMIT_CERTIFICATE_BYTES);
    if (*asking->size > 0) return end_with(asking, CLIENT_OK);
    end_line(asking);
    say("the gate sent an answer that can't be read");
    return end_with(asking, CLIENT_FAILED);
}

static enum next take_state(struct asking *asking, const struct http_answer *answer)
{
    json_t *json = http_answer_json(answer);
    const char *state = json_string_value(json_object_get(json, "state")), *id = json_string_value(json_object_get(json, "id"));
    const char *word = json_string_value(json_object_get(json, "refused"));
    enum next next = COME_BACK;

    if (json != NULL) compare_clocks(asking, json);
    if (state == NULL || id == NULL || strlen(id) >= sizeof(asking->id) || strpbrk(id, "/?#% \"\\") != NULL) {
        end_line(asking);
        say("the gate sent an answer that can't be read; is this program too old?");
        next = end_with(asking, CLIENT_FAILED);
    } else if (strcmp(state, "signed") == 0) {
        next = take_certificate(asking, json);
    } else if (strcmp(state, "refused") == 0) {
        end_line(asking);
        say("refused: %s", refusal_text(word == NULL ? "" : word));
        next = end_with(asking, CLIENT_REFUSED);
    } else {
        memcpy(asking->id, id, strlen(id) + 1);
        show_waiting(asking);
    }
    json_decref(json);
    return next;
}

static void set_pause(struct asking *asking, unsigned seconds)
{
    asking->pause_ms = seconds * 1000 < PAUSE_MIN_MS ? PAUSE_MIN_MS : seconds * 1000 > PAUSE_MAX_MS ? PAUSE_MAX_MS : seconds * 1000;
}

static enum next take_answer(struct asking *asking, const struct http_answer *answer)
{
    asking->reached = true;
    asking->told_away = false;
    asking->unanswered = 0;
    set_pause(asking, answer->retry_after_s);
    if (answer->status == 200 || answer->status == 202) return take_state(asking, answer);
    if (answer->status == 404 && asking->id[0] != '\0') { /* it was started anew, or has waited for too long */
        asking->id[0] = '\0';
        return LEAVE_IT;
    }
    if (answer->status == 429 || answer->status >= 500) {
        tell_away(asking, "the gate takes no more requests just now; trying on");
        return asking->id[0] == '\0' ? LEAVE_IT : COME_BACK;
    }
    end_line(asking);
    return end_with(asking, problem_say(asking->ask->http, answer));
}

/* A request waits where it was left; when that gate stays away, it is left at the next. */
static enum next take_silence(struct asking *asking)
{
    char text[512];

    set_pause(asking, 2);
    snprintf(text, sizeof(text), "no answer from the gate: %s%s", http_trouble(asking->ask->http),
             strstr(http_trouble(asking->ask->http), "certificate required") == NULL
                 ? ""
                 : " (it takes no requests from who has no certificate, see [gate] enrolment, or too many at the moment)");
    tell_away(asking, text);
    if (++asking->unanswered >= TRIES_HERE || asking->id[0] == '\0') {
        asking->id[0] = '\0';
        asking->unanswered = 0;
        (void)http_next_server(asking->ask->http);
    }
    return asking->id[0] == '\0' ? LEAVE_IT : COME_BACK;
}

static enum next question(struct asking *asking)
{
    char path[32 + sizeof(asking->id)];
    struct http_request request = { .method = "GET", .path = path, .timeout_s = TIMEOUT_S };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

    if (asking->id[0] != '\0') {
        snprintf(path, sizeof(path), "/v1/enrolments/%s", asking->id);
    } else {
        request.method = "POST";
        request.path = "/v1/enrolments";
        request.body = asking->body;
        request.body_size = strlen(asking->body);
    }
    return http_ask_here(asking->ask->http, &request, &answer) ? take_answer(asking, &answer) : take_silence(asking);
}

int enrol_ask(const struct enrol_ask *ask, uint8_t certificate[LIMIT_CERTIFICATE_BYTES], size_t *size)
{
    struct asking asking = { .ask = ask, .began_ms = moment_monotonic_ms(), .certificate = certificate, .size = size };

    asking.body = enrol_request_text(ask->request);
    if (asking.body == NULL) return CLIENT_FAILED;
    while (question(&asking) != ENDED) {
        const int64_t left_ms = ask->until_ms - moment_monotonic_ms();

        if (left_ms <= 0 || !ask->pause(ask->context, left_ms < (int64_t)asking.pause_ms ? (unsigned)left_ms : asking.pause_ms)) {
            (void)end_with(&asking, asking.reached ? CLIENT_REMARKS : CLIENT_UNREACHABLE);
            break;
        }
    }
    wiping_free(asking.body);
    return asking.code;
}
