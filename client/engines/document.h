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
enum value_kind { VALUE_NONE, VALUE_TEXT, VALUE_NUMBER, VALUE_LONG, VALUE_OTHER };
struct value {
    enum value_kind kind;
    const char *text; /* of VALUE_TEXT, and of VALUE_NUMBER as it stands there; UTF-8, mostly; not ended by a zero byte */
    size_t size;
    double number;    /* of VALUE_NUMBER */
};
#define VALUE_ABSENT ((struct value){ .kind = VALUE_NONE })

/* NULL, null: none; an object, an array, true or false: other; a string of LIMIT_ENGINE_BLOB_BYTES and more: long, for engine_picture_base64() only. */
struct value value_of_json(const json_t *json);
struct value value_of_text(const char *text);   /* ends with a zero byte; NULL: none */
bool value_is(struct value value, const char *text);
/* Of VALUE_NUMBER, and of VALUE_TEXT that is a finite decimal number; false for others. */
bool value_number(struct value value, double *number);

/* The JSON of the message: its body, or of a form its field `json`, else its first part that is JSON (of type application/json, or by how it begins, with a
 * file name or without: Axis); NULL: it has none.  Objects and arrays are gone through with jansson as ever, but scalars are looked at by value_of_json():
 * numbers are not kept as jansson's numbers.  Only json_is_true() and json_is_null() hold as they are.  Never json_decref() any of it. */
const json_t *document_json(const struct document *document);
/* A field of a form. */
struct value document_field(const struct document *document, const char *name);
/* A file of a form, by its field's name, or, with a NULL name, the first that is an image. */
const uint8_t *document_file(const struct document *document, const char *name, size_t *size);

/* An element of XML; names without their prefix. */
struct xml_element {
    const char *name, *text; /* text: of the element itself, without surrounding white space; "", also of one above LIMIT_ENGINE_TEXT_BYTES, which is a picture */
    unsigned blob;           /* which; 0: none.  Inside */
    const struct xml_element *first, *next; /* child, sibling */
};
const struct xml_element *document_xml(const struct document *document); /* the root; NULL: it is none */
/* "ANPR/licensePlate": the first such below ELEMENT; none if there is no such, or ELEMENT is NULL. */
const struct xml_element *xml_find(const struct xml_element *element, const char *path);
struct value xml_value(const struct xml_element *element, const char *path);

/* -- making reads ------------------------------------------------------------------------------------------------------- */

/* What the engine is known to send.  What fits the other only is taken as that: 97 as of 100; and of a plate, 0.97 as of 1. */
enum engine_scale { ENGINE_OF_1, ENGINE_OF_100 };

/* The next read, empty; NULL: there are too many.  Ask for each vehicle all the same: those that are left out are counted. */
struct engine_read *engine_add(const struct engine_options *options, struct engine_reads *reads);
/* Each counts what is wrong with VALUE in READS, and then leaves that out.
 *
 * PLATE without its label ("PLATE: ...") and white space.  Nothing at all is an empty plate; words for `no plate`, and plates with characters that the engine did
 * not read ("AB?12") or that are a template's ("#PLATE_READ#"), are no readings.  Doubles are dropped, with the better confidence; of too many, the worst.  Without a CONFIDENCE (absent,
 * or a word for that: "", "-", "N/A", "null") it counts as the best of the others and stands behind that; as 1 where none of them has one. */
void engine_candidate(struct engine_reads *reads, struct engine_read *read, struct value plate, struct value confidence, enum engine_scale scale);
/* CODES: what the engine is known to use; what the lane was told goes before it.  "us-mo", "US-MO", "us" (a country whose states issue plates: unknown, and
 * no fault), "eu-nl", "au-qld" and "POL" are understood in any set.  Two letters alone are a country for PLATESIEVE_CODES_ISO, and a part of the country that the
 * lane was told otherwise; where neither says which of the two ("ga": Georgia or Gabon?), unknown.  So are names of states and provinces of the United States,
 * Canada and Mexico ("New York", "Québec"; "Georgia" where the lane was told US).  CONFIDENCE may be absent, or a word for that: 1.
 * What is empty or unknown leaves what the read has. */
void engine_region(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, enum platesieve_codes codes,
                   struct value region, struct value confidence, enum engine_scale scale);
void engine_camera(const struct engine_options *options, struct engine_read *read, struct value camera);
void engine_id(struct engine_read *read, struct value id);
/* Where ID is that of a picture, and PART (VALUE_ABSENT: 0) says which vehicle of it. */
void engine_id_part(struct engine_read *read, struct value id, struct value part);
/* Epoch seconds, milliseconds, micro- or nanoseconds (told apart by their size), RFC 3339, "2021-06-11 13:05:38", "20210611 130538252",
 * "11/06/2021 13:05:38", "6/11/2021 1:05:38 PM"...  Without a zone: UTC or this machine's, whichever is nearer to now. */
void engine_time(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, struct value time);
/* Where the engine says from when to when the vehicle was there: TIME is the end.  A read that began long ago is not late then. */
void engine_until(const struct engine_options *options, struct engine_read *read, struct value time);
/* Base64, with or without "data:image/jpeg;base64,".  Nothing is done when the read has a picture already.  A text of the message is decoded in its place, and is
 * no text any more. */
void engine_picture_base64(const struct document *document, struct engine_reads *reads, struct engine_read *read, struct value base64);
void engine_picture(struct engine_reads *reads, struct engine_read *read, const uint8_t *bytes, size_t size);
/* Sorts the candidates of all reads, best first, and drops doubles; engine_take() does it after the adapter. */
void engine_sort(struct engine_reads *reads);

#endif
