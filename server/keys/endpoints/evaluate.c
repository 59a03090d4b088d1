/* POST /v1/epochs/{id}/evaluate: evaluates blinded elements under the key of an epoch that is coming or open, and
   proves it.  The key server sees neither what was blinded nor what the client makes of the answer. */
#include <sodium.h>

#include "server/keys/epoch_key.h"
#include "server/keys/keyd.h"

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define ELEMENT_TEXT_SIZE 44 /* base64url of 32 bytes, and the ending zero */
#define PROOF_TEXT_SIZE 87

struct evaluation {
    size_t count;
    struct platesieve_element blinded[PLATESIEVE_VOPRF_BATCH_MAX], evaluated[PLATESIEVE_VOPRF_BATCH_MAX];
    struct platesieve_voprf_proof proof;
};

static bool take_element(const json_t *json, struct platesieve_element *element)
{
    size_t size = 0;
    return json_is_string(json) && json_string_length(json) == ELEMENT_TEXT_SIZE - 1 &&
           sodium_base642bin(element->bytes, sizeof element->bytes, json_string_value(json), ELEMENT_TEXT_SIZE - 1,
                             NULL, &size, NULL, VARIANT) == 0 &&
           size == sizeof element->bytes;
}

static struct result take_blinded(const json_t *json, struct evaluation *evaluation)
{
    const json_t *blinded = json_object_get(json, "blinded");
    size_t count = json_array_size(blinded); /* 0 for anything else */
    if (json_object_size(json) != 1 || count < 1 || count > PLATESIEVE_VOPRF_BATCH_MAX) return FAIL(REASON_BAD_FIELD);
    for (size_t i = 0; i < count; i++)
        if (!take_element(json_array_get(blinded, i), &evaluation->blinded[i])) return FAIL(REASON_BAD_FIELD);
    evaluation->count = count;
    return OK;
}

static struct result parse(const struct request *request, struct evaluation *evaluation)
{
    json_t *json = NULL;
    TRY(request_json(request, &json));
    struct result result = take_blinded(json, evaluation);
    json_decref(json);
    return result;
}

static struct result reason_of(struct platesieve_result result)
{
    if (!platesieve_failed(result)) return OK;
    if (result.reason == PLATESIEVE_BAD_ELEMENT) return FAIL(REASON_ELEMENT);
    return FAIL(result.reason == PLATESIEVE_NO_MEMORY ? REASON_BUSY : REASON_INTERNAL);
}

/* Charged is what an epoch's key is asked for, also when an element turns out to be none: finding that out is work. */
static struct result evaluate(struct keyd *keyd, const struct request *request, struct evaluation *evaluation,
                              struct quota_refusal *over)
{
    struct epoch epoch;
    struct epoch_key *key = NULL;
    struct quota_cost cost = { .amount[QUOTA_EVALUATIONS] = evaluation->count };
    TRY(epoch_store_borrow(keyd->store, request->arguments[0], PLATESIEVE_VOPRF_RISTRETTO255_SHA512,
                           clock_now_ms(keyd->clock), &epoch, &key));
    struct result result = quota_charge(keyd->quota, request, &cost, over);
    if (!failed(result))
        result = reason_of(platesieve_voprf_evaluate(epoch_key_pair(key), evaluation->blinded, evaluation->count,
                                                     evaluation->evaluated, &evaluation->proof));
    epoch_key_give_back(key);
    return result;
}

static struct reply answer(const struct evaluation *evaluation)
{
    char element[ELEMENT_TEXT_SIZE], proof[PROOF_TEXT_SIZE];
    json_t *evaluated = json_array();
    for (size_t i = 0; i < evaluation->count; i++) {
        sodium_bin2base64(element, sizeof element, evaluation->evaluated[i].bytes,
                          sizeof evaluation->evaluated[i].bytes, VARIANT);
        json_array_append_new(evaluated, json_stringn_nocheck(element, sizeof element - 1));
    }
    sodium_bin2base64(proof, sizeof proof, evaluation->proof.bytes, sizeof evaluation->proof.bytes, VARIANT);
    if (json_array_size(evaluated) != evaluation->count) { /* no memory: an answer cut short would be a wrong one */
        json_decref(evaluated);
        return reply_problem(REASON_BUSY);
    }
    return reply_json(200, json_pack("{so ss}", "evaluated", evaluated, "proof", proof));
}

struct reply post_evaluate(void *app, struct request *request)
{
    static const char *const no_arguments[] = { NULL };
    struct keyd *keyd = app;
    struct evaluation evaluation;
    struct quota_refusal over = { .reason = REASON_NONE };

    TRY_REPLY(request_query_only(request, no_arguments));
    TRY_QUOTA(quota_look(keyd->quota, request, &over), over);
    TRY_REPLY(parse(request, &evaluation));
    struct result result = evaluate(keyd, request, &evaluation, &over);
    if (over.reason != REASON_NONE) return quota_problem(&over);
    TRY_REPLY(result);
    metric_add(keyd->evaluations, evaluation.count);
    return answer(&evaluation);
}
