/* Binary COPY: PostgreSQL's format, and the rows of segments in it. */
#include "server/gate/db/copy.h"

#include <endian.h>

#define SEGMENTS_PER_COPY 1000

const uint8_t *copy_take(struct copy_reader *reader, size_t size)
{
    if (reader->bad || reader->left < size) {
        reader->bad = true;
        return NULL;
    }
    const uint8_t *at = reader->at;
    reader->at += size;
    reader->left -= size;
    return at;
}

static uint16_t copy_take_16(struct copy_reader *reader)
{
    uint16_t wire = 0;
    const uint8_t *at = copy_take(reader, sizeof(wire));
    if (at) memcpy(&wire, at, sizeof(wire));
    return be16toh(wire);
}

uint32_t copy_take_32(struct copy_reader *reader)
{
    uint32_t wire = 0;
    const uint8_t *at = copy_take(reader, sizeof(wire));
    if (at) memcpy(&wire, at, sizeof(wire));
    return be32toh(wire);
}

static uint64_t copy_take_64(struct copy_reader *reader)
{
    uint64_t wire = 0;
    const uint8_t *at = copy_take(reader, sizeof(wire));
    if (at) memcpy(&wire, at, sizeof(wire));
    return be64toh(wire);
}

void copy_expect(struct copy_reader *reader, uint32_t size)
{
    if (copy_take_32(reader) != size) reader->bad = true;
}

uint64_t copy_field_64(struct copy_reader *reader)
{
    copy_expect(reader, 8);
    return copy_take_64(reader);
}

uint32_t copy_field_32(struct copy_reader *reader)
{
    copy_expect(reader, 4);
    return copy_take_32(reader);
}

uint32_t copy_field_seconds(struct copy_reader *reader, uint32_t fallback)
{
    uint32_t size = copy_take_32(reader);
    if (size == UINT32_MAX) return fallback;
    if (size != 8) reader->bad = true;
    int64_t seconds = (int64_t)copy_take_64(reader) / 1000000 + 946684800;
    return seconds < 0 ? 0 : seconds > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)seconds;
}

/* One buffer: rows lie whole in it (a message of the protocol each); the header comes with the first. */
static struct result copy_buffer(struct copy_reader reader, uint16_t fields, bool *begun, copy_row_fn row, void *context)
{
    static const uint8_t signature[11] = "PGCOPY\n\377\r\n";
    if (!*begun) {
        const uint8_t *at = copy_take(&reader, sizeof(signature));
        if (!at || memcmp(at, signature, sizeof(signature)) != 0 || copy_take_32(&reader) != 0) return FAIL(REASON_DATABASE);
        copy_take(&reader, copy_take_32(&reader));
        *begun = true;
    }
    while (!reader.bad && reader.left > 0) {
        uint16_t count = copy_take_16(&reader);
        if (count == UINT16_MAX) return reader.left == 0 && !reader.bad ? OK : FAIL(REASON_DATABASE);
        if (count != fields) return FAIL(REASON_DATABASE);
        TRY(row(context, &reader));
    }
    return reader.bad ? FAIL(REASON_DATABASE) : OK;
}

/* Runs COPY and hands on each row.  When ROW stops it, the connection is given up: there may be gigabytes to come. */
static struct result copy(struct db_conn *conn, const char *sql, uint16_t fields, copy_row_fn row, void *context)
{
    bool begun = false;
    TRY(conn_copy_begin(conn, sql));
    for (;;) {
        char *data;
        size_t size;
        TRY(conn_copy_next(conn, &data, &size));
        if (!data) return OK;
        struct copy_reader reader = { .at = (const uint8_t *)data, .left = size };
        struct result result = copy_buffer(reader, fields, &begun, row, context);
        PQfreemem(data);
        if (failed(result)) {
            conn->broken = true;
            return result;
        }
    }
}

struct result copy_segments(struct db_conn *conn, const char *before, const char *after, const uint32_t *segments, size_t count,
                            uint16_t fields, copy_row_fn row, void *context)
{
    static const char live[] = " IN (SELECT r.segment FROM platesieve.revisions r JOIN platesieve.lists l ON l.number = r.list"
                               " WHERE r.state = 1 AND r.segment >= l.base_segment AND r.kept = 2)";
    size_t room = strlen(before) + strlen(after) + sizeof(live) + SEGMENTS_PER_COPY * 11 + 64;
    char *sql = malloc(room);
    if (!sql) return FAIL(REASON_INTERNAL);
    struct result result = OK;
    size_t done = 0;
    do {
        size_t used = (size_t)snprintf(sql, room, "COPY (%s", before);
        if (!segments) {
            used += (size_t)snprintf(sql + used, room - used, "%s", live);
        } else {
            size_t end = count - done > SEGMENTS_PER_COPY ? done + SEGMENTS_PER_COPY : count;
            used += (size_t)snprintf(sql + used, room - used, " = ANY ('{");
            for (size_t i = done; i < end; i++) used += (size_t)snprintf(sql + used, room - used, "%s%u", i > done ? "," : "", segments[i]);
            used += (size_t)snprintf(sql + used, room - used, "}'::int4[])");
            done = end;
        }
        snprintf(sql + used, room - used, "%s) TO STDOUT (FORMAT binary)", after);
        result = copy(conn, sql, fields, row, context);
    } while (!failed(result) && segments && done < count);
    free(sql);
    return result;
}
