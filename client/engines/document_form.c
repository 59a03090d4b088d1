/* Forms, parsed where they lie: nothing of them is copied.  RFC 7578 and 2046; a line may end without its carriage return, nothing else is forgiven. */
#include "client/engines/document_internal.h"

static struct document_part *add_part(struct document *document)
{
    return document->part_count == LIMIT_ENGINE_PARTS ? NULL : &document->parts[document->part_count++];
}

static bool make_room(struct document *document)
{
    document->parts = platesieve_arena_allocate(document->message->arena, LIMIT_ENGINE_PARTS * sizeof(*document->parts));
    return document->parts != NULL;
}

/* -- multipart/... ------------------------------------------------------------------------------------------------- */

/* The line at the beginning of REST, without its end, which is taken off REST.  False: it has no end. */
static bool take_line(struct span *rest, struct span *line)
{
    char *end = rest->size > 0 ? memchr(rest->text, '\n', rest->size) : NULL;

    if (end == NULL) return false;
    *line = (struct span){ rest->text, (size_t)(end - rest->text) };
    if (line->size > 0 && line->text[line->size - 1] == '\r') line->size--;
    rest->size -= (size_t)(end + 1 - rest->text);
    rest->text = end + 1;
    return true;
}

struct boundary {
    char text[LIMIT_ENGINE_BOUNDARY_BYTES + 2]; /* with its two hyphens */
    size_t size;
    const char *body; /* where the message begins */
};

/* Goes over the next delimiter in REST; BEFORE is what stands before it, *LAST whether it is the closing one.  False: there is none. */
static bool take_delimiter(const struct boundary *boundary, struct span *rest, struct span *before, bool *last)
{
    char *at = rest->text, *end = rest->text + rest->size;

    for (; (at = memmem(at, (size_t)(end - at), boundary->text, boundary->size)) != NULL; at++) {
        struct span after = { at + boundary->size, (size_t)(end - at) - boundary->size }, line;

        if (at != boundary->body && at[-1] != '\n') continue;
        *last = after.size >= 2 && memcmp(after.text, "--", 2) == 0;
        if (!*last && (!take_line(&after, &line) || span_trim(line).size > 0)) continue;
        *before = (struct span){ rest->text, (size_t)(at - rest->text) };
        if (before->size > 0) before->size--;
        if (before->size > 0 && before->text[before->size - 1] == '\r') before->size--;
        *rest = after;
        return true;
    }
    return false;
}

/* The lines before a part, which are taken off REST. */
static enum engine_outcome take_headers(struct span *rest, struct document_part *part)
{
    struct span line;

    for (unsigned count = 0; take_line(rest, &line); count++) {
        char *colon = line.size > 0 ? memchr(line.text, ':', line.size) : NULL;

        if (line.size == 0) return ENGINE_TAKEN;
        if (line.size > LIMIT_ENGINE_PART_LINE_BYTES || count == LIMIT_ENGINE_PART_HEADERS) return ENGINE_TOO_LARGE;
        if (colon == NULL) return ENGINE_MALFORMED;

        const struct span name = span_trim((struct span){ line.text, (size_t)(colon - line.text) });
        const struct span value = { colon + 1, line.size - (size_t)(colon + 1 - line.text) };

        if (span_is(name, "content-disposition")) part->name = span_parameter(value, "name");
        if (span_is(name, "content-type")) part->type = span_trim(value);
    }
    return ENGINE_MALFORMED;
}

enum engine_outcome document_parse_multipart(struct document *document, struct span delimiter)
{
    struct span rest = { document->message->body, document->message->size }, before;
    struct boundary boundary = { .text = "--", .size = 2 + delimiter.size, .body = rest.text };
    bool last;

    if (delimiter.size == 0 || delimiter.size > LIMIT_ENGINE_BOUNDARY_BYTES) return ENGINE_MALFORMED;
    if (!make_room(document)) return ENGINE_TOO_LARGE;
    memcpy(boundary.text + 2, delimiter.text, delimiter.size);
    if (!take_delimiter(&boundary, &rest, &before, &last)) return ENGINE_MALFORMED;
    while (!last) {
        struct document_part *part = add_part(document);
        enum engine_outcome outcome;

        if (part == NULL) return ENGINE_TOO_LARGE;
        outcome = take_headers(&rest, part);
        if (outcome != ENGINE_TAKEN) return outcome;
        if (!take_delimiter(&boundary, &rest, &part->body, &last)) return ENGINE_MALFORMED;
    }
    return ENGINE_TAKEN;
}

/* -- application/x-www-form-urlencoded ----------------------------------------------------------------------------- */

static int hexadecimal(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place.  False: a per cent sign without two digits. */
static bool decode(struct span *span)
{
    size_t used = 0;

    for (size_t i = 0; i < span->size; i++) {
        char c = span->text[i];

        if (c == '+') c = ' ';
        if (c == '%') {
            const int high = i + 2 < span->size ? hexadecimal(span->text[i + 1]) : -1;
            const int low = i + 2 < span->size ? hexadecimal(span->text[i + 2]) : -1;

            if (high < 0 || low < 0) return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        span->text[used++] = c;
    }
    span->size = used;
    return true;
}

enum engine_outcome document_parse_urlencoded(struct document *document)
{
    char *at = document->message->body, *end = at + document->message->size;

    if (!make_room(document)) return ENGINE_TOO_LARGE;
    while (at < end) {
        struct document_part *part = add_part(document);
        char *stop = memchr(at, '&', (size_t)(end - at)), *equals;

        if (part == NULL) return ENGINE_TOO_LARGE;
        if (stop == NULL) stop = end;
        equals = memchr(at, '=', (size_t)(stop - at));
        if (equals == NULL) equals = stop;
        part->name = (struct span){ at, (size_t)(equals - at) };
        if (equals < stop) part->body = (struct span){ equals + 1, (size_t)(stop - equals - 1) };
        else part->body = (struct span){ equals, 0 };
        if (!decode(&part->name) || !decode(&part->body)) return ENGINE_MALFORMED;
        at = stop + (stop < end);
    }
    return ENGINE_TAKEN;
}

/* ------------------------------------------------------------------------------------------------------------------ */

const struct document_part *document_part_named(const struct document *document, const char *name)
{
    for (size_t i = 0; i < document->part_count; i++) {
        const struct document_part *part = &document->parts[i];

        if (part->name.text != NULL && part->name.size == strlen(name) && memcmp(part->name.text, name, part->name.size) == 0) return part;
    }
    return NULL;
}

struct value document_field(const struct document *document, const char *name)
{
    const struct document_part *part = document_part_named(document, name);

    if (part == NULL) return VALUE_ABSENT;
    return (struct value){ .kind = VALUE_TEXT, .text = part->body.text, .size = part->body.size };
}

const uint8_t *document_file(const struct document *document, const char *name, size_t *size)
{
    const struct document_part *found = name != NULL ? document_part_named(document, name) : NULL;

    for (size_t i = 0; name == NULL && found == NULL && i < document->part_count; i++) {
        const struct document_part *part = &document->parts[i];

        if (is_image((const uint8_t *)part->body.text, part->body.size)) found = part;
    }
    *size = found != NULL ? found->body.size : 0;
    return found != NULL ? (const uint8_t *)found->body.text : NULL;
}

/* Clients that give a file no type give it the name that the engine's manual has. */
static bool is_called_picture(const struct document_part *part)
{
    return (part->type.size > 6 && strncasecmp(part->type.text, "image/", 6) == 0) || (part->name.text != NULL && (span_is(part->name, "upload") || span_is(part->name, "image")));
}

unsigned document_no_pictures(const struct document *document)
{
    unsigned count = 0;

    for (size_t i = 0; i < document->part_count; i++) {
        const struct document_part *part = &document->parts[i];

        count += part->body.size > 0 && is_called_picture(part) && !is_image((const uint8_t *)part->body.text, part->body.size);
    }
    return count;
}
