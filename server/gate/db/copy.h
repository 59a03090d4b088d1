/* Rows that PostgreSQL streams as binary COPY (its manual, COPY, "Binary Format"): fields are read as they come.  Between load.c and copy.c;
   from the thread that has the connection. */
#ifndef SERVER_GATE_DB_COPY_H
#define SERVER_GATE_DB_COPY_H

#include "server/gate/db/conn.h"

/* What is left of a row, and of those after it.  BAD stays once a field was not as it was asked for; what is read then is zero. */
struct copy_reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

/* SIZE bytes, which lie in the buffer; NULL: there are not as many. */
const uint8_t *copy_take(struct copy_reader *reader, size_t size);
uint32_t copy_take_32(struct copy_reader *reader);
/* A field of exactly SIZE bytes follows. */
void copy_expect(struct copy_reader *reader, uint32_t size);
uint64_t copy_field_64(struct copy_reader *reader);
uint32_t copy_field_32(struct copy_reader *reader);
/* Seconds since 1970 of a timestamptz, or FALLBACK for null. */
uint32_t copy_field_seconds(struct copy_reader *reader, uint32_t fallback);

/* Reads all fields of one row.  What it returns but OK ends the stream. */
typedef struct result (*copy_row_fn)(void *context, struct copy_reader *reader);

/* Runs the query BEFORE ... AFTER, between which comes what chooses the rows, once for all live segments (SEGMENTS NULL), or for COUNT of them in
   groups; hands each row of FIELDS fields to ROW.  Numbers only: there is nothing to quote.  When ROW stops it, the connection is given up. */
struct result copy_segments(struct db_conn *conn, const char *before, const char *after, const uint32_t *segments, size_t count, uint16_t fields,
                            copy_row_fn row, void *context);

#endif
