#include "client/lane/lane.h"

#include "client/base64.h"
#include "client/moment.h"

/* A read at four epochs, each with 28 tokens of 25 bytes and the names of grades, must leave room for 63 others. */
_Static_assert(LIMIT_CHECK_READS *(160 +
                                   LIMIT_EPOCHS_OPEN * ((3 + PLATESIEVE_NEAR_MAX) * (PLATESIEVE_TOKEN_TEXT + 3) + 48)) +
                       1024 <
                   LIMIT_CHECK_BODY_BYTES,
               "the largest batch must fit into a request");

static struct platesieve_token *place_of(struct lane_tokens *tokens, enum platesieve_grade grade)
{
    struct platesieve_token *const places[] = { &tokens->full, &tokens->plate, &tokens->similar, tokens->near };

    return places[grade];
}

const struct platesieve_token *lane_tokens_of(const struct lane_tokens *tokens, enum platesieve_grade grade)
{
    const struct platesieve_token *const places[] = { &tokens->full, &tokens->plate, &tokens->similar, tokens->near };

    return places[grade];
}

/* -- making them --------------------------------------------------------------------------------------------------- */

/* The messages of a read, one grade after the other; what becomes of them is noted in TOKENS, one for each epoch. */
static bool add_messages(const struct lane_policy *policy, const struct row_read *read,
                         const struct lane_tokens_place *place, size_t *used, struct lane_tokens *tokens)
{
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) {
        size_t count = 0;
        struct platesieve_result result;

        if ((policy->grades & (1u << grade)) == 0) continue;
        if (*used + PLATESIEVE_NEAR_MAX > place->capacity) return false;
        result = platesieve_messages(&read->row.plate, &read->row.jurisdiction, grade, PLATESIEVE_SIDE_LANE,
                                     place->messages + *used, &count);
        if (result.reason == PLATESIEVE_UNKNOWN_JURISDICTION) continue; /* `full` is left out */
        if (platesieve_failed(result) && result.reason != PLATESIEVE_TOO_SHORT_FOR_NEAR) return false;
        *used += count;
        for (size_t i = 0; i < policy->epoch_count; i++) {
            tokens[i].counts[grade] = count;
            tokens[i].made[grade] = true;
        }
    }
    return true;
}

/* What was evaluated for one epoch, in the order of the messages, to where it belongs. */
static void deal_out(const struct lane_policy *policy, size_t epoch, size_t reads,
                     const struct platesieve_token *evaluated, struct lane_tokens *tokens)
{
    for (size_t i = 0; i < reads; i++) {
        struct lane_tokens *own = &tokens[i * policy->epoch_count + epoch];

        for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) {
            memcpy(place_of(own, grade), evaluated, own->counts[grade] * sizeof(*evaluated));
            evaluated += own->counts[grade];
        }
    }
}

enum key_outcome lane_tokens_make(const struct lane_policy *policy, const struct row_batch *batch,
                                  struct evaluator *evaluator, const struct lane_tokens_place *place,
                                  struct lane_tokens *tokens)
{
    enum key_outcome outcome = KEY_DONE;
    unsigned retry_after_s;
    size_t used = 0;

    memset(tokens, 0, batch->count * policy->epoch_count * sizeof(*tokens));
    for (size_t i = 0; outcome == KEY_DONE && i < batch->count; i++)
        if (!add_messages(policy, &batch->reads[i], place, &used, tokens + i * policy->epoch_count))
            outcome = KEY_WRONG;
    if (outcome == KEY_DONE)
        outcome = evaluator_tokens(evaluator, policy->epochs, policy->epoch_count, place->messages, used, place->tokens,
                                   place->capacity, &retry_after_s);
    platesieve_wipe(place->messages, (used + PLATESIEVE_NEAR_MAX) * sizeof(*place->messages));
    for (size_t i = 0; i < policy->epoch_count; i++) {
        struct platesieve_token *evaluated = place->tokens + i * place->capacity;

        if (outcome == KEY_DONE) deal_out(policy, i, batch->count, evaluated, tokens);
        platesieve_wipe(evaluated, used * sizeof(*evaluated));
    }
    return outcome;
}

/* -- using them ---------------------------------------------------------------------------------------------------- */

bool lane_tokens_verify(const struct lane_tokens *tokens, enum platesieve_grade grade, const char *list,
                        const char *agency, const uint8_t tag[PLATESIEVE_TAG_BYTES])
{
    bool found = false;

    for (size_t i = 0; i < tokens->counts[grade]; i++) {
        uint8_t own[PLATESIEVE_TAG_BYTES];

        platesieve_tag(lane_tokens_of(tokens, grade)[i].proof_key, list, agency, own);
        found = found || sodium_memcmp(own, tag, sizeof(own)) == 0;
    }
    return found;
}

/* -- the body ------------------------------------------------------------------------------------------------------ */

struct writer {
    char *at, *end;
    bool full;
};

__attribute__((format(printf, 2, 3))) static void print(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(writer->at, (size_t)(writer->end - writer->at), format, arguments);
    va_end(arguments);
    if (length < 0 || length >= writer->end - writer->at) writer->full = true;
    else writer->at += length;
}

static void print_token(struct writer *writer, const struct platesieve_token *token)
{
    char text[PLATESIEVE_TOKEN_TEXT + 1];

    base64_print(token->token, sizeof(token->token), text, sizeof(text));
    if (writer->end - writer->at < PLATESIEVE_TOKEN_TEXT + 2) {
        writer->full = true;
        return;
    }
    *writer->at++ = '"';
    memcpy(writer->at, text, PLATESIEVE_TOKEN_TEXT);
    writer->at += PLATESIEVE_TOKEN_TEXT;
    *writer->at++ = '"';
    platesieve_wipe(text, sizeof(text));
}

/* {"full": "...", "near": ["..."]} */
static void print_tokens(struct writer *writer, const struct lane_tokens *tokens)
{
    const char *comma = "";

    print(writer, "{");
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) {
        if (!tokens->made[grade]) continue;
        print(writer, "%s\"%s\":%s", comma, platesieve_grade_name(grade), grade == PLATESIEVE_NEAR ? "[" : "");
        for (size_t i = 0; i < tokens->counts[grade]; i++) {
            if (i > 0) print(writer, ",");
            print_token(writer, &lane_tokens_of(tokens, grade)[i]);
        }
        if (grade == PLATESIEVE_NEAR) print(writer, "]");
        comma = ",";
    }
    print(writer, "}");
}

static void print_read(struct writer *writer, const struct lane_policy *policy, const struct row_read *read,
                       const struct lane_tokens *tokens)
{
    char id[PLATESIEVE_TOKEN_TEXT + 1], seen[MOMENT_TEXT];

    base64_print(read->id, sizeof(read->id), id, sizeof(id));
    moment_print(read->seen_ms, seen);
    print(writer, "{\"read_id\":\"%s\",\"seen_at\":\"%s\",\"candidates\":[{\"confidence\":%.4f,\"tokens\":[", id, seen,
          read->confidence);
    for (size_t i = 0; i < policy->epoch_count; i++) {
        if (i > 0) print(writer, ",");
        print_tokens(writer, &tokens[i]);
    }
    print(writer, "]}]}");
}

size_t lane_body_write(const struct lane_policy *policy, const struct row_batch *batch,
                       const struct lane_tokens *tokens, char *body, size_t size)
{
    struct writer writer = { body, body + size, false };

    print(&writer, "{\"policy\":\"%s\",\"epochs\":[", policy->version);
    for (size_t i = 0; i < policy->epoch_count; i++) {
        char key_id[PLATESIEVE_TOKEN_TEXT + 1];

        base64_print(policy->epochs[i].key_id, sizeof(policy->epochs[i].key_id), key_id, sizeof(key_id));
        print(&writer, "%s{\"id\":\"%s\",\"key_id\":\"%s\"}", i == 0 ? "" : ",", policy->epochs[i].id, key_id);
    }
    print(&writer, "],\"reads\":[");
    for (size_t i = 0; i < batch->count; i++) {
        if (i > 0) print(&writer, ",");
        print_read(&writer, policy, &batch->reads[i], tokens + i * policy->epoch_count);
    }
    print(&writer, "]}");
    return writer.full ? 0 : (size_t)(writer.at - body);
}
