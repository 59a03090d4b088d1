/* The tokens of a partial plate: up to some thousands for each epoch, made a few at a time, so that little memory is
   locked and a lane beside us does not wait long at the key server. */
#include "client/push/push.h"

#include <string.h>

#include "client/http/wiping.h"
#include "client/import/partial.h"

#define BATCH PUSH_CHUNK_MESSAGES_REMOTE
#define TAGGED_BYTES (PLATESIEVE_TOKEN_BYTES + PLATESIEVE_TAG_BYTES)

/* The longest line of a partial plate. */
_Static_assert(LIMIT_PART_LINE_BYTES >= LIMIT_ENTRY_EPOCHS * (3 * LIMIT_ENTRY_TOKENS * (PLATESIEVE_TAGGED_TEXT + 3)),
               "it must fit");

/* Tokens lie by epoch, and for each epoch by grade. */
struct push_partial {
    struct platesieve_message *messages; /* locked: BATCH */
    struct platesieve_token *tokens;     /* locked: BATCH for each epoch */
    size_t token_bytes;
    uint8_t *tagged;
    size_t total; /* for each epoch */
    size_t first[PLATESIEVE_GRADES], counts[PLATESIEVE_GRADES]; /* where those of each grade lie, and how many */
    size_t done;                                                /* of the total, under all epochs */
};

const struct push_entry *push_partial_entry(const struct push_chunk *chunk)
{
    const struct push_entry *last = chunk->entry_count == 0 ? NULL : &chunk->entries[chunk->entry_count - 1];

    return last != NULL && last->unknowns > 0 ? last : NULL;
}

void push_partial_clear(struct push_chunk *chunk)
{
    struct push_partial *partial = chunk->partial;

    if (partial == NULL) return;
    platesieve_wipe(partial->messages, BATCH * sizeof(*partial->messages));
    platesieve_wipe(partial->tokens, partial->token_bytes);
    wiping_free(partial->tagged);
    partial->tagged = NULL;
    partial->total = partial->done = 0;
}

void push_partial_destroy(struct push_chunk *chunk)
{
    if (chunk->partial == NULL) return;
    wiping_free(chunk->partial->tagged);
    platesieve_secret_free(chunk->partial->messages);
    platesieve_secret_free(chunk->partial->tokens);
    free(chunk->partial);
    chunk->partial = NULL;
}

/* -- room ---------------------------------------------------------------------------------------------------------- */

static bool prepare(struct push_chunk *chunk, size_t epochs)
{
    struct push_partial *partial = chunk->partial;
    char *text;

    if (partial != NULL) return true;
    partial = chunk->partial = calloc(1, sizeof(*partial));
    if (partial == NULL) return false;
    partial->token_bytes = epochs * BATCH * sizeof(*partial->tokens);
    partial->messages = platesieve_secret_allocate(BATCH * sizeof(*partial->messages));
    partial->tokens = platesieve_secret_allocate(partial->token_bytes);
    text = wiping_realloc(chunk->text, PUSH_CHUNK_TEXT_BYTES + LIMIT_PART_LINE_BYTES);
    if (text != NULL) {
        chunk->text = text;
        chunk->text_max = PUSH_CHUNK_TEXT_BYTES + LIMIT_PART_LINE_BYTES;
    }
    if (partial->messages != NULL && partial->tokens != NULL && text != NULL) return true;
    push_partial_destroy(chunk);
    return false;
}

static bool begin(struct push_chunk *chunk, const struct push_entry *entry, size_t epochs)
{
    struct push_partial *partial;

    if (!prepare(chunk, epochs)) return false;
    partial = chunk->partial;
    if (partial->tagged != NULL) return true; /* interrupted */
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) {
        partial->first[grade] = partial->total;
        partial->counts[grade] = entry->counts[grade] == 0 ? 0 : partial_count(grade, entry->unknowns);
        partial->total += partial->counts[grade];
    }
    partial->tagged = malloc(epochs * partial->total * TAGGED_BYTES);
    return partial->tagged != NULL;
}

/* -- tokens -------------------------------------------------------------------------------------------------------- */

/* The next messages; their number. */
static size_t fill(struct push_chunk *chunk, const struct push_entry *entry)
{
    struct push_partial *partial = chunk->partial;
    size_t own = 0, count = 0;

    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) own += entry->counts[grade];
    own = chunk->message_count - own; /* its first message, of the strongest grade */
    for (unsigned grade = 0; grade < PLATESIEVE_GRADES; grade++) {
        if (partial->counts[grade] == 0) continue;
        while (count < BATCH && partial->done + count < partial->first[grade] + partial->counts[grade]) {
            partial_message(&chunk->messages[own], grade, partial->done + count - partial->first[grade],
                            &partial->messages[count]);
            count++;
        }
        own++;
    }
    return count;
}

static void keep(struct push_partial *partial, const struct push_maker *maker, size_t count)
{
    for (size_t epoch = 0; epoch < maker->epochs->count; epoch++)
        for (size_t i = 0; i < count; i++) {
            const struct platesieve_token *token = &partial->tokens[epoch * BATCH + i];
            uint8_t *tagged = partial->tagged + (epoch * partial->total + partial->done + i) * TAGGED_BYTES;

            memcpy(tagged, token->token, PLATESIEVE_TOKEN_BYTES);
            platesieve_tag(token->proof_key, maker->info->id, maker->info->agency, tagged + PLATESIEVE_TOKEN_BYTES);
        }
    partial->done += count;
}

enum key_outcome push_partial_evaluate(struct push_chunk *chunk, const struct push_maker *maker,
                                       struct evaluator *evaluator, unsigned *retry_after_s)
{
    const struct push_entry *entry = push_partial_entry(chunk);
    struct push_partial *partial;

    if (!begin(chunk, entry, maker->epochs->count)) {
        say("there is no memory for a partial plate");
        return KEY_LATER;
    }
    partial = chunk->partial;
    while (partial->done < partial->total) {
        const size_t count = fill(chunk, entry);
        const enum key_outcome outcome =
            evaluator_tokens(evaluator, maker->epochs->list, maker->epochs->count, partial->messages, count,
                             partial->tokens, BATCH, retry_after_s);

        if (outcome != KEY_DONE) return outcome;
        keep(partial, maker, count);
    }
    return KEY_DONE;
}

size_t push_partial_done(const struct push_chunk *chunk)
{
    return chunk->partial == NULL ? 0 : chunk->partial->done;
}

const uint8_t *push_partial_tagged(const struct push_chunk *chunk, size_t epoch, enum platesieve_grade grade,
                                   size_t *count)
{
    const struct push_partial *partial = chunk->partial;

    *count = partial->counts[grade];
    return partial->tagged + (epoch * partial->total + partial->first[grade]) * TAGGED_BYTES;
}
