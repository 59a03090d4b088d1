/* The bytes of a file as UTF-8, whatever encoding it is said to have (iconv does the work).
 *
 * What is not of that encoding comes out as the byte FF, which no UTF-8 text holds: so the field that it stands in is
 * refused where it stands, and the file is read on.  Nothing is kept but a few bytes of a character that is not whole
 * yet; buffers are locked where memory may be locked, and wiped. */
#ifndef CLIENT_IMPORT_SOURCE_H
#define CLIENT_IMPORT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "include/cleanup.h"

enum encoding {
    ENCODING_UTF_8, /* passed through as it is; a byte order mark is dropped */
    ENCODING_UTF_16, /* its byte order mark says which */
    ENCODING_UTF_16LE,
    ENCODING_UTF_16BE,
    ENCODING_ISO_8859_1,
    ENCODING_WINDOWS_1252,
    ENCODINGS
};

/* "utf-8"; in any case. */
bool encoding_parse(const char *name, enum encoding *encoding);
const char *encoding_name(enum encoding encoding);

enum source_start {
    SOURCE_FINE,
    SOURCE_IS_UTF_16,  /* said to be something else, but begins with the byte order mark of UTF-16 */
    SOURCE_NO_MARK,    /* said to be UTF-16, and has no byte order mark */
    SOURCE_IS_UTF_8,   /* said to be something else, but begins with the byte order mark of UTF-8 */
    SOURCE_UNREADABLE, /* errno */
};

struct source;

/* Reads from FD, from where it stands; does not close it.  NULL: no memory that can be locked. */
struct source *source_open(int fd, enum encoding encoding) MUST_USE;
void source_close(struct source *source); /* wipes; NULL is fine */
/* Looks at the first bytes; call it once, before source_read(). */
enum source_start source_begin(struct source *source) MUST_USE;
/* At least one byte and at most SIZE (at least 8); 0 at the end; -1 with errno. */
ssize_t source_read(struct source *source, char *text, size_t size) MUST_USE;
/* Bytes of the file read so far. */
uint64_t source_bytes(const struct source *source);
/* At the end: did the file end in the middle of a character? */
bool source_is_cut(const struct source *source);

#endif
