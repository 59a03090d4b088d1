/* XML of a message, in its arena.  No document type: so there are no entities but XML's own five, nothing is fetched, and nothing grows. */
#include <expat.h>

#include "client/engines/document_internal.h"
#include "client/http/wiping.h"

/* -- expat's memory ------------------------------------------------------------------------------------------------ */

#define HEADER 16   /* before each piece of memory: its size */
#define PIECE 16384 /* of a message, that expat gets at a time */

static void *piece_allocate(size_t size)
{
    char *piece;

    if (size > SIZE_MAX - HEADER) return NULL;
    piece = wiping_arena_allocate(size + HEADER);
    memcpy(piece, &size, sizeof(size));
    return piece + HEADER;
}

static void *piece_reallocate(void *piece, size_t size)
{
    size_t old = 0;
    void *moved;

    if (piece != NULL) memcpy(&old, (char *)piece - HEADER, sizeof(old));
    if (piece != NULL && size <= old) return piece;
    moved = piece_allocate(size);
    if (moved != NULL && old > 0) memcpy(moved, piece, old);
    return moved;
}

static void piece_free(void *piece)
{
    (void)piece; /* goes with the arena */
}

/* -- the tree ------------------------------------------------------------------------------------------------------ */

struct open_element {
    struct xml_element *element;
    const struct xml_element **next; /* where its next child goes */
    char *text;
    size_t size, room;
    size_t first, behind; /* where it is in the message; both 0: nowhere yet */
    bool too_long;              /* a picture: its text stays in the message */
};

struct builder {
    XML_Parser parser;
    struct document *document;
    struct platesieve_arena *arena;
    struct span message;
    struct xml_element *root;
    size_t depth, count;
    bool too_large;
    enum engine_outcome outcome;
    struct open_element open[LIMIT_ENGINE_DEPTH];
};

static void give_up(struct builder *builder)
{
    builder->too_large = true;
    XML_StopParser(builder->parser, XML_FALSE);
}

static char *copy_name(struct builder *builder, const char *name)
{
    const char *colon = strrchr(name, ':');
    const size_t size = strlen(colon != NULL ? colon + 1 : name);
    char *copy = platesieve_arena_allocate(builder->arena, size + 1);

    if (copy != NULL) memcpy(copy, colon != NULL ? colon + 1 : name, size);
    return copy;
}

static void XMLCALL start(void *context, const char *name, const char **attributes)
{
    struct builder *builder = context;
    struct xml_element *element;
    char *copy;

    (void)attributes;
    if (builder->depth == LIMIT_ENGINE_DEPTH || builder->count++ == LIMIT_ENGINE_ELEMENTS) {
        give_up(builder);
        return;
    }
    element = platesieve_arena_allocate(builder->arena, sizeof(*element));
    copy = copy_name(builder, name);
    if (element == NULL || copy == NULL) {
        give_up(builder);
        return;
    }
    *element = (struct xml_element){ .name = copy, .text = "" };
    if (builder->depth == 0) builder->root = element;
    else {
        struct open_element *parent = &builder->open[builder->depth - 1];

        *parent->next = element;
        parent->next = &element->next;
    }
    builder->open[builder->depth++] = (struct open_element){ .element = element, .next = &element->first };
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void note_place(const struct builder *builder, struct open_element *open)
{
    const XML_Index at = XML_GetCurrentByteIndex(builder->parser);

    if (at < 0) return;
    if (open->behind == 0) open->first = (size_t)at;
    open->behind = (size_t)at + (size_t)XML_GetCurrentByteCount(builder->parser);
}

/* A text that was too long to be kept, for engine_picture_base64(). */
static void keep_blob(struct builder *builder, const struct open_element *open)
{
    struct document *document = builder->document;
    const struct span place = { builder->message.text + open->first, open->behind - open->first };

    if (open->behind <= open->first || open->behind > builder->message.size || document->blob_count == LIMIT_ENGINE_BLOBS) return;
    document->blobs[document->blob_count++] = (struct document_blob){ .escaped = place };
    open->element->blob = (unsigned)document->blob_count;
}

static void XMLCALL text_came(void *context, const char *bytes, int size)
{
    struct builder *builder = context;
    struct open_element *open;

    if (builder->depth == 0) return;
    open = &builder->open[builder->depth - 1];
    while (open->size == 0 && size > 0 && is_space(*bytes)) bytes++, size--;
    if (size <= 0) return;
    note_place(builder, open);
    open->too_long = open->too_long || open->size + (size_t)size > LIMIT_ENGINE_TEXT_BYTES;
    if (open->too_long) return;
    if (open->size + (size_t)size >= open->room) {
        const size_t room = 2 * open->room > open->size + (size_t)size ? 2 * open->room : open->size + (size_t)size + 32;
        char *moved = platesieve_arena_allocate(builder->arena, room);

        if (moved == NULL) {
            give_up(builder);
            return;
        }
        if (open->size > 0) memcpy(moved, open->text, open->size);
        open->text = moved;
        open->room = room;
    }
    memcpy(open->text + open->size, bytes, (size_t)size);
    open->size += (size_t)size;
}

static void XMLCALL end(void *context, const char *name)
{
    struct builder *builder = context;
    const struct open_element *open = &builder->open[--builder->depth];
    size_t size = open->size;

    (void)name;
    if (open->too_long) keep_blob(builder, open);
    if (size == 0 || open->too_long) return;
    while (size > 0 && is_space(open->text[size - 1])) size--;
    open->text[size] = '\0';
    open->element->text = open->text;
}

static void XMLCALL refuse_document_type(void *context, const char *name, const char *system, const char *public, int internal)
{
    struct builder *builder = context;

    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    XML_StopParser(builder->parser, XML_FALSE);
}

/* Encodings that expat does not know (GB2312, ...): their ASCII stays, and so do plates; anything else is U+FFFD. */
static int XMLCALL any_encoding(void *context, const char *name, XML_Encoding *encoding)
{
    (void)context;
    (void)name;
    for (int i = 0; i < 256; i++) encoding->map[i] = i < 128 ? i : 0xFFFD;
    encoding->data = NULL;
    encoding->convert = NULL;
    encoding->release = NULL;
    return XML_STATUS_OK;
}

/* In pieces: expat copies what it is given. */
static enum XML_Status feed(XML_Parser parser, struct span text)
{
    enum XML_Status status = XML_STATUS_OK;

    do {
        const size_t piece = text.size < PIECE ? text.size : PIECE;

        status = XML_Parse(parser, text.text, (int)piece, piece == text.size);
        text.text += piece;
        text.size -= piece;
    } while (status == XML_STATUS_OK && text.size > 0);
    return status;
}

static void parse(void *context)
{
    static const XML_Memory_Handling_Suite memory = { piece_allocate, piece_reallocate, piece_free };
    struct builder *builder = context;

    builder->outcome = ENGINE_TOO_LARGE;
    builder->parser = XML_ParserCreate_MM(NULL, &memory, NULL); /* it goes with the arena */
    if (builder->parser == NULL) return;
    XML_SetUserData(builder->parser, builder);
    XML_SetElementHandler(builder->parser, start, end);
    XML_SetCharacterDataHandler(builder->parser, text_came);
    XML_SetStartDoctypeDeclHandler(builder->parser, refuse_document_type);
    XML_SetUnknownEncodingHandler(builder->parser, any_encoding, NULL);
    XML_SetHashSalt(builder->parser, 1); /* not 0: otherwise it asks the kernel for each message; there are few names */
    if (feed(builder->parser, builder->message) == XML_STATUS_OK) builder->outcome = ENGINE_TAKEN;
    else if (!builder->too_large && XML_GetErrorCode(builder->parser) != XML_ERROR_NO_MEMORY) builder->outcome = ENGINE_MALFORMED;
}

enum engine_outcome document_parse_xml(struct document *document, struct span text)
{
    struct platesieve_arena *arena = document->message->arena;
    struct builder *builder = platesieve_arena_allocate(arena, sizeof(*builder));

    document->blobs = platesieve_arena_allocate(arena, LIMIT_ENGINE_BLOBS * sizeof(*document->blobs));
    if (builder == NULL || document->blobs == NULL) return ENGINE_TOO_LARGE;
    while (text.size > 0 && text.text[text.size - 1] == '\0') text.size--;
    text = span_trim(text); /* templates begin with an empty line, which XML forbids before its declaration */
    builder->document = document;
    builder->arena = arena;
    builder->message = text;
    if (!wiping_arena_run(arena, parse, builder)) return ENGINE_TOO_LARGE;
    if (builder->outcome == ENGINE_TAKEN) document->xml = builder->root;
    return builder->outcome;
}

/* -- looking at it ------------------------------------------------------------------------------------------------- */

const struct xml_element *document_xml(const struct document *document)
{
    return document->xml;
}

const struct xml_element *xml_find(const struct xml_element *element, const char *path)
{
    while (element != NULL && *path != '\0') {
        const size_t size = strcspn(path, "/");

        element = element->first;
        while (element != NULL && (strlen(element->name) != size || memcmp(element->name, path, size) != 0)) element = element->next;
        path += size + (path[size] == '/');
    }
    return element;
}

struct value xml_value(const struct xml_element *element, const char *path)
{
    element = xml_find(element, path);
    if (element != NULL && element->blob > 0) return (struct value){ .kind = VALUE_LONG, .number = element->blob - 1 };
    return value_of_text(element != NULL ? element->text : NULL);
}
