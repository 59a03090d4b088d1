/* Reads of the caller's, as many at a time as fit into a question. */
#include "client/library/library.h"

#include <sodium.h>

#include "client/moment.h"

#define CODE_MAX 16 /* bytes of a jurisdiction; a longer one is in no set */

const char *platesieve_client_why_text(enum platesieve_client_why why)
{
    static const char *const texts[] = {
        [PLATESIEVE_CLIENT_CHECKED] = "It was checked.",
        [PLATESIEVE_CLIENT_NO_PLATE] = "None of its candidates is a plate.",
        [PLATESIEVE_CLIENT_AWAY] = "No gate, or too few key servers, answered in time.",
        [PLATESIEVE_CLIENT_OVER_QUOTA] = "The lane is over its quota.",
        [PLATESIEVE_CLIENT_BUSY] = "All threads of the client were busy.",
        [PLATESIEVE_CLIENT_FALSE] = "A gate invented a hit.",
        [PLATESIEVE_CLIENT_FAILED] = "What the servers answered can't be used.",
        [PLATESIEVE_CLIENT_REFUSED] = "The gates do not want this certificate, or this program.",
    };

    return (size_t)why < ARRAY_LENGTH(texts) ? texts[why] : "Nobody knows why.";
}

void platesieve_client_read_id(uint8_t id[PLATESIEVE_READ_ID_BYTES])
{
    if (id != NULL) randombytes_buf(id, PLATESIEVE_READ_ID_BYTES);
}

static enum platesieve_client_why why_of(enum check_outcome outcome)
{
    switch (outcome) {
    case CHECK_DONE: return PLATESIEVE_CLIENT_CHECKED;
    case CHECK_AWAY: return PLATESIEVE_CLIENT_AWAY;
    case CHECK_OVER_QUOTA: return PLATESIEVE_CLIENT_OVER_QUOTA;
    case CHECK_REFUSED: return PLATESIEVE_CLIENT_REFUSED;
    default: return PLATESIEVE_CLIENT_FAILED;
    }
}

enum platesieve_client_why platesieve_client_wait(struct platesieve_client *client, unsigned deadline_ms)
{
    return client == NULL ? PLATESIEVE_CLIENT_FAILED : why_of(checker_wait(client->checker, deadline_ms));
}

/* -- from the caller's reads --------------------------------------------------------------------------------------------- */

static bool take_candidate(const struct platesieve_client_candidate *from, struct check_candidate *to)
{
    const char *code = from->jurisdiction == NULL ? "" : from->jurisdiction;
    const size_t size = strnlen(code, CODE_MAX + 1);

    if (from->plate == NULL || platesieve_failed(platesieve_plate_canonicalise(from->plate, from->plate_size, &to->plate))) return false;
    to->confidence = from->confidence;
    to->jurisdiction = (struct platesieve_jurisdiction) { 0 };
    if (size <= CODE_MAX && platesieve_failed(platesieve_jurisdiction_map(from->codes, code, size, &to->jurisdiction)))
        to->jurisdiction = (struct platesieve_jurisdiction) { 0 };
    return true;
}

/* True if anything is left to ask about. */
static bool take_read(const struct platesieve_client *client, const struct platesieve_client_read *from, struct check_read *to,
                      uint8_t candidates[LIMIT_CHECK_CANDIDATES], unsigned *unusable)
{
    memcpy(to->id, from->id, sizeof(to->id));
    to->seen_ms = from->seen_ms == 0 ? moment_now_ms() : from->seen_ms;
    to->again = from->again;
    to->count = 0;
    for (size_t i = 0; i < from->count && i <= UINT8_MAX && to->count < client->told.candidates_max; i++) {
        candidates[to->count] = (uint8_t)i;
        if (take_candidate(&from->candidates[i], &to->candidates[to->count])) to->count++;
        else ++*unusable;
    }
    return to->count > 0;
}

/* -- to the caller's answers --------------------------------------------------------------------------------------------- */

static void give_alert(const struct check_alert *from, const uint8_t candidates[LIMIT_CHECK_CANDIDATES], size_t gate, struct platesieve_client_alert *to)
{
    to->gate = (unsigned)gate;
    memcpy(to->hit, from->hit, sizeof(to->hit));
    memcpy(to->agency, from->agency, sizeof(to->agency));
    memcpy(to->list, from->list, sizeof(to->list));
    memcpy(to->category, from->category, sizeof(to->category));
    memcpy(to->instruction, from->instruction, sizeof(to->instruction));
    memcpy(to->epoch, from->epoch, sizeof(to->epoch));
    to->grade = from->grade;
    to->candidate = candidates[from->candidate];
    to->priority = from->priority;
    to->revision = from->revision;
    to->age_s = from->age_s;
    to->verify = from->verify;
    to->wants_picture = from->has_header;
    memcpy(to->header, from->header, sizeof(to->header));
}

_Static_assert(sizeof(((struct check_alert *)NULL)->header) == sizeof(((struct platesieve_client_alert *)NULL)->header), "one size of header");

static void give_answer(const struct check_answer *from, const uint8_t candidates[LIMIT_CHECK_CANDIDATES], struct platesieve_client_answer *to)
{
    to->false_alerts = from->false_tags;
    to->alert_count = from->count;
    for (size_t i = 0; i < from->count; i++) give_alert(&from->alerts[i], candidates, from->server, &to->alerts[i]);
    to->result = from->result == CHECK_CLEAR ? PLATESIEVE_CLIENT_CLEAR : from->result == CHECK_HIT ? PLATESIEVE_CLIENT_HIT : PLATESIEVE_CLIENT_UNCHECKED;
    to->why = from->result == CHECK_UNCHECKED ? PLATESIEVE_CLIENT_FALSE : PLATESIEVE_CLIENT_CHECKED;
}

/* -- asking -------------------------------------------------------------------------------------------------------------- */

struct call {
    struct platesieve_client *client;
    struct asker *asker;
    struct platesieve_client_answer *answers;
    int64_t end_ms; /* monotonic; 0: one try */
};

static unsigned left_ms(const struct call *call)
{
    const int64_t left = call->end_ms - moment_monotonic_ms();

    return call->end_ms == 0 || left <= 0 ? 0 : (unsigned)left;
}

static void answer_some(const struct call *call, size_t from, size_t count, enum check_outcome outcome)
{
    for (size_t i = from; i < from + count; i++) {
        struct platesieve_client_answer *answer = &call->answers[call->asker->asked[i]];

        answer->why = why_of(outcome);
        if (outcome == CHECK_OVER_QUOTA) answer->retry_ms = moment_then_ms(checker_over_until_ms(call->client->checker));
        if (outcome == CHECK_DONE) give_answer(&call->asker->answers[i - from], call->asker->candidates[i], answer);
    }
}

/* Reads of the asker, from FROM on; in halves, where they are too many for the gate. */
static void ask(const struct call *call, size_t from, size_t count)
{
    struct asker *asker = call->asker;
    const enum check_outcome outcome = check_ask(asker->line, asker->reads + from, count, left_ms(call), asker->answers);

    if (outcome != CHECK_TOO_MANY || count < 2) {
        answer_some(call, from, count, outcome);
        return;
    }
    ask(call, from, count / 2);
    ask(call, from + count / 2, count - count / 2);
}

static void ask_all(struct call *call, const struct platesieve_client_read *reads, size_t count)
{
    struct asker *asker = call->asker;
    const size_t room = call->client->told.reads_max;
    size_t taken = 0;

    for (size_t i = 0; i < count; i++) {
        struct platesieve_client_answer *answer = &call->answers[i];

        asker->asked[taken] = i;
        if (take_read(call->client, &reads[i], &asker->reads[taken], asker->candidates[taken], &answer->unusable)) taken++;
        else answer->why = PLATESIEVE_CLIENT_NO_PLATE;
        if (taken < room && i + 1 < count) continue;
        if (taken > 0) ask(call, 0, taken);
        taken = 0;
    }
    platesieve_wipe(asker->reads, room * sizeof(*asker->reads));
    platesieve_wipe(asker->answers, room * sizeof(*asker->answers));
}

static bool is_usable(const struct platesieve_client_read *reads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (reads[i].count > 0 && reads[i].candidates == NULL) return false;
    return true;
}

struct platesieve_result platesieve_client_check(struct platesieve_client *client, const struct platesieve_client_read *reads, size_t count,
                                                 unsigned deadline_ms, struct platesieve_client_answer *answers)
{
    struct call call = { .client = client, .answers = answers, .end_ms = deadline_ms == 0 ? 0 : moment_monotonic_ms() + deadline_ms };
    const struct say_ear *before;

    if (answers == NULL || (reads == NULL && count > 0)) return (struct platesieve_result) { PLATESIEVE_BAD_ARGUMENT };
    for (size_t i = 0; i < count; i++) {
        memset(&answers[i], 0, sizeof(answers[i]));
        answers[i].why = PLATESIEVE_CLIENT_FAILED;
    }
    if (client == NULL || !is_usable(reads, count)) return (struct platesieve_result) { PLATESIEVE_BAD_ARGUMENT };
    before = say_listen(&client->ear);
    call.asker = asker_take(client, call.end_ms);
    if (call.asker != NULL) {
        ask_all(&call, reads, count);
        asker_give_back(client, call.asker);
    }
    for (size_t i = 0; call.asker == NULL && i < count; i++) answers[i].why = PLATESIEVE_CLIENT_BUSY;
    (void)say_listen(before);
    return (struct platesieve_result) { PLATESIEVE_OK };
}
