/* JSON of a message, in its arena.  Of members that come twice the last counts: engines do that, and nothing depends on who is right. */
#include "client/engines/document_internal.h"
#include "client/wiping.h"

/* Without a byte order mark, and without the zero bytes that some firmware sends after the end. */
static struct span whole(struct span text)
{
    if (text.size >= 3 && memcmp(text.text, "\xEF\xBB\xBF", 3) == 0) {
        text.text += 3;
        text.size -= 3;
    }
    while (text.size > 0 && text.text[text.size - 1] == '\0') text.size--;
    return text;
}

enum engine_outcome document_parse_json(struct document *document, struct span text)
{
    struct platesieve_arena *arena = document->message->arena;
    size_t size;
    char *tidied;
    bool fits;

    text = whole(text);
    size = json_tidy(document, text, NULL);
    if (size == 0) return ENGINE_MALFORMED;
    document->blobs = platesieve_arena_allocate(arena, LIMIT_ENGINE_BLOBS * sizeof(*document->blobs));
    tidied = platesieve_arena_allocate(arena, size);
    if (document->blobs == NULL || tidied == NULL) return ENGINE_TOO_LARGE;
    json_tidy(document, text, tidied);
    wiping_arena_begin(arena);
    document->json = json_loadb(tidied, size, 0, NULL); /* without its error: that would quote the message */
    fits = wiping_arena_end();
    if (document->json == NULL) return fits ? ENGINE_MALFORMED : ENGINE_TOO_LARGE;
    return ENGINE_TAKEN;
}

const json_t *document_json(const struct document *document)
{
    return document->json;
}
