/* A message's content, whatever it came as; for adapters.  All of it belongs to the message. */
#ifndef CLIENT_ENGINES_DOCUMENT_H
#define CLIENT_ENGINES_DOCUMENT_H

#include <jansson.h>

#include "client/engines/engine.h"

enum document_form {
    DOCUMENT_JSON = 1, /* application/json */
    DOCUMENT_FORM = 2, /* multipart/form-data or application/x-www-form-urlencoded, with a field `json` or one that is named after what it is */
    DOCUMENT_XML = 4,  /* application/xml, text/xml, or the first XML part of a multipart message */
};

/* A scalar as it stands there.  Engines write numbers as texts and texts as numbers. */
enum value_kind { VALUE_NONE, VALUE_TEXT, VALUE_NUMBER, VALUE_OTHER };
struct value {
    enum value_kind kind;
    const char *text; /* of VALUE_TEXT, and of VALUE_NUMBER as JSON; UTF-8; not ended by a zero byte */
    size_t size;
    double number;    /* of VALUE_NUMBER */
};
#define VALUE_ABSENT ((struct value){ .kind = VALUE_NONE })

struct value value_of_json(const json_t *json); /* NULL, null: none; an object or array: other */
struct value value_of_text(const char *text);   /* ends with a zero byte; NULL: none */
bool value_is(struct value value, const char *text);

/* The JSON of the message: its body, or of a form its field `json`, else its first part that is JSON (of type application/json, or named `event`, with a
   file name or without: Axis); NULL: it has none. */
const json_t *document_json(const struct document *document);
/* A field of a form. */
struct value document_field(const struct document *document, const char *name);
/* A file of a form, by its field's name, or, with a NULL name, the first that is an image. */
const uint8_t *document_file(const struct document *document, const char *name, size_t *size);

/* An element of XML; names without their prefix. */
struct xml_element {
    const char *name, *text; /* text: of the element itself, without surrounding white space; "" */
    const struct xml_element *first, *next; /* child, sibling */
};
const struct xml_element *document_xml(const struct document *document); /* the root; NULL: it is none */
/* "ANPR/licensePlate": the first such below ELEMENT; none if there is no such, or ELEMENT is NULL. */
const struct xml_element *xml_find(const struct xml_element *element, const char *path);
struct value xml_value(const struct xml_element *element, const char *path);

/* -- making reads ------------------------------------------------------------------------------------------------------- */

enum engine_scale { ENGINE_OF_1, ENGINE_OF_100 }; /* of what the engine is known to send; a text or number that fits the other only is taken as that */

/* The next read, empty; NULL: there are too many (counted as ENGINE_TOO_MUCH). */
struct engine_read *engine_add(const struct engine_options *options, struct engine_reads *reads);
/* Each counts what is wrong with VALUE in READS, and then leaves that out. */
void engine_candidate(struct engine_reads *reads, struct engine_read *read, struct value plate, struct value confidence, enum engine_scale scale);
/* CODES: what the engine is known to use ("us-mo" and "US-MO" and "us" are understood in any set); CONFIDENCE may be VALUE_ABSENT. */
void engine_region(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, enum platesieve_codes codes,
                   struct value region, struct value confidence, enum engine_scale scale);
void engine_camera(const struct engine_options *options, struct engine_read *read, struct value camera);
void engine_id(struct engine_read *read, struct value id);
/* Epoch seconds or milliseconds (told apart by their size), RFC 3339, "2021-06-11 13:05:38", "20210611 130538252", "11/06/2021 13:05:38"... */
void engine_time(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, struct value time);
/* Base64, with or without "data:image/jpeg;base64,".  Nothing is done when the read has a picture already. */
void engine_picture_base64(const struct document *document, struct engine_reads *reads, struct engine_read *read, struct value base64);
void engine_picture(struct engine_reads *reads, struct engine_read *read, const uint8_t *bytes, size_t size);
/* Sorts the candidates of all reads, best first, and drops doubles; engine_take() does it after the adapter. */
void engine_sort(struct engine_reads *reads);

#endif
