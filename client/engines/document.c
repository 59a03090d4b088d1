/* A message becomes a document by what its content type says, or, where that says nothing, by how it begins. */
#include "client/engines/document_internal.h"

#include <strings.h>

/* -- texts --------------------------------------------------------------------------------------------------------- */

bool span_is(struct span span, const char *text)
{
    return span.text != NULL && span.size == strlen(text) && strncasecmp(span.text, text, span.size) == 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span span)
{
    while (span.size > 0 && is_space(span.text[0])) span.text++, span.size--;
    while (span.size > 0 && is_space(span.text[span.size - 1])) span.size--;
    return span;
}

/* What stands before the next of STOPS, which is left at the beginning of REST.  A quoted string is gone over as a whole. */
static struct span cut(struct span *rest, const char *stops)
{
    struct span front = { rest->text, 0 };
    bool quoted = false;

    while (rest->size > 0 && (quoted || strchr(stops, rest->text[0]) == NULL)) {
        if (rest->text[0] == '"') quoted = !quoted;
        rest->text++, rest->size--, front.size++;
    }
    return front;
}

static struct span unquoted(struct span value)
{
    value = span_trim(value);
    if (value.size >= 2 && value.text[0] == '"' && value.text[value.size - 1] == '"') return (struct span){ value.text + 1, value.size - 2 };
    return value;
}

struct span span_parameter(struct span header, const char *name)
{
    cut(&header, ";");
    while (header.size > 0) {
        struct span key;

        header.text++, header.size--; /* the semicolon */
        key = span_trim(cut(&header, "=;"));
        if (header.size == 0 || header.text[0] != '=') continue;
        header.text++, header.size--;

        const struct span value = unquoted(cut(&header, ";"));

        if (span_is(key, name)) return value;
    }
    return (struct span){ NULL, 0 };
}

bool is_image(const uint8_t *bytes, size_t size)
{
    static const uint8_t jpeg[] = { 0xFF, 0xD8, 0xFF }, png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n' };

    return (size >= sizeof(jpeg) && memcmp(bytes, jpeg, sizeof(jpeg)) == 0) || (size >= sizeof(png) && memcmp(bytes, png, sizeof(png)) == 0);
}

/* -- what it is ---------------------------------------------------------------------------------------------------- */

enum body_kind { BODY_OTHER, BODY_JSON, BODY_XML, BODY_MULTIPART, BODY_URLENCODED };

/* By its first byte.  Clients that never set a type send JSON under whatever their library's default is. */
static enum body_kind kind_by_look(struct span body)
{
    const char *at = body.text, *end = at + body.size;

    if (body.size >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) at += 3;
    while (at < end && is_space(*at)) at++;
    if (at == end) return BODY_OTHER;
    return *at == '{' || *at == '[' ? BODY_JSON : *at == '<' ? BODY_XML : BODY_OTHER;
}

static bool ends_with(struct span span, const char *end)
{
    const size_t size = strlen(end);

    return span.size >= size && strncasecmp(span.text + span.size - size, end, size) == 0;
}

static enum body_kind kind_of_type(struct span type)
{
    if (span_is(type, "application/json") || span_is(type, "text/json") || ends_with(type, "+json")) return BODY_JSON;
    if (span_is(type, "application/xml") || span_is(type, "text/xml") || ends_with(type, "+xml")) return BODY_XML;
    if (type.size > 10 && strncasecmp(type.text, "multipart/", 10) == 0) return BODY_MULTIPART;
    if (span_is(type, "application/x-www-form-urlencoded")) return BODY_URLENCODED;
    return BODY_OTHER;
}

static enum body_kind kind_of(const struct engine_message *message, struct span header)
{
    struct span rest = header;
    const struct span type = span_trim(cut(&rest, ";"));
    const enum body_kind kind = kind_of_type(type), look = kind_by_look((struct span){ message->body, message->size });

    if (kind == BODY_URLENCODED && look != BODY_OTHER) return look;
    if (kind != BODY_OTHER) return kind;
    return type.size == 0 || span_is(type, "text/plain") || span_is(type, "application/octet-stream") ? look : BODY_OTHER;
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static enum body_kind kind_of_part(const struct document_part *part)
{
    struct span type = part->type;
    const enum body_kind kind = kind_of_type(span_trim(cut(&type, ";")));

    return kind != BODY_OTHER ? kind : kind_by_look(part->body);
}

/* The part that holds what this engine sends: one that is named `json`, or said to be JSON or XML, or that looks like it. */
static enum engine_outcome parse_parts(struct document *document, unsigned forms)
{
    const struct document_part *json = document_part_named(document, "json"), *xml = NULL;

    for (size_t i = 0; i < document->part_count; i++) {
        const enum body_kind kind = kind_of_part(&document->parts[i]);

        if (json == NULL && kind == BODY_JSON) json = &document->parts[i];
        if (xml == NULL && kind == BODY_XML) xml = &document->parts[i];
    }
    if (xml != NULL && (forms & DOCUMENT_XML) != 0) return document_parse_xml(document, xml->body);
    if (json != NULL && (forms & DOCUMENT_FORM) != 0) return document_parse_json(document, json->body);
    return (forms & DOCUMENT_FORM) != 0 ? ENGINE_TAKEN : ENGINE_MALFORMED;
}

enum engine_outcome document_open(const struct engine_message *message, unsigned forms, struct document *document)
{
    const struct span body = { message->body, message->size };
    struct span type = { NULL, 0 };
    enum engine_outcome outcome = ENGINE_TYPE;

    *document = (struct document){ .message = message };
    if (message->content_type != NULL) {
        type.size = strlen(message->content_type);
        type.text = platesieve_arena_allocate(message->arena, type.size);
        if (type.text == NULL) return ENGINE_TOO_LARGE;
        memcpy(type.text, message->content_type, type.size);
    }
    switch (kind_of(message, type)) {
    case BODY_JSON: return (forms & DOCUMENT_JSON) != 0 ? document_parse_json(document, body) : ENGINE_TYPE;
    case BODY_XML: return (forms & DOCUMENT_XML) != 0 ? document_parse_xml(document, body) : ENGINE_TYPE;
    case BODY_MULTIPART:
        if ((forms & (DOCUMENT_FORM | DOCUMENT_XML)) != 0) outcome = document_parse_multipart(document, span_parameter(type, "boundary"));
        break;
    case BODY_URLENCODED:
        if ((forms & DOCUMENT_FORM) != 0) outcome = document_parse_urlencoded(document);
        break;
    case BODY_OTHER: return body.size == 0 ? ENGINE_MALFORMED : ENGINE_TYPE;
    }
    return outcome == ENGINE_TAKEN ? parse_parts(document, forms) : outcome;
}
