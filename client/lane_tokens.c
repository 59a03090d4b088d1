#include "client/lane.h"

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

/* One grade of a read, for all epochs. */
static bool make_grade(const struct lane_policy *policy, const struct lane_read *read, enum platesieve_grade grade,
                       struct lane_tokens *tokens)
{
    struct platesieve_message messages[PLATESIEVE_NEAR_MAX];
    size_t count = 0;
    const struct platesieve_result result =
        platesieve_messages(&read->row.plate, &read->row.jurisdiction, grade, PLATESIEVE_SIDE_LANE, messages, &count);
    bool made = true;

    if (result.reason == PLATESIEVE_UNKNOWN_JURISDICTION) return true; /* `full` is left out */
    if (platesieve_failed(result) && result.reason != PLATESIEVE_TOO_SHORT_FOR_NEAR) return false;
    for (size_t i = 0; made && i < policy->epoch_count; i++) {
        tokens[i].counts[grade] = count;
        tokens[i].made[grade] = true;
        made = !platesieve_failed(
            platesieve_prf_evaluate(policy->epochs[i].prf, messages, count, place_of(&tokens[i], grade)));
    }
    platesieve_wipe(messages, sizeof(messages));
    return made;
}

bool lane_tokens_make(const struct lane_policy *policy, const struct lane_read *read, struct lane_tokens *tokens)
{
    memset(tokens, 0, policy->epoch_count * sizeof(*tokens));
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++)
        if ((policy->grades & (1u << grade)) != 0 && !make_grade(policy, read, grade, tokens)) return false;
    return true;
}

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

static void print_read(struct writer *writer, const struct lane_policy *policy, const struct lane_read *read,
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

size_t lane_body_write(const struct lane_policy *policy, const struct lane_batch *batch,
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
