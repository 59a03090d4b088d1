#include "server/gate/fields.h"

#include <errno.h>
#include <platesieve/limits.h>
#include <sodium.h>

#include "server/http/clock.h"

struct result fields_only(const json_t *object, const char *const *names)
{
    const char *key;
    json_t *value;
    json_t *members = json_incref((json_t *)(uintptr_t)object);
    struct result result = OK;

    json_object_foreach(members, key, value) {
        bool known = false;
        for (size_t i = 0; names[i] != NULL && !known; i++) known = strcmp(names[i], key) == 0;
        if (!known) result = FAIL(REASON_BAD_FIELD);
    }
    json_decref(members);
    return result;
}

struct result field_text(const json_t *object, const char *name, const char *fallback, char *text, size_t size)
{
    const json_t *value = json_object_get(object, name);
    const char *string = value == NULL ? fallback : json_string_value(value);

    if (string == NULL) return FAIL(REASON_BAD_FIELD);
    size_t length = value == NULL ? strlen(fallback) : json_string_length(value);
    if (length >= size || memchr(string, '\0', length) != NULL) return FAIL(REASON_BAD_FIELD);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)string[i] < 0x20 || string[i] == 0x7f) return FAIL(REASON_BAD_FIELD);
    memcpy(text, string, length);
    text[length] = '\0';
    return OK;
}

bool name_is_valid(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > LIMIT_NAME_MAX) return false;
    if (strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != length) return false;
    return strchr("-_.", text[0]) == NULL;
}

struct result field_name(const json_t *object, const char *name, char *text, size_t size)
{
    TRY(field_text(object, name, NULL, text, size));
    return name_is_valid(text) ? OK : FAIL(REASON_BAD_FIELD);
}

struct result field_number(const json_t *object, const char *name, uint64_t min, uint64_t max, uint64_t fallback, uint64_t *value)
{
    if (json_object_get(object, name) != NULL) return field_number_given(object, name, min, max, value);
    *value = fallback;
    return OK;
}

struct result field_number_given(const json_t *object, const char *name, uint64_t min, uint64_t max, uint64_t *value)
{
    const json_t *number = json_object_get(object, name);

    if (!json_is_integer(number) || json_integer_value(number) < 0) return FAIL(REASON_BAD_FIELD);
    *value = (uint64_t)json_integer_value(number);
    return *value >= min && *value <= max ? OK : FAIL(REASON_BAD_FIELD);
}

struct result field_bool(const json_t *object, const char *name, bool fallback, bool *value)
{
    const json_t *member = json_object_get(object, name);

    *value = member == NULL ? fallback : json_is_true(member);
    return member == NULL || json_is_boolean(member) ? OK : FAIL(REASON_BAD_FIELD);
}

struct result field_time(const json_t *object, const char *name, int64_t *ms)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) && time_parse(json_string_value(value), json_string_length(value), ms) ? OK : FAIL(REASON_BAD_FIELD);
}

struct result field_sha256(const json_t *object, const char *name, uint8_t digest[32])
{
    const json_t *value = json_object_get(object, name);
    size_t length = 0;

    if (!json_is_string(value) || json_string_length(value) != 64) return FAIL(REASON_BAD_FIELD);
    if (sodium_hex2bin(digest, 32, json_string_value(value), 64, NULL, &length, NULL) != 0 || length != 32) return FAIL(REASON_BAD_FIELD);
    return OK;
}

struct result path_number(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
    size_t length = strlen(text);

    if (length == 0 || length > 10 || strspn(text, "0123456789") != length || text[0] == '0') return FAIL(REASON_NOT_FOUND);
    errno = 0;
    unsigned long number = strtoul(text, NULL, 10);
    if (errno != 0 || number < min || number > max) return FAIL(REASON_NOT_FOUND);
    *value = (uint32_t)number;
    return OK;
}
