#include "client/tokens/evaluator_internal.h"

#include "client/base64.h"
#include "client/http/wiping.h"

#define ELEMENT_TEXT 43 /* base64url of 32 bytes */

_Static_assert(PLATESIEVE_ELEMENT_BYTES == 32, "an element has 43 characters");
_Static_assert(EVALUATOR_BODY_BYTES >= 32 + PLATESIEVE_VOPRF_BATCH_MAX * (ELEMENT_TEXT + 3), "the largest batch fits");

int evaluator_open(const struct evaluator_settings *settings, struct evaluator **evaluator)
{
    struct evaluator *made = calloc(1, sizeof(*made));
    int code;

    *evaluator = NULL;
    if (made == NULL) {
        say("out of memory");
        return CLIENT_FAILED;
    }
    made->settings = *settings;
    code = http_open(settings->settings, HTTP_KEYS, settings->identity, &made->keys);
    if (code == CLIENT_OK) *evaluator = made;
    else free(made);
    return code;
}

void evaluator_close(struct evaluator *evaluator)
{
    if (evaluator == NULL) return;
    http_close(evaluator->keys);
    http_group_close(evaluator->group);
    platesieve_voprf_batch_destroy(evaluator->batch);
    platesieve_wipe(evaluator, sizeof(*evaluator));
    free(evaluator);
}

int64_t evaluator_over_quota(struct evaluator *evaluator)
{
    return evaluator == NULL ? 0 : key_servers_over_quota(evaluator->settings.servers);
}

void evaluator_set_last(struct evaluator *evaluator, unsigned deadline_last_ms)
{
    evaluator->settings.deadline_last_ms = deadline_last_ms;
}

void evaluator_warm(struct evaluator *evaluator)
{
    if (evaluator->group != NULL || share_book_generation(key_servers_book(evaluator->settings.servers)) > 0)
        evaluator_warm_shared(evaluator);
    else key_servers_warm(evaluator->settings.servers, evaluator->keys, evaluator->settings.deadline_ms);
}

/* -- one batch ----------------------------------------------------------------------------------------------------- */

/* What an answer is held against. */
struct question {
    struct platesieve_voprf_batch *batch;
    const struct platesieve_element *public_key;
    struct platesieve_token *tokens;
    struct evaluated answer;
};

const char *evaluated_take(json_t *json, void *context)
{
    struct evaluated *answer = context;
    json_t *evaluated = json_object_get(json, "evaluated");

    if (json_array_size(evaluated) != answer->count) return "evaluated another number of elements than it was given";
    for (size_t i = 0; i < answer->count; i++)
        if (!base64_parse(json_string_value(json_array_get(evaluated, i)), answer->elements[i].bytes,
                          PLATESIEVE_ELEMENT_BYTES))
            return "sent an answer that can't be read";
    if (!base64_parse(json_string_value(json_object_get(json, "proof")), answer->proof.bytes,
                      sizeof(answer->proof.bytes)))
        return "sent no proof";
    return NULL;
}

const char *evaluated_fault(struct platesieve_result result)
{
    return result.reason == PLATESIEVE_BAD_ELEMENT ? "sent what is no element" : "gave a wrong proof";
}

/* Judges the answer of a server that has the whole key. */
static const char *take(json_t *json, void *context)
{
    struct question *question = context;
    const char *wrong = evaluated_take(json, &question->answer);
    struct platesieve_result result;

    if (wrong != NULL) return wrong;
    result = platesieve_voprf_finish(question->batch, question->public_key, question->answer.elements,
                                     question->answer.count, &question->answer.proof, question->tokens);
    return platesieve_failed(result) ? evaluated_fault(result) : NULL;
}

/* {"blinded":["...","..."]} */
static void write_body(struct evaluator *evaluator)
{
    static const char head[] = "{\"blinded\":[", tail[] = "\"]}";
    const struct platesieve_element *blinded = platesieve_voprf_blinded(evaluator->batch);
    char *body = evaluator->body, *at = body + sizeof(head) - 1;

    memcpy(body, head, sizeof(head) - 1);
    for (size_t i = 0; i < evaluator->count; i++) {
        memcpy(at, i == 0 ? "\"" : "\",\"", i == 0 ? 1 : 3);
        at += i == 0 ? 1 : 3;
        base64_print(blinded[i].bytes, PLATESIEVE_ELEMENT_BYTES, at, ELEMENT_TEXT + 1);
        at += ELEMENT_TEXT;
    }
    memcpy(at, tail, sizeof(tail) - 1);
    evaluator->body_size = (size_t)(at - body) + sizeof(tail) - 1;
}

static enum key_outcome evaluate(struct evaluator *evaluator, const struct epoch *epoch,
                                 struct platesieve_token *tokens, unsigned *retry_after_s)
{
    struct question held = { .batch = evaluator->batch,
                             .public_key = &epoch->public_key,
                             .tokens = tokens,
                             .answer = { .count = evaluator->count } };
    char path[LIMIT_EPOCH_ID_MAX + 32];
    struct key_question question = { .method = "POST",
                                     .path = path,
                                     .body = evaluator->body,
                                     .body_size = evaluator->body_size,
                                     .deadline_ms = evaluator->settings.deadline_ms,
                                     .deadline_last_ms = evaluator->settings.deadline_last_ms,
                                     .take = take,
                                     .context = &held };
    enum key_outcome outcome;

    snprintf(path, sizeof(path), "/v1/epochs/%s/evaluate", epoch->id);
    outcome = key_servers_ask(evaluator->settings.servers, evaluator->keys, &question);
    *retry_after_s = question.retry_after_s;
    platesieve_wipe(&held.answer, sizeof(held.answer));
    return outcome;
}

/* -- all epochs of one batch --------------------------------------------------------------------------------------- */

static bool blind(struct evaluator *evaluator, const struct platesieve_message *messages, size_t count)
{
    if ((evaluator->batch == NULL &&
         platesieve_failed(platesieve_voprf_batch_create(PLATESIEVE_VOPRF_BATCH_MAX, &evaluator->batch))) ||
        platesieve_failed(platesieve_voprf_blind(evaluator->batch, messages, count))) {
        say("there is no memory that can be locked for tokens");
        return false;
    }
    evaluator->count = count;
    write_body(evaluator);
    return true;
}

static void forget(struct evaluator *evaluator)
{
    if (evaluator == NULL || evaluator->count == 0) return;
    platesieve_voprf_batch_clear(evaluator->batch);
    platesieve_wipe(evaluator->body, evaluator->body_size);
    evaluator->count = evaluator->body_size = 0;
}

static enum key_outcome tokens_of(struct evaluator *evaluator, const struct epoch *epoch,
                                  const struct platesieve_message *messages, size_t count,
                                  struct platesieve_token *tokens, unsigned *retry_after_s)
{
    if (epoch->suite == PLATESIEVE_HMAC_SHA256)
        return platesieve_failed(platesieve_prf_evaluate(epoch->prf, messages, count, tokens)) ? KEY_WRONG : KEY_DONE;
    if (evaluator->count == 0 && !blind(evaluator, messages, count)) return KEY_LATER;
    return epoch->shared ? evaluate_shared(evaluator, epoch, tokens, retry_after_s)
                         : evaluate(evaluator, epoch, tokens, retry_after_s);
}

enum key_outcome evaluator_tokens(struct evaluator *evaluator, const struct epoch *epochs, size_t epoch_count,
                                  const struct platesieve_message *messages, size_t count,
                                  struct platesieve_token *tokens, size_t step, unsigned *retry_after_s)
{
    enum key_outcome outcome = KEY_DONE;

    *retry_after_s = 0;
    for (size_t done = 0; outcome == KEY_DONE && done < count; done += PLATESIEVE_VOPRF_BATCH_MAX) {
        const size_t left = count - done, now = left < PLATESIEVE_VOPRF_BATCH_MAX ? left : PLATESIEVE_VOPRF_BATCH_MAX;

        for (size_t i = 0; outcome == KEY_DONE && i < epoch_count; i++)
            outcome =
                tokens_of(evaluator, &epochs[i], messages + done, now, tokens + i * step + done, retry_after_s);
        forget(evaluator);
    }
    for (size_t i = 0; outcome != KEY_DONE && i < epoch_count; i++)
        platesieve_wipe(tokens + i * step, count * sizeof(*tokens));
    return outcome;
}
