/* Reads, and the plain parts of them. */
#include <pthread.h>
#include <sodium.h>

#include "client/engines/document_internal.h"

static const char *const fault_names[ENGINE_FAULTS] = {
    [ENGINE_PLATE_EMPTY] = "plate-empty", [ENGINE_PLATE_LONG] = "plate-long", [ENGINE_PLATE_FORM] = "plate-form",
    [ENGINE_CONFIDENCE] = "confidence",   [ENGINE_TIME] = "time",             [ENGINE_REGION] = "region",
    [ENGINE_IMAGE] = "image",             [ENGINE_TOO_MUCH] = "too-much",
};

const char *engine_fault_name(enum engine_fault fault)
{
    return fault_names[fault];
}

struct engine_read *engine_add(const struct engine_options *options, struct engine_reads *reads)
{
    struct engine_read *read;

    if (reads->count == ENGINE_READS_MAX) {
        reads->left_out++;
        reads->faults[ENGINE_TOO_MUCH]++;
        return NULL;
    }
    read = &reads->list[reads->count++];
    memset(read, 0, sizeof(*read));
    read->region_confidence = 1;
    memcpy(read->camera, options->camera, sizeof(read->camera));
    return read;
}

void engine_camera(const struct engine_options *options, struct engine_read *read, struct value camera)
{
    if (options->camera[0] == '\0') value_print(camera, read->camera, sizeof(read->camera));
}

/* -- ids ----------------------------------------------------------------------------------------------------------- */

static uint8_t id_key[crypto_shorthash_KEYBYTES]; /* drawn once, for this process */

static void draw_id_key(void)
{
    randombytes_buf(id_key, sizeof(id_key));
}

void engine_id(struct engine_read *read, struct value id)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number;

    if ((id.kind != VALUE_TEXT && id.kind != VALUE_NUMBER) || id.size == 0 || read->id_count == ENGINE_IDS_MAX) return;
    pthread_once(&once, draw_id_key);
    crypto_shorthash(hash, (const uint8_t *)id.text, id.size, id_key);
    memcpy(&number, hash, sizeof(number));
    for (size_t i = 0; i < read->id_count; i++)
        if (read->ids[i] == number) return;
    read->ids[read->id_count++] = number;
}

void engine_id_part(struct engine_read *read, struct value id, struct value part)
{
    char text[LIMIT_ENGINE_ID_BYTES];
    const bool numbered = part.kind == VALUE_TEXT || part.kind == VALUE_NUMBER;
    int size;

    if ((id.kind != VALUE_TEXT && id.kind != VALUE_NUMBER) || id.size == 0 || id.size > sizeof(text) / 2) return;
    size = snprintf(text, sizeof(text), "%.*s#%.*s", (int)id.size, id.text, numbered ? (int)part.size : 1, numbered ? part.text : "0");
    if (size > 0 && (size_t)size < sizeof(text)) engine_id(read, (struct value){ .kind = VALUE_TEXT, .text = text, .size = (size_t)size });
}

/* -- order --------------------------------------------------------------------------------------------------------- */

/* Of two that are as sure, the one that came first stays first. */
static void sort(struct engine_read *read)
{
    struct engine_candidate moved;

    for (size_t i = 1; i < read->count; i++) {
        size_t place = i;

        moved = read->candidates[i];
        for (; place > 0 && read->candidates[place - 1].confidence < moved.confidence; place--)
            read->candidates[place] = read->candidates[place - 1];
        read->candidates[place] = moved;
    }
    platesieve_wipe(&moved, sizeof(moved));
}

/* A spelling that nothing is said of counts as much as the best that something is said of, and stands behind it: it is no better, and not left out as one of
   the worst.  Sorted already, so those without are the last. */
static void settle_unsaid(struct engine_read *read)
{
    const double best = read->count > 0 && read->candidates[0].confidence >= 0 ? read->candidates[0].confidence : 1;
    bool some = false;

    for (size_t i = 0; i < read->count; i++) {
        if (read->candidates[i].confidence >= 0) continue;
        read->candidates[i].confidence = best;
        some = true;
    }
    if (some) sort(read);
}

void engine_sort(struct engine_reads *reads)
{
    for (size_t i = 0; i < reads->count; i++) {
        sort(&reads->list[i]);
        settle_unsaid(&reads->list[i]);
    }
}
