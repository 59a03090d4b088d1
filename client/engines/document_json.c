/* JSON of a message, in its arena.  Of members that come twice the last counts: engines do that, and nothing depends on who is right. */
#include "client/engines/document_internal.h"
#include "client/http/wiping.h"

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

struct load {
    const char *text;
    size_t size;
    const json_t *json;
};

static void load(void *context)
{
    struct load *load = context;

    load->json = json_loadb(load->text, load->size, 0, NULL); /* without its error: that would quote the message */
}

enum engine_outcome document_parse_json(struct document *document, struct span text)
{
    struct platesieve_arena *arena = document->message->arena;
    struct load loaded = { 0 };
    char *tidied;

    text = whole(text);
    loaded.size = json_tidy(document, text, NULL);
    if (loaded.size == 0) return ENGINE_MALFORMED;
    document->blobs = platesieve_arena_allocate(arena, LIMIT_ENGINE_BLOBS * sizeof(*document->blobs));
    tidied = platesieve_arena_allocate(arena, loaded.size);
    if (document->blobs == NULL || tidied == NULL) return ENGINE_TOO_LARGE;
    json_tidy(document, text, tidied);
    loaded.text = tidied;
    if (!wiping_arena_run(arena, load, &loaded)) return ENGINE_TOO_LARGE;
    document->json = loaded.json;
    return document->json != NULL ? ENGINE_TAKEN : ENGINE_MALFORMED;
}

const json_t *document_json(const struct document *document)
{
    return document->json;
}
