#include "client/evaluator_internal.h"

#include "client/base64.h"
#include "client/wiping.h"

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
    platesieve_wipe(evaluator, sizeof(*evaluator));
    free(evaluator);
}

int64_t evaluator_over_quota(struct evaluator *evaluator)
{
    return evaluator == NULL ? 0 : key_servers_over_quota(evaluator->settings.servers);
}

void evaluator_warm(struct evaluator *evaluator)
{
    if (evaluator->group != NULL || share_book_generation(key_servers_book(evaluator->settings.servers)) > 0)
        evaluator_warm_shared(evaluator);
    else key_servers_warm(evaluator->settings.servers, evaluator->keys, evaluator->settings.deadline_ms);
}

/* -- one batch ----------------------------------------------------------------------------------------------------- */

/* What an answer is held against. */
struct batch {
    struct platesieve_voprf_batch *blinded;
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
    struct batch *batch = context;
    const char *wrong = evaluated_take(json, &batch->answer);
    struct platesieve_result result;

    if (wrong != NULL) return wrong;
    result = platesieve_voprf_finish(batch->blinded, batch->public_key, batch->answer.elements, batch->answer.count,
                                     &batch->answer.proof, batch->tokens);
    return platesieve_failed(result) ? evaluated_fault(result) : NULL;
}

size_t evaluator_write_body(struct evaluator *evaluator, const struct platesieve_voprf_batch *batch, size_t count)
{
    static const char head[] = "{\"blinded\":[", tail[] = "\"]}";
    const struct platesieve_element *blinded = platesieve_voprf_blinded(batch);
    char *body = evaluator->body, *at = body + sizeof(head) - 1;

    memcpy(body, head, sizeof(head) - 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(at, i == 0 ? "\"" : "\",\"", i == 0 ? 1 : 3);
        at += i == 0 ? 1 : 3;
        base64_print(blinded[i].bytes, PLATESIEVE_ELEMENT_BYTES, at, ELEMENT_TEXT + 1);
        at += ELEMENT_TEXT;
    }
    memcpy(at, tail, sizeof(tail) - 1);
    return (size_t)(at - body) + sizeof(tail) - 1;
}

static enum key_outcome evaluate(struct evaluator *evaluator, const struct epoch *epoch,
                                 const struct platesieve_message *messages, size_t count,
                                 struct platesieve_token *tokens, unsigned *retry_after_s)
{
    struct batch batch = { .public_key = &epoch->public_key, .tokens = tokens, .answer = { .count = count } };
    char path[LIMIT_EPOCH_ID_MAX + 32];
    struct key_question question = { .method = "POST",
                                     .path = path,
                                     .body = evaluator->body,
                                     .deadline_ms = evaluator->settings.deadline_ms,
                                     .deadline_last_ms = evaluator->settings.deadline_last_ms,
                                     .take = take,
                                     .context = &batch };
    enum key_outcome outcome;

    if (platesieve_failed(platesieve_voprf_begin(messages, count, &batch.blinded))) {
        say("there is no memory that can be locked for tokens");
        return KEY_LATER;
    }
    snprintf(path, sizeof(path), "/v1/epochs/%s/evaluate", epoch->id);
    question.body_size = evaluator_write_body(evaluator, batch.blinded, count);
    outcome = key_servers_ask(evaluator->settings.servers, evaluator->keys, &question);
    *retry_after_s = question.retry_after_s;
    platesieve_voprf_batch_destroy(batch.blinded);
    platesieve_wipe(evaluator->body, question.body_size);
    platesieve_wipe(&batch.answer, sizeof(batch.answer));
    return outcome;
}

enum key_outcome evaluator_tokens(struct evaluator *evaluator, const struct epoch *epoch,
                                  const struct platesieve_message *messages, size_t count,
                                  struct platesieve_token *tokens, unsigned *retry_after_s)
{
    enum key_outcome outcome = KEY_DONE;

    *retry_after_s = 0;
    if (epoch->suite == PLATESIEVE_HMAC_SHA256)
        return platesieve_failed(platesieve_prf_evaluate(epoch->prf, messages, count, tokens)) ? KEY_WRONG : KEY_DONE;
    for (size_t done = 0; outcome == KEY_DONE && done < count; done += PLATESIEVE_VOPRF_BATCH_MAX) {
        const size_t left = count - done, now = left < PLATESIEVE_VOPRF_BATCH_MAX ? left : PLATESIEVE_VOPRF_BATCH_MAX;

        outcome = epoch->shared
                      ? evaluate_shared(evaluator, epoch, messages + done, now, tokens + done, retry_after_s)
                      : evaluate(evaluator, epoch, messages + done, now, tokens + done, retry_after_s);
    }
    if (outcome != KEY_DONE) platesieve_wipe(tokens, count * sizeof(*tokens));
    return outcome;
}
