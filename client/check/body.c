#include "client/check/internal.h"

#include "client/base64.h"
#include "client/moment.h"

/* A read of one candidate at four epochs, each with 28 tokens of 25 bytes and the names of grades, must leave room for 63 others; and one of eight fits. */
#define CANDIDATE_BYTES (48 + LIMIT_EPOCHS_OPEN * (CHECK_TOKENS_MAX * (PLATESIEVE_TOKEN_TEXT + 3) + 48))
_Static_assert(LIMIT_CHECK_READS *(128 + CANDIDATE_BYTES) + 1024 < LIMIT_CHECK_BODY_BYTES, "the largest batch must fit into a request");
_Static_assert(128 + LIMIT_CHECK_CANDIDATES * CANDIDATE_BYTES + 1024 < LIMIT_CHECK_BODY_BYTES, "any single read must fit");

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

    if (writer->end - writer->at < PLATESIEVE_TOKEN_TEXT + 2) {
        writer->full = true;
        return;
    }
    base64_print(token->token, sizeof(token->token), text, sizeof(text));
    *writer->at++ = '"';
    memcpy(writer->at, text, PLATESIEVE_TOKEN_TEXT);
    writer->at += PLATESIEVE_TOKEN_TEXT;
    *writer->at++ = '"';
    platesieve_wipe(text, sizeof(text));
}

/* {"full": "...", "near": ["..."]} */
static void print_set(struct writer *writer, const struct check_place *place, size_t epoch, const struct check_set *set)
{
    const char *comma = "";

    print(writer, "{");
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) {
        const struct platesieve_token *tokens = check_tokens_of(place, epoch, set, grade);

        if (!set->made[grade]) continue;
        print(writer, "%s\"%s\":%s", comma, platesieve_grade_name(grade), grade == PLATESIEVE_NEAR ? "[" : "");
        for (size_t i = 0; i < set->counts[grade]; i++) {
            if (i > 0) print(writer, ",");
            print_token(writer, &tokens[i]);
        }
        if (grade == PLATESIEVE_NEAR) print(writer, "]");
        comma = ",";
    }
    print(writer, "}");
}

static void print_candidate(struct writer *writer, const struct check_policy *policy, const struct check_place *place, double confidence,
                            const struct check_set *set)
{
    print(writer, "{\"confidence\":%.4f,\"tokens\":[", confidence >= 0 && confidence <= 1 ? confidence : 0);
    for (size_t i = 0; i < policy->epoch_count; i++) {
        if (i > 0) print(writer, ",");
        print_set(writer, place, i, set);
    }
    print(writer, "]}");
}

static void print_read(struct writer *writer, const struct check_policy *policy, const struct check_place *place, const struct check_read *read,
                       size_t number, int64_t ahead_ms)
{
    char id[PLATESIEVE_TOKEN_TEXT + 1], seen[MOMENT_TEXT];

    base64_print(read->id, sizeof(read->id), id, sizeof(id));
    moment_print(read->seen_ms - ahead_ms, seen);
    print(writer, "{\"read_id\":\"%s\",\"seen_at\":\"%s\",%s\"candidates\":[", id, seen, read->again ? "\"again\":true," : "");
    for (size_t i = 0; i < check_candidates(policy, place, read); i++) {
        if (i > 0) print(writer, ",");
        print_candidate(writer, policy, place, read->candidates[i].confidence, check_set_of(place, number, i));
    }
    print(writer, "]}");
}

size_t check_body_write(const struct check_policy *policy, const struct check_read *reads, size_t count, const struct check_place *place,
                        int64_t ahead_ms, char *body, size_t size)
{
    struct writer writer = { body, body + size, false };

    print(&writer, "{\"policy\":\"%s\",\"epochs\":[", policy->version);
    for (size_t i = 0; i < policy->epoch_count; i++) {
        char key_id[PLATESIEVE_TOKEN_TEXT + 1];

        base64_print(policy->epochs[i].key_id, sizeof(policy->epochs[i].key_id), key_id, sizeof(key_id));
        print(&writer, "%s{\"id\":\"%s\",\"key_id\":\"%s\"}", i == 0 ? "" : ",", policy->epochs[i].id, key_id);
    }
    print(&writer, "],\"reads\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) print(&writer, ",");
        print_read(&writer, policy, place, &reads[i], i, ahead_ms);
    }
    print(&writer, "]}");
    return writer.full ? 0 : (size_t)(writer.at - body);
}
