#include "client/push/push.h"

#include "client/base64.h"
#include "client/http/wiping.h"
#include "client/moment.h"

#define REFERENCE_TEXT (2 * LIMIT_REFERENCE_MAX + 2) /* each byte may need a backslash */
#define EPOCH_TEXT (LIMIT_EPOCH_ID_MAX + 64)         /* its id, the names of grades, and signs */
#define ENTRY_TEXT (REFERENCE_TEXT + 2 * (MOMENT_TEXT + 16) + 64)
#define MESSAGES_PER_ROW (PLATESIEVE_GRADES - 1 + PLATESIEVE_NEAR_MAX)

/* An entry at `near` for eight epochs: 28 tokens of 35 bytes each, grade and epoch names. */
_Static_assert(LIMIT_PART_LINE_BYTES >
                   LIMIT_ENTRY_EPOCHS * (MESSAGES_PER_ROW * (PLATESIEVE_TAGGED_TEXT + 3) + EPOCH_TEXT) + ENTRY_TEXT,
               "the longest line must fit");
_Static_assert(PUSH_CHUNK_TEXT_BYTES > PUSH_CHUNK_MESSAGES * LIMIT_ENTRY_EPOCHS * (PLATESIEVE_TAGGED_TEXT + 3) +
                                           PUSH_CHUNK_ENTRIES * (ENTRY_TEXT + LIMIT_ENTRY_EPOCHS * EPOCH_TEXT),
               "all lines of a chunk must fit");
_Static_assert(PUSH_CHUNK_MESSAGES <= PLATESIEVE_VOPRF_BATCH_MAX && PUSH_CHUNK_MESSAGES_REMOTE >= MESSAGES_PER_ROW,
               "a row must fit into a chunk, and a chunk into a request");

/* -- memory -------------------------------------------------------------------------------------------------------- */

bool push_chunk_create(struct push_chunk *chunk, size_t epochs, size_t messages)
{
    chunk->message_max = messages;
    chunk->token_bytes = epochs * messages * sizeof(*chunk->tokens);
    chunk->messages = platesieve_secret_allocate((messages + PLATESIEVE_NEAR_MAX) * sizeof(*chunk->messages));
    chunk->tokens = platesieve_secret_allocate(chunk->token_bytes);
    chunk->text_max = PUSH_CHUNK_TEXT_BYTES;
    chunk->text = malloc(chunk->text_max);
    if (chunk->messages != NULL && chunk->tokens != NULL && chunk->text != NULL) return true;
    say("there is no memory that can be locked for plates");
    return false;
}

void push_chunk_destroy(struct push_chunk *chunk)
{
    platesieve_secret_free(chunk->messages);
    platesieve_secret_free(chunk->tokens);
    wiping_free(chunk->text);
    push_partial_destroy(chunk);
}

void push_chunk_clear(struct push_chunk *chunk)
{
    platesieve_wipe(chunk->entries, chunk->entry_count * sizeof(chunk->entries[0]));
    platesieve_wipe(chunk->messages, chunk->message_count * sizeof(*chunk->messages));
    platesieve_wipe(chunk->tokens, chunk->token_bytes);
    platesieve_wipe(chunk->text, chunk->text_size);
    push_partial_clear(chunk);
    chunk->entry_count = chunk->message_count = chunk->text_size = 0;
    chunk->evaluated = false;
}

bool push_chunk_is_full(const struct push_chunk *chunk, enum platesieve_grade grade)
{
    const size_t more = grade == PLATESIEVE_NEAR ? MESSAGES_PER_ROW : (size_t)grade + 1;

    return chunk->entry_count == PUSH_CHUNK_ENTRIES || push_partial_entry(chunk) != NULL || chunk->message_count + more > chunk->message_max;
}

static size_t messages_of(const struct push_entry *entry)
{
    size_t count = 0;

    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) count += entry->counts[grade];
    return count;
}

enum key_outcome push_chunk_evaluate(struct push_chunk *chunk, const struct push_maker *maker,
                                     struct evaluator *evaluator, unsigned *retry_after_s)
{
    const struct push_entry *partial = push_partial_entry(chunk);
    const size_t count = chunk->message_count - (partial == NULL ? 0 : messages_of(partial));

    if (!chunk->evaluated) {
        const enum key_outcome outcome =
            evaluator_tokens(evaluator, maker->epochs->list, maker->epochs->count, chunk->messages, count,
                             chunk->tokens, chunk->message_max, retry_after_s);

        if (outcome != KEY_DONE) return outcome;
        chunk->evaluated = true;
    }
    return partial == NULL ? KEY_DONE : push_partial_evaluate(chunk, maker, evaluator, retry_after_s);
}

/* -- writing JSON -------------------------------------------------------------------------------------------------- */

struct writer {
    char *at, *end;
};

static void put(struct writer *writer, const char *text, size_t size)
{
    if ((size_t)(writer->end - writer->at) < size) abort(); /* the static assertion above says that this can't be */
    memcpy(writer->at, text, size);
    writer->at += size;
}

static void put_text(struct writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

/* References hold no control characters (reference_valid()). */
static void put_string(struct writer *writer, const char *text)
{
    put(writer, "\"", 1);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') put(writer, "\\", 1);
        put(writer, text, 1);
    }
    put(writer, "\"", 1);
}

static void put_time(struct writer *writer, const char *member, int64_t ms)
{
    char text[MOMENT_TEXT];

    if (ms < 0) return;
    moment_print(ms, text);
    put_text(writer, member);
    put(writer, text, MOMENT_TEXT - 1);
    put(writer, "\"", 1);
}

/* -- lines --------------------------------------------------------------------------------------------------------- */

#define TAGGED_BYTES (PLATESIEVE_TOKEN_BYTES + PLATESIEVE_TAG_BYTES)

static void put_tagged(struct writer *writer, const uint8_t tagged[TAGGED_BYTES], bool first)
{
    char text[PLATESIEVE_TAGGED_TEXT + 1];

    base64_print(tagged, TAGGED_BYTES, text, sizeof(text));
    put(writer, first ? "\"" : ",\"", first ? 1 : 2);
    put(writer, text, PLATESIEVE_TAGGED_TEXT);
    put(writer, "\"", 1);
    platesieve_wipe(text, sizeof(text));
}

static void put_token(struct writer *writer, const struct push_maker *maker, const struct platesieve_token *token,
                      bool first)
{
    uint8_t tagged[TAGGED_BYTES];

    memcpy(tagged, token->token, PLATESIEVE_TOKEN_BYTES);
    platesieve_tag(token->proof_key, maker->info->id, maker->info->agency, tagged + PLATESIEVE_TOKEN_BYTES);
    put_tagged(writer, tagged, first);
    platesieve_wipe(tagged, sizeof(tagged));
}

/* The tokens of one grade for one epoch; TOKENS moves on. */
static void put_grade(struct writer *writer, const struct push_maker *maker, const struct push_chunk *chunk,
                      size_t epoch, const struct push_entry *entry, enum platesieve_grade grade,
                      const struct platesieve_token **tokens)
{
    put_string(writer, platesieve_grade_name(grade));
    put_text(writer, ":[");
    if (entry->unknowns > 0) {
        size_t count;
        const uint8_t *tagged = push_partial_tagged(chunk, epoch, grade, &count);

        for (size_t i = 0; i < count; i++) put_tagged(writer, tagged + i * TAGGED_BYTES, i == 0);
    } else {
        for (size_t i = 0; i < entry->counts[grade]; i++) put_token(writer, maker, (*tokens)++, i == 0);
    }
    put(writer, "]", 1);
}

static void put_epoch(struct writer *writer, const struct push_maker *maker, const struct push_chunk *chunk,
                      size_t epoch, const struct push_entry *entry, const struct platesieve_token *tokens)
{
    bool first = true;

    put_string(writer, maker->epochs->list[epoch].id);
    put_text(writer, ":{");
    for (unsigned grade = 0; grade <= maker->grade; grade++) {
        if (entry->counts[grade] == 0) continue;
        if (!first) put(writer, ",", 1);
        first = false;
        put_grade(writer, maker, chunk, epoch, entry, grade, &tokens);
    }
    put(writer, "}", 1);
}

/* TOKENS are the entry's for the first epoch; those for the next lie message_max behind them. */
static void put_entry(struct writer *writer, const struct push_maker *maker, const struct push_chunk *chunk,
                      const struct push_entry *entry, const struct platesieve_token *tokens)
{
    put_text(writer,
             maker->mode == PUSH_TOKENS ? "{\"op\":\"tokens\",\"reference\":" : "{\"op\":\"add\",\"reference\":");
    put_string(writer, entry->reference.text);
    if (maker->mode != PUSH_TOKENS) {
        put_time(writer, ",\"effective\":\"", entry->effective_ms);
        put_time(writer, ",\"expires\":\"", entry->expires_ms);
    }
    put_text(writer, ",\"tokens\":{");
    for (size_t i = 0; i < maker->epochs->count; i++) {
        if (i > 0) put(writer, ",", 1);
        put_epoch(writer, maker, chunk, i, entry, tokens + i * chunk->message_max);
    }
    put_text(writer, "}}\n");
}

void push_chunk_write(struct push_chunk *chunk, const struct push_maker *maker)
{
    struct writer writer = { chunk->text, chunk->text + chunk->text_max };
    const struct platesieve_token *tokens = chunk->tokens;

    if (maker->mode == PUSH_REMOVE) return;
    for (size_t i = 0; i < chunk->entry_count; i++) {
        struct push_entry *entry = &chunk->entries[i];
        const char *begin = writer.at;

        put_entry(&writer, maker, chunk, entry, tokens);
        tokens += messages_of(entry);
        entry->size = (size_t)(writer.at - begin);
    }
    chunk->text_size = (size_t)(writer.at - chunk->text);
}

static void put_removal(struct writer *writer, const struct reference *reference)
{
    put_text(writer, "{\"op\":\"remove\",\"reference\":");
    put_string(writer, reference->text);
    put_text(writer, "}\n");
}

size_t push_removal_write(const struct reference *reference, char text[PUSH_REMOVAL_TEXT])
{
    struct writer writer = { text, text + PUSH_REMOVAL_TEXT };

    put_removal(&writer, reference);
    return (size_t)(writer.at - text);
}

void push_chunk_remove(struct push_chunk *chunk, const struct reference *reference)
{
    struct writer writer = { chunk->text + chunk->text_size, chunk->text + chunk->text_max };
    struct push_entry *entry = &chunk->entries[chunk->entry_count];
    const char *begin = writer.at;

    entry->removed[entry->removed[0].text[0] != '\0'] = *reference;
    put_removal(&writer, reference);
    entry->size += (size_t)(writer.at - begin);
    chunk->text_size += (size_t)(writer.at - begin);
}
