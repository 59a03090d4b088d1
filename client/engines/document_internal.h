/* Inside of documents: what the parsers of this folder share. */
#ifndef CLIENT_ENGINES_DOCUMENT_INTERNAL_H
#define CLIENT_ENGINES_DOCUMENT_INTERNAL_H

#include "client/engines/document.h"

/* A text as it stands in the message. */
struct span {
    char *text; /* in the body; NULL: there is none */
    size_t size;
};

struct document_part {
    struct span name, type, body; /* type: the media type, with parameters */
};

/* A long string of JSON: it stays in the body, and the JSON has a mark in its place. */
struct document_blob {
    struct span escaped;  /* with JSON's escapes */
    const uint8_t *bytes; /* what it stood for, once somebody wanted it; it lies where the text lay */
    size_t size;
    bool done;
};

struct document {
    const struct engine_message *message;
    const json_t *json;
    const struct xml_element *xml;
    size_t part_count, blob_count;
    struct document_part *parts; /* in the arena */
    struct document_blob *blobs; /* in the arena */
};

/* -- document.c -- */
/* Parses what of MESSAGE is one of FORMS (bits of enum document_form). */
enum engine_outcome document_open(const struct engine_message *message, unsigned forms, struct document *document) MUST_USE;
bool span_is(struct span span, const char *text);      /* whatever the case */
struct span span_trim(struct span span);               /* without white space around it */
/* The parameter NAME of a header such as `form-data; name="json"`; text NULL: it has none. */
struct span span_parameter(struct span header, const char *name);
bool is_image(const uint8_t *bytes, size_t size);      /* by how it begins: JPEG or PNG */

/* -- document_json.c, json_tidy.c -- */
/* Strings in JSON that are none: engines write what jansson would refuse the whole message for. */
#define TIDY_MARK '\x7f'
#define TIDY_NUMBER 'n' /* mark, this, the number as it stands there */
#define TIDY_BLOB 'b'   /* mark, this, two digits: which one */
enum engine_outcome document_parse_json(struct document *document, struct span text) MUST_USE;
/* Writes TEXT to OUT (NULL: nowhere) and returns how many bytes that is, 0 when it is nested too deep.  Long strings go to the document's blobs; numbers, and
   what stands where numbers should, become strings with a mark; what is no UTF-8 and no escape becomes U+FFFD.  No other mistake is mended. */
size_t json_tidy(struct document *document, struct span text, char *out);

/* -- document_form.c -- */
enum engine_outcome document_parse_multipart(struct document *document, struct span boundary) MUST_USE;
enum engine_outcome document_parse_urlencoded(struct document *document) MUST_USE;
const struct document_part *document_part_named(const struct document *document, const char *name);
unsigned document_no_pictures(const struct document *document); /* files of a form that are called pictures and are none; empty ones are sent for none */

/* -- document_xml.c -- */
enum engine_outcome document_parse_xml(struct document *document, struct span text) MUST_USE;

/* -- value.c -- */
/* A decimal number, white space around it allowed.  False for anything else, and for what is not finite. */
bool number_read(const char *text, size_t size, double *number);
/* VALUE for people: printable UTF-8 of at most ROOM - 1 bytes, and a zero byte.  False when it is no UTF-8 or not even a scalar; "" then. */
bool value_print(struct value value, char *out, size_t room);

/* -- take_plate.c -- */
#define CONFIDENCE_UNSAID (-1.0) /* of a candidate, until engine_sort() knows the others */
/* 0 to 1; 1 for one that is unsaid; 0, and a fault, for what is none.  OF_1_TOO: a fraction below 1 is of 1 even where the engine is known to count to 100. */
double confidence_take(struct engine_reads *reads, struct value confidence, enum engine_scale scale, bool of_1_too);

#endif
