/* Values out of binary results, each checked for type by its length. */
#include "server/gate/db/conn.h"

#include <endian.h>

#define MS_1970_TO_2000 INT64_C(946684800000)

const uint8_t *row_value(struct row *row, int column, size_t *size)
{
    if (column >= PQnfields(row->result) || row->number >= PQntuples(row->result) ||
        PQgetisnull(row->result, row->number, column) || PQfformat(row->result, column) != 1) {
        row->bad = true;
        return NULL;
    }
    *size = (size_t)PQgetlength(row->result, row->number, column);
    return (const uint8_t *)PQgetvalue(row->result, row->number, column);
}

static bool row_fixed(struct row *row, int column, void *value, size_t size)
{
    size_t have;
    const uint8_t *bytes = row_value(row, column, &have);
    if (bytes && have != size) row->bad = true;
    if (!bytes || have != size) {
        memset(value, 0, size);
        return false;
    }
    memcpy(value, bytes, size);
    return true;
}

bool row_bool(struct row *row, int column)
{
    uint8_t byte;
    return row_fixed(row, column, &byte, 1) && byte == 1;
}

int64_t row_int(struct row *row, int column)
{
    size_t size;
    const uint8_t *bytes = row_value(row, column, &size);
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (bytes ? size : 0) {
    case 2: memcpy(&two, bytes, 2); return (int16_t)be16toh(two);
    case 4: memcpy(&four, bytes, 4); return (int32_t)be32toh(four);
    case 8: memcpy(&eight, bytes, 8); return (int64_t)be64toh(eight);
    default: row->bad = true; return 0;
    }
}

float row_real(struct row *row, int column)
{
    uint32_t wire;
    float value;
    if (!row_fixed(row, column, &wire, sizeof(wire))) return 0;
    wire = be32toh(wire);
    memcpy(&value, &wire, sizeof(value));
    return value;
}

int64_t row_time(struct row *row, int column)
{
    uint64_t wire;
    if (!row_fixed(row, column, &wire, sizeof(wire))) return 0;
    int64_t us = (int64_t)be64toh(wire), ms = us / 1000;
    return (us % 1000 < 0 ? ms - 1 : ms) + MS_1970_TO_2000;
}

int64_t row_time_or(struct row *row, int column, int64_t fallback)
{
    return PQgetisnull(row->result, row->number, column) ? fallback : row_time(row, column);
}

static void text_take(struct row *row, const uint8_t *bytes, size_t have, char *text, size_t size)
{
    if (!bytes || have >= size || memchr(bytes, 0, have)) {
        row->bad = true;
        have = 0;
    }
    if (have > 0) memcpy(text, bytes, have);
    text[have] = 0;
}

void row_text(struct row *row, int column, char *text, size_t size)
{
    size_t have = 0;
    const uint8_t *bytes = row_value(row, column, &have);
    text_take(row, bytes, have, text, size);
}

void row_bytes(struct row *row, int column, void *bytes, size_t size)
{
    row_fixed(row, column, bytes, size);
}

struct result row_copy(const PGresult *result, int number, int column, size_t max, uint8_t **bytes, size_t *size)
{
    struct row row = { .result = result, .number = number };
    const uint8_t *value = row_value(&row, column, size);
    free(*bytes);
    *bytes = NULL;
    if (row.bad || *size > max) return FAIL(REASON_DATABASE);
    *bytes = malloc(*size + 1);
    if (*bytes == NULL) return FAIL(REASON_BUSY);
    memcpy(*bytes, value, *size);
    return OK;
}

const uint8_t *row_blob(struct row *row, int column, size_t *size)
{
    *size = 0;
    if (column < PQnfields(row->result) && PQgetisnull(row->result, row->number, column)) return (const uint8_t *)"";
    const uint8_t *bytes = row_value(row, column, size);
    return bytes ? bytes : (const uint8_t *)"";
}

struct result row_sums(struct row *row, int column, const struct seal_keys *keys, const struct seal_place *place, struct sums *sums)
{
    size_t size;
    const uint8_t *sealed = row_blob(row, column, &size);
    return sums_open(keys, place, sealed, size, sums);
}

static uint32_t read_32(const uint8_t *bytes)
{
    uint32_t wire;
    memcpy(&wire, bytes, 4);
    return be32toh(wire);
}

size_t row_texts(struct row *row, int column, char *texts, size_t size, size_t count_max)
{
    size_t have = 0;
    const uint8_t *bytes = row_value(row, column, &have);
    if (!bytes || have < 12) goto bad;
    if (read_32(bytes) == 0) return 0;
    if (read_32(bytes) != 1 || read_32(bytes + 8) != TYPE_TEXT || have < 20) goto bad;
    size_t count = read_32(bytes + 12), at = 20;
    if (count > count_max) goto bad;
    for (size_t i = 0; i < count; i++) {
        if (have - at < 4) goto bad;
        size_t length = read_32(bytes + at);
        at += 4;
        if (length > have - at) goto bad;
        text_take(row, bytes + at, length, texts + i * size, size);
        at += length;
    }
    return count;
bad:
    row->bad = true;
    return 0;
}
