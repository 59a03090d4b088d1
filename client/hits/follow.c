/* platesieve hits --follow: the gate's stream of hits (server-sent events), one after the other, over whatever happens to connections.  What was
 * printed moves the cursor, and the next connection, to this gate or another, begins after it: so none is missing, and none comes twice.  With
 * --state the same holds over runs, but for what was printed and not yet written down: at least once. */
#include <signal.h>
#include <sodium.h>
#include <time.h>

#include "client/hits/hits.h"
#include "client/http/problem.h"
#include "client/http/stream.h"
#include "client/moment.h"

#define LINE_MAX_BYTES 65536
#define SILENCE_S (3 * LIMIT_STREAM_HEARTBEAT_S)
#define WAIT_MS_MIN 500
#define WAIT_MS_MAX 10000
#define STATE_MS 1000 /* the state is written once in so long, and at the end */

struct following {
    const struct settings *settings;
    struct http *gate;
    struct hits_question *question;
    const char *agency;
    const struct reference_key *key;
    size_t *shown;
    uint64_t position;   /* of question->cursor */
    char *line, *data;   /* LINE_MAX_BYTES each */
    size_t line_size, data_size;
    uint64_t id;         /* of the event that is being read; 0: none was told */
    bool broken;         /* not readable, or not printable */
    bool dirty;          /* the cursor moved since the state was written */
    bool connected, said;
    bool reached;        /* a gate has answered, if only that its database is away: it is set up rightly */
    char last_word[96];  /* the last comment */
    int64_t state_ms;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* An interrupted --follow still says where it was. */
static void catch_interrupt(void)
{
    const struct sigaction action = { .sa_handler = on_interrupt };

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* Where something broke the state stays as it is: what came last may not have been printed. */
static void keep_state(struct following *following, bool now)
{
    if (following->broken) return;
    if (!following->dirty || (!now && moment_monotonic_ms() - following->state_ms < STATE_MS)) return;
    following->dirty = !hits_state_write(following->question, following->agency);
    following->broken = following->broken || following->dirty;
    following->state_ms = moment_monotonic_ms();
}

/* -- events (WHATWG HTML, "Interpreting an event stream") -------------------------------------------------------------- */

static void move_to(struct following *following, uint64_t position)
{
    following->position = position;
    following->dirty = true;
    snprintf(following->question->cursor, sizeof(following->question->cursor), "%llu", (unsigned long long)position);
}

/* The end of an event: a hit, or only a cursor that moved on. */
static void finish_event(struct following *following)
{
    const uint64_t id = following->id;
    const size_t size = following->data_size;

    following->id = 0;
    following->data_size = 0;
    if (id == 0) return;
    if (size > 0 && id > following->position) {
        json_t *hit = json_loadb(following->data, size, JSON_REJECT_DUPLICATES, NULL);
        const bool printed = hit != NULL && hit_print(hit, following->key, following->settings->json);

        json_decref(hit);
        if (!printed) {
            if (!ferror(stdout)) say("the gate sent hits that can't be read; is this program too old?");
            following->broken = true;
            return;
        }
        ++*following->shown;
    }
    if (id > following->position || following->question->cursor[0] == '\0') move_to(following, id);
}

static void take_line(struct following *following, char *line, size_t size)
{
    if (size == 0) {
        finish_event(following);
    } else if (line[0] == ':') {
        snprintf(following->last_word, sizeof(following->last_word), "%s", line + 1 + (line[1] == ' '));
    } else if (strncmp(line, "id: ", 4) == 0) {
        following->id = strtoull(line + 4, NULL, 10);
    } else if (strncmp(line, "data: ", 6) == 0) {
        following->data_size = size - 6;
        memcpy(following->data, line + 6, size - 6);
    }
}

static bool take(void *context, const char *data, size_t size)
{
    struct following *following = context;

    if (!following->connected && following->said) say("connected again: %s", http_server_url(following->gate));
    following->connected = true;
    following->said = false;
    for (size_t i = 0; i < size && !following->broken; i++) {
        if (data[i] != '\n') {
            if (following->line_size + 1 < LINE_MAX_BYTES) following->line[following->line_size++] = data[i];
            else following->broken = true;
            continue;
        }
        following->line[following->line_size] = '\0';
        take_line(following, following->line, following->line_size);
        following->line_size = 0;
    }
    if (finish_output(CLIENT_OK) != CLIENT_OK) following->broken = true;
    if (!following->broken) keep_state(following, false);
    return !following->broken && interrupted == 0;
}

static bool go_on(void *context)
{
    struct following *following = context;

    keep_state(following, false);
    return interrupted == 0;
}

/* -- connections ------------------------------------------------------------------------------------------------------ */

static bool connect_once(struct following *following, const char *filters, struct http_answer *answer)
{
    const struct hits_question *question = following->question;
    char path[LIMIT_URL_BYTES], last[CURSOR_MAX + 32], purpose[PURPOSE_MAX + 32];
    const struct http_request request = { .method = "GET", .path = path, .header = question->purpose == NULL ? NULL : purpose };
    const struct http_stream stream = { take, go_on, following, question->cursor[0] == '\0' ? NULL : last, SILENCE_S };

    snprintf(path, sizeof(path), "/v1/hits/stream?%s", filters[0] == '\0' ? "" : filters + 1);
    if (filters[0] == '\0') path[strlen(path) - 1] = '\0';
    snprintf(last, sizeof(last), "Last-Event-ID: %s", question->cursor);
    if (question->purpose != NULL) snprintf(purpose, sizeof(purpose), "Platesieve-Purpose: %s", question->purpose);
    following->connected = false;
    following->line_size = following->data_size = 0;
    following->id = 0;
    following->last_word[0] = '\0';
    return http_stream(following->gate, &request, &stream, answer);
}

static void wait_ms(unsigned ms)
{
    const struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000L };

    if (interrupted == 0) nanosleep(&time, NULL);
}

/* Once for each time that it went away, not for each try. */
static void tell(struct following *following, const char *why)
{
    if (!following->said) say(following->reached ? "disconnected: %.200s; trying again" : "no connection: %.200s", why);
    following->said = true;
}

/* A refusal that will stay: other than that a gate or its database is away, or has too many streams. */
static bool is_final(const struct http_answer *answer)
{
    return answer->status >= 400 && answer->status < 500 && answer->status != 429;
}

/* One connection, to its end.  CLIENT_OK: and on; CLIENT_UNREACHABLE: it brought nothing. */
static int follow_once(struct following *following, const char *filters)
{
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    const bool answered = connect_once(following, filters, &answer);

    following->reached = following->reached || following->connected || answered;
    keep_state(following, true);
    if (following->broken) return CLIENT_FAILED;
    if (interrupted != 0) return CLIENT_OK;
    if (answered && is_final(&answer)) return problem_say(following->gate, &answer);
    if (answered && answer.status == 200) {
        make_printable(following->last_word);
        if (strcmp(following->last_word, "connect again") != 0) tell(following, following->last_word[0] == '\0' ? "the stream ended" : following->last_word);
        return CLIENT_OK;
    }
    char why[64] = "";
    if (answered) problem_name(&answer, why);
    tell(following, answered ? why : http_trouble(following->gate));
    (void)http_next_server(following->gate);
    return following->connected ? CLIENT_OK : CLIENT_UNREACHABLE;
}

static int follow_all(struct following *following, const char *filters)
{
    unsigned pause_ms = WAIT_MS_MIN;
    size_t failures = 0;

    while (interrupted == 0) {
        const int code = follow_once(following, filters);

        if (code != CLIENT_OK && code != CLIENT_UNREACHABLE) return code;
        failures = code == CLIENT_OK ? 0 : failures + 1;
        if (!following->reached && failures >= http_server_count(following->gate)) return CLIENT_UNREACHABLE; /* most likely set up wrong */
        if (following->connected) pause_ms = WAIT_MS_MIN;
        if (failures == 0 || failures >= http_server_count(following->gate)) {
            wait_ms(pause_ms / 2 + randombytes_uniform(pause_ms));
            pause_ms = pause_ms * 2 > WAIT_MS_MAX ? WAIT_MS_MAX : pause_ms * 2;
        }
    }
    return CLIENT_OK;
}

int hits_follow(const struct settings *settings, struct http *gate, struct hits_question *question, const char *agency,
                const struct reference_key *key, size_t *shown)
{
    struct following following = { .settings = settings, .gate = gate, .question = question, .agency = agency, .key = key, .shown = shown };
    char filters[LIMIT_URL_BYTES / 2];
    int code = hits_query(question, key, filters, sizeof(filters));

    if (code != CLIENT_OK) return code;
    if (question->cursor[0] == '\0' && !question->from_now) memcpy(question->cursor, "0", 2);
    if (!hits_state_write(question, agency)) return CLIENT_FAILED; /* before anything is printed that could not be remembered */
    following.position = strtoull(question->cursor, NULL, 10);
    following.line = malloc(LINE_MAX_BYTES);
    following.data = malloc(LINE_MAX_BYTES);
    catch_interrupt();
    if (following.line != NULL && following.data != NULL) {
        (void)finish_output(CLIENT_OK); /* the heading */
        code = follow_all(&following, filters);
    } else {
        say("out of memory");
        code = CLIENT_FAILED;
    }
    if (question->cursor[0] == '\0') memcpy(question->cursor, "0", 2);
    free(following.line);
    free(following.data);
    return code;
}
