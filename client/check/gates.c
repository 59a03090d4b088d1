#include "client/check/internal.h"

#include "client/http/problem.h"
#include "client/moment.h"

#define GATE_MS 550u         /* for one gate, while there is another: with a key server that is passed over beside it, it stays within a second */
#define GATE_LAST_MS 5000    /* for the last that is there */
#define HELD_MS 2000         /* so long is a gate passed over that failed a question, whatever it says of its health ... */
#define HELD_MS_MAX 60000    /* ... and twice as long each time, up to here */
#define TELL_AGAIN_MS 30000

struct fare {
    enum server_health health;
    int64_t answered_ms;      /* monotonic; 0: never */
    int64_t held_until_ms;    /* monotonic */
    unsigned failures;        /* of questions, in a row */
    bool away_told;           /* it was said that it does not answer */
    int64_t told_ms;          /* monotonic; 0: never */
    char told[64];            /* kind of trouble */
};

struct gates {
    struct http *names; /* for the addresses; asks nothing */
    size_t count;
    const char *urls[HTTP_SERVERS_MAX];
    pthread_mutex_t mutex;
    struct fare fares[HTTP_SERVERS_MAX];
};

struct gates *gates_create(const struct settings *settings, const struct identity *identity)
{
    struct gates *gates = calloc(1, sizeof(*gates));

    if (gates == NULL) {
        say("out of memory");
        return NULL;
    }
    pthread_mutex_init(&gates->mutex, NULL);
    if (http_open(settings, HTTP_GATE, identity, &gates->names) != CLIENT_OK) {
        gates_destroy(gates);
        return NULL;
    }
    gates->count = http_server_count(gates->names);
    for (size_t i = 0; i < gates->count; i++) {
        http_use_server(gates->names, i);
        gates->urls[i] = http_server_url(gates->names);
    }
    return gates;
}

void gates_destroy(struct gates *gates)
{
    if (gates == NULL) return;
    http_close(gates->names);
    pthread_mutex_destroy(&gates->mutex);
    free(gates);
}

/* -- how they fare --------------------------------------------------------------------------------------------------- */

static bool is_held(const struct fare *fare, int64_t now_ms)
{
    return fare->held_until_ms > now_ms;
}

void gates_look(struct gates *gates, struct checker_state *state)
{
    const int64_t now_ms = moment_monotonic_ms();

    pthread_mutex_lock(&gates->mutex);
    state->gate_count = gates->count;
    for (size_t i = 0; i < gates->count; i++) {
        const struct fare *fare = &gates->fares[i];

        state->gates[i] = (struct checker_server) { gates->urls[i], fare->health == HEALTH_READY && !is_held(fare, now_ms), moment_then_ms(fare->answered_ms) };
    }
    pthread_mutex_unlock(&gates->mutex);
}

/* Is it time to say so?  The mutex is held. */
static bool must_tell(struct fare *fare, const char *kind)
{
    const int64_t now_ms = moment_monotonic_ms();

    if (fare->told_ms != 0 && now_ms - fare->told_ms < TELL_AGAIN_MS && strcmp(fare->told, kind) == 0) return false;
    fare->told_ms = now_ms;
    snprintf(fare->told, sizeof(fare->told), "%s", kind);
    return true;
}

static bool must_tell_of(struct gates *gates, const struct http *gate, const char *kind)
{
    bool tell;

    pthread_mutex_lock(&gates->mutex);
    tell = must_tell(&gates->fares[http_server_current(gate)], kind);
    pthread_mutex_unlock(&gates->mutex);
    return tell;
}

void gates_tell_later(struct gates *gates, struct http *gate, const char *why)
{
    if (!must_tell_of(gates, gate, why)) return;
    if (gates->count > 1) say("the gate %s can't check now: %s", http_server_url(gate), why);
    else say("the gate can't check now: %s", why);
}

void gates_tell_refusal(struct gates *gates, struct http *gate, const struct http_answer *answer)
{
    char name[64];

    problem_name(answer, name);
    if (must_tell_of(gates, gate, name)) (void)problem_say(gate, answer);
}

void gates_tell_wrong(struct gates *gates, struct http *gate)
{
    if (!must_tell_of(gates, gate, "wrong")) return;
    if (gates->count > 1) say("the gate %s sent an answer that can't be read", http_server_url(gate));
    else say("the gate sent an answer that can't be read; its reads count as unchecked");
}

/* Said once until it answers again. */
static void tell_away(struct gates *gates, size_t at, const char *trouble)
{
    struct fare *fare = &gates->fares[at];
    bool tell;

    pthread_mutex_lock(&gates->mutex);
    tell = !fare->away_told;
    fare->away_told = true;
    pthread_mutex_unlock(&gates->mutex);
    if (tell) say("no answer from the gate: %s", trouble);
}

static void note_answer(struct gates *gates, size_t at, enum server_health health)
{
    struct fare *fare = &gates->fares[at];
    bool back;

    pthread_mutex_lock(&gates->mutex);
    back = fare->away_told;
    fare->away_told = false;
    fare->answered_ms = moment_monotonic_ms();
    fare->health = health;
    pthread_mutex_unlock(&gates->mutex);
    if (back) say("the gate %s answers again", gates->urls[at]);
}

void gates_note_health(struct gates *gates, size_t at, enum server_health health, const char *trouble)
{
    if (health != HEALTH_AWAY) {
        note_answer(gates, at, health);
        return;
    }
    pthread_mutex_lock(&gates->mutex);
    gates->fares[at].health = HEALTH_AWAY;
    pthread_mutex_unlock(&gates->mutex);
    tell_away(gates, at, trouble);
}

void gates_pass_over(struct gates *gates, size_t at)
{
    struct fare *fare = &gates->fares[at];
    int64_t held_ms = HELD_MS;

    pthread_mutex_lock(&gates->mutex);
    for (unsigned i = 0; i < fare->failures && held_ms < HELD_MS_MAX; i++) held_ms *= 2;
    fare->failures++;
    fare->held_until_ms = moment_monotonic_ms() + (held_ms < HELD_MS_MAX ? held_ms : HELD_MS_MAX);
    pthread_mutex_unlock(&gates->mutex);
}

static void note_success(struct gates *gates, size_t at)
{
    pthread_mutex_lock(&gates->mutex);
    gates->fares[at].failures = 0;
    gates->fares[at].held_until_ms = 0;
    pthread_mutex_unlock(&gates->mutex);
    note_answer(gates, at, HEALTH_READY);
}

/* -- asking ---------------------------------------------------------------------------------------------------------- */

struct order {
    size_t count;
    size_t list[HTTP_SERVERS_MAX];
    bool away[HTTP_SERVERS_MAX]; /* of list[i] */
};

/* 0: well, in the order in which they were given; then those that answer at least, or failed a question lately; then the rest. */
static unsigned rank(const struct fare *fare, int64_t now_ms)
{
    if (fare->health == HEALTH_AWAY) return 2;
    return fare->health == HEALTH_UNREADY || is_held(fare, now_ms) ? 1 : 0;
}

static void put_in_order(struct gates *gates, struct order *order)
{
    const int64_t now_ms = moment_monotonic_ms();

    order->count = 0;
    pthread_mutex_lock(&gates->mutex);
    for (unsigned pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < gates->count; i++) {
            if (rank(&gates->fares[i], now_ms) != pass) continue;
            order->away[order->count] = pass == 2;
            order->list[order->count++] = i;
        }
    }
    pthread_mutex_unlock(&gates->mutex);
}

size_t gates_first(struct gates *gates)
{
    struct order order;

    put_in_order(gates, &order);
    return order.list[0];
}

static unsigned deadline_ms(const struct order *order, size_t number, int64_t until_ms)
{
    const bool last = number + 1 == order->count || order->away[number + 1];
    int64_t left_ms = GATE_LAST_MS;

    if (!last || order->away[number]) return GATE_MS;
    if (until_ms != 0) left_ms = until_ms - moment_monotonic_ms();
    if (left_ms < (int64_t)GATE_MS) return GATE_MS;
    return left_ms < GATE_LAST_MS ? (unsigned)left_ms : (unsigned)GATE_LAST_MS;
}

/* Of several gates' verdicts, the one that counts. */
static enum gate_verdict graver(enum gate_verdict one, enum gate_verdict other)
{
    static const unsigned weights[] = { [GATE_NOBODY] = 0, [GATE_REFUSED] = 1, [GATE_WRONG] = 2, [GATE_LATER] = 3 };

    return weights[other] > weights[one] ? other : one;
}

static enum gate_verdict ask_one(struct gates *gates, struct http *gate, const struct http_request *request, const struct gate_question *question)
{
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    const size_t at = http_server_current(gate);
    enum gate_verdict verdict;

    if (!http_ask_here(gate, request, &answer)) {
        gates_pass_over(gates, at);
        tell_away(gates, at, http_trouble(gate));
        return GATE_LATER;
    }
    verdict = question->take(question->context, gate, &answer);
    if (verdict == GATE_TAKEN || verdict == GATE_STOP) note_success(gates, at);
    else gates_pass_over(gates, at);
    return verdict;
}

enum gate_verdict gates_ask(struct gates *gates, struct http *gate, const struct gate_question *question)
{
    struct http_request request = question->request;
    enum gate_verdict verdict = GATE_NOBODY;
    struct order order;

    put_in_order(gates, &order);
    for (size_t i = 0; i < order.count; i++) {
        enum gate_verdict one;

        http_use_server(gate, order.list[i]);
        request.timeout_ms = deadline_ms(&order, i, question->until_ms);
        one = ask_one(gates, gate, &request, question);
        if (one == GATE_TAKEN || one == GATE_STOP) return one;
        verdict = graver(verdict, one);
    }
    return verdict;
}
