/* Pictures in messages.  Base64 is decoded where it stands: a picture is in memory once. */
#include "client/engines/document_internal.h"
#include "client/picture/picture.h"

void engine_picture(struct engine_reads *reads, struct engine_read *read, const uint8_t *bytes, size_t size)
{
    if (read->picture != NULL || size == 0) return;
    if (size > LIMIT_IMAGE_FILE_BYTES || picture_look(bytes, size) != PICTURE_FINE) {
        reads->faults[ENGINE_IMAGE]++;
        return;
    }
    read->picture = bytes;
    read->picture_size = size;
}

/* -- base64 -------------------------------------------------------------------------------------------------------- */

/* Standard and URL-safe alphabets; 0x40: white space; 0x80: none of it. */
static uint8_t sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z') return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9') return (uint8_t)(c - '0' + 52);
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' ? 0x40 : 0x80;
}

struct decoder {
    const uint8_t *at, *end;
    uint8_t *out;
    size_t size;
    uint32_t bits;
    unsigned count; /* of sextets in `bits` */
    uint8_t table[256];
};

/* As long as there are four letters in a row. */
static void decode_fours(struct decoder *decoder)
{
    const uint8_t *at = decoder->at, *table = decoder->table;
    uint8_t *out = decoder->out + decoder->size;

    while (decoder->end - at >= 4) {
        const uint8_t a = table[at[0]], b = table[at[1]], c = table[at[2]], d = table[at[3]];

        if (((a | b | c | d) & 0xC0) != 0) break;
        at += 4;
        *out++ = (uint8_t)(a << 2 | b >> 4);
        *out++ = (uint8_t)(b << 4 | c >> 2);
        *out++ = (uint8_t)(c << 6 | d);
    }
    decoder->at = at;
    decoder->size = (size_t)(out - decoder->out);
}

/* What JSON's escape at decoder->at stands for, as far as base64 has it: "\/", "\n", "\u002b".  0: none. */
static uint8_t take_escape(struct decoder *decoder)
{
    static const struct {
        const char *escape;
        uint8_t meaning;
    } escapes[] = { { "\\/", '/' }, { "\\n", '\n' }, { "\\r", '\r' }, { "\\t", '\t' }, { "\\u002b", '+' }, { "\\u002B", '+' },
                    { "\\u002f", '/' }, { "\\u002F", '/' }, { "\\u003d", '=' }, { "\\u003D", '=' } };

    for (size_t i = 0; i < ARRAY_LENGTH(escapes); i++) {
        const size_t size = strlen(escapes[i].escape);

        if ((size_t)(decoder->end - decoder->at) >= size && memcmp(decoder->at, escapes[i].escape, size) == 0) {
            decoder->at += size;
            return escapes[i].meaning;
        }
    }
    return 0;
}

/* One letter, white space or escape.  False: nothing that belongs there; '=' ends it all. */
static bool decode_one(struct decoder *decoder, bool escaped, bool *padded)
{
    const uint8_t c = escaped && *decoder->at == '\\' ? take_escape(decoder) : *decoder->at++, value = decoder->table[c];

    if (c == '=') *padded = true;
    if (c == '=' || value == 0x40) return true;
    if (value == 0x80 || *padded) return false;
    decoder->bits = decoder->bits << 6 | value;
    if (++decoder->count < 4) return true;
    for (int shift = 16; shift >= 0; shift -= 8) decoder->out[decoder->size++] = (uint8_t)(decoder->bits >> shift);
    decoder->count = 0;
    return true;
}

/* OUT may be where TEXT is.  0: it is not base64, or empty. */
static size_t decode(const uint8_t *text, size_t size, bool escaped, uint8_t *out)
{
    struct decoder decoder = { .at = text, .end = text + size, .out = out };
    bool padded = false;

    for (unsigned c = 0; c < 256; c++) decoder.table[c] = sextet((uint8_t)c);
    while (decoder.at < decoder.end) {
        if (decoder.count == 0 && !padded) decode_fours(&decoder);
        if (decoder.at < decoder.end && !decode_one(&decoder, escaped, &padded)) return 0;
    }
    if (decoder.count == 1) return 0;
    if (decoder.count >= 2) out[decoder.size++] = (uint8_t)(decoder.bits >> (decoder.count == 2 ? 4 : 10));
    if (decoder.count == 3) out[decoder.size++] = (uint8_t)(decoder.bits >> 2);
    return decoder.size;
}

/* -- where it stands ----------------------------------------------------------------------------------------------- */

/* Behind "data:image/jpeg;base64,". */
static size_t prefix_of(const char *text, size_t size)
{
    static const char mark[] = "base64,";
    const char *found;

    if (size < 5 || memcmp(text, "data:", 5) != 0) return 0;
    found = memmem(text, size < 80 ? size : 80, mark, sizeof(mark) - 1);
    return found != NULL ? (size_t)(found - text) + sizeof(mark) - 1 : 0;
}

static void take_blob(const struct document *document, struct engine_reads *reads, struct engine_read *read, size_t number)
{
    struct document_blob *blob;

    if (number >= document->blob_count) {
        reads->faults[ENGINE_IMAGE]++;
        return;
    }
    blob = &document->blobs[number];
    if (!blob->done) {
        const struct span text = span_trim(blob->escaped);
        const size_t prefix = prefix_of(text.text, text.size);
        uint8_t *bytes = (uint8_t *)text.text;

        blob->size = decode(bytes + prefix, text.size - prefix, true, bytes);
        blob->bytes = bytes;
        blob->done = true;
    }
    if (blob->size == 0) reads->faults[ENGINE_IMAGE]++;
    else engine_picture(reads, read, blob->bytes, blob->size);
}

/* Where TEXT is decoded to: in its own place if that is in the body, else in the arena. */
static uint8_t *place_for(const struct engine_message *message, const char *text, size_t size)
{
    const uintptr_t begin = (uintptr_t)message->body, at = (uintptr_t)text;

    if (at >= begin && at < begin + message->size) return (uint8_t *)message->body + (at - begin);
    return platesieve_arena_allocate(message->arena, size);
}

void engine_picture_base64(const struct document *document, struct engine_reads *reads, struct engine_read *read, struct value base64)
{
    const size_t prefix = base64.kind == VALUE_TEXT ? prefix_of(base64.text, base64.size) : 0;
    uint8_t *bytes;
    size_t size;

    if (read->picture != NULL || base64.kind == VALUE_NONE || (base64.kind == VALUE_TEXT && base64.size == 0)) return;
    if (base64.kind == VALUE_LONG) {
        take_blob(document, reads, read, (size_t)base64.number);
        return;
    }
    bytes = base64.kind == VALUE_TEXT ? place_for(document->message, base64.text, base64.size) : NULL;
    size = bytes != NULL ? decode((const uint8_t *)base64.text + prefix, base64.size - prefix, false, bytes) : 0;
    if (size == 0) reads->faults[ENGINE_IMAGE]++;
    else engine_picture(reads, read, bytes, size);
}
