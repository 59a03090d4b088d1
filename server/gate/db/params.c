/* Parameters and arrays in PostgreSQL's binary form (network byte order). */
#include "server/gate/db/conn.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>

#define MS_1970_TO_2000 INT64_C(946684800000)

static void params_add(struct params *params, const void *value, size_t size)
{
    assert(params->count < DB_PARAMS_MAX && size <= INT32_MAX);
    params->values[params->count] = value;
    params->lengths[params->count] = (int)size;
    params->formats[params->count] = 1;
    params->count++;
}

static void params_scratch(struct params *params, const void *value, size_t size)
{
    assert(params->count < DB_PARAMS_MAX && size <= sizeof(params->scratch[0]));
    void *place = &params->scratch[params->count];
    memcpy(place, value, size);
    params_add(params, place, size);
}

static int32_t clip(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

static uint64_t time_wire(int64_t ms)
{
    return htobe64((uint64_t)((ms - MS_1970_TO_2000) * 1000));
}

void params_bool(struct params *params, bool value)
{
    uint8_t byte = value;
    params_scratch(params, &byte, 1);
}

void params_int2(struct params *params, int value)
{
    uint16_t wire = htobe16((uint16_t)value);
    params_scratch(params, &wire, sizeof(wire));
}

void params_int4(struct params *params, int64_t value)
{
    uint32_t wire = htobe32((uint32_t)clip(value));
    params_scratch(params, &wire, sizeof(wire));
}

void params_int8(struct params *params, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    params_scratch(params, &wire, sizeof(wire));
}

void params_time(struct params *params, int64_t ms)
{
    uint64_t wire = time_wire(ms);
    params_scratch(params, &wire, sizeof(wire));
}

void params_text(struct params *params, const char *text)
{
    params_add(params, text, strlen(text));
}

void params_bytes(struct params *params, const void *bytes, size_t size)
{
    params_add(params, bytes, size);
}

/* -- arrays ----------------------------------------------------------------------------------------------------------------------------- */

#define ARRAY_HEADER 20 /* dimensions, has nulls, type, length, lower bound */

static void *array_grow(struct array *array, size_t size)
{
    if (array->failed) return NULL;
    if (array->size + size > array->room) {
        size_t room = (array->size + size) * 2;
        uint8_t *data = room <= INT32_MAX ? malloc(room) : NULL;
        if (!data) {
            array->failed = true;
            return NULL;
        }
        if (array->data) {
            memcpy(data, array->data, array->size);
            sodium_memzero(array->data, array->size);
            free(array->data);
        }
        array->data = data;
        array->room = room;
    }
    void *place = array->data + array->size;
    array->size += size;
    return place;
}

void array_begin(struct array *array, uint32_t type, size_t count, size_t element)
{
    *array = (struct array){ .type = type };
    array->room = ARRAY_HEADER + count * (4 + element);
    array->data = array->room <= INT32_MAX ? malloc(array->room) : NULL;
    array->failed = array->data == NULL;
    array->size = ARRAY_HEADER;
}

static void array_add(struct array *array, const void *value, size_t size)
{
    uint8_t *place = array_grow(array, 4 + size);
    if (!place) return;
    uint32_t wire = htobe32((uint32_t)size);
    memcpy(place, &wire, 4);
    memcpy(place + 4, value, size);
    array->count++;
}

void array_bool(struct array *array, bool value)
{
    uint8_t byte = value;
    array_add(array, &byte, 1);
}

void array_int2(struct array *array, int value)
{
    uint16_t wire = htobe16((uint16_t)value);
    array_add(array, &wire, sizeof(wire));
}

void array_int4(struct array *array, int64_t value)
{
    uint32_t wire = htobe32((uint32_t)clip(value));
    array_add(array, &wire, sizeof(wire));
}

void array_int8(struct array *array, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    array_add(array, &wire, sizeof(wire));
}

void array_real(struct array *array, float value)
{
    uint32_t wire;
    memcpy(&wire, &value, sizeof(wire));
    wire = htobe32(wire);
    array_add(array, &wire, sizeof(wire));
}

void array_time(struct array *array, int64_t ms)
{
    uint64_t wire = time_wire(ms);
    array_add(array, &wire, sizeof(wire));
}

void array_text(struct array *array, const char *text)
{
    array_add(array, text, strlen(text));
}

void array_bytes(struct array *array, const void *bytes, size_t size)
{
    array_add(array, bytes, size);
}

void array_uuid(struct array *array, const uint8_t bytes[16])
{
    array_add(array, bytes, 16);
}

void array_null(struct array *array)
{
    uint8_t *place = array_grow(array, 4);
    if (!place) return;
    memset(place, 0xff, 4);
    array->count++;
}

void array_free(struct array *array)
{
    if (array->data) sodium_memzero(array->data, array->size);
    free(array->data);
    *array = (struct array){ 0 };
}

bool params_array(struct params *params, struct array *array)
{
    if (array->failed) return false;
    /* "has nulls" may be said without there being any; an empty array has no dimension */
    uint32_t header[5] = { htobe32(array->count > 0), htobe32(1), htobe32(array->type), htobe32(array->count), htobe32(1) };
    memcpy(array->data, header, sizeof(header));
    params_add(params, array->data, array->count > 0 ? array->size : 12);
    return true;
}
