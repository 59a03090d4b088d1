#include "client/evaluator.h"

#include "client/base64.h"
#include "client/wiping.h"

#define ELEMENT_TEXT 43 /* base64url of 32 bytes */
#define BODY_BYTES (32 + PLATESIEVE_VOPRF_BATCH_MAX * (ELEMENT_TEXT + 3))

_Static_assert(PLATESIEVE_ELEMENT_BYTES == 32, "an element has 43 characters");

struct evaluator {
    struct evaluator_settings settings;
    struct http *keys;
    char body[BODY_BYTES];
};

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
    platesieve_wipe(evaluator, sizeof(*evaluator));
    free(evaluator);
}

void evaluator_warm(struct evaluator *evaluator)
{
    key_servers_warm(evaluator->settings.servers, evaluator->keys, evaluator->settings.deadline_ms);
}

/* -- one batch ----------------------------------------------------------------------------------------------------- */

/* What an answer is held against. */
struct batch {
    struct platesieve_voprf_batch *blinded;
    const struct platesieve_element *public_key;
    size_t count;
    struct platesieve_token *tokens;
    struct platesieve_element evaluated[PLATESIEVE_VOPRF_BATCH_MAX];
};

/* Judges {"evaluated": [...], "proof": "..."}. */
static const char *take(json_t *json, void *context)
{
    struct batch *batch = context;
    json_t *evaluated = json_object_get(json, "evaluated");
    struct platesieve_voprf_proof proof;
    struct platesieve_result result;

    if (json_array_size(evaluated) != batch->count) return "evaluated another number of elements than it was given";
    for (size_t i = 0; i < batch->count; i++)
        if (!base64_parse(json_string_value(json_array_get(evaluated, i)), batch->evaluated[i].bytes,
                          PLATESIEVE_ELEMENT_BYTES))
            return "sent an answer that can't be read";
    if (!base64_parse(json_string_value(json_object_get(json, "proof")), proof.bytes, sizeof(proof.bytes)))
        return "sent no proof";
    result = platesieve_voprf_finish(batch->blinded, batch->public_key, batch->evaluated, batch->count, &proof,
                                     batch->tokens);
    if (!platesieve_failed(result)) return NULL;
    return result.reason == PLATESIEVE_BAD_ELEMENT ? "sent what is no element" : "gave a wrong proof";
}

/* {"blinded":["...","..."]}; its size. */
static size_t write_body(const struct batch *batch, char body[BODY_BYTES])
{
    static const char head[] = "{\"blinded\":[", tail[] = "\"]}";
    const struct platesieve_element *blinded = platesieve_voprf_blinded(batch->blinded);
    char *at = body + sizeof(head) - 1;

    memcpy(body, head, sizeof(head) - 1);
    for (size_t i = 0; i < batch->count; i++) {
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
    struct batch batch = { .public_key = &epoch->public_key, .count = count, .tokens = tokens };
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
    question.body_size = write_body(&batch, evaluator->body);
    outcome = key_servers_ask(evaluator->settings.servers, evaluator->keys, &question);
    *retry_after_s = question.retry_after_s;
    platesieve_voprf_batch_destroy(batch.blinded);
    platesieve_wipe(evaluator->body, question.body_size);
    platesieve_wipe(batch.evaluated, sizeof(batch.evaluated));
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
        const size_t left = count - done;

        outcome = evaluate(evaluator, epoch, messages + done,
                           left < PLATESIEVE_VOPRF_BATCH_MAX ? left : PLATESIEVE_VOPRF_BATCH_MAX, tokens + done,
                           retry_after_s);
    }
    if (outcome != KEY_DONE) platesieve_wipe(tokens, count * sizeof(*tokens));
    return outcome;
}
