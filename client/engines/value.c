/* Scalars as engines write them. */
#include <math.h>

#include "client/engines/document_internal.h"
#include "client/printable.h"

bool number_read(const char *text, size_t size, double *number)
{
    char copy[LIMIT_ENGINE_NUMBER_BYTES + 1], *end;
    bool read;

    while (size > 0 && (*text == ' ' || *text == '\t')) text++, size--;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) size--;
    if (size == 0 || size > LIMIT_ENGINE_NUMBER_BYTES) return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    read = strspn(copy, "0123456789.eE+-") == size; /* no hexadecimal, no "nan" */
    if (read) *number = strtod(copy, &end);
    read = read && *end == '\0' && isfinite(*number);
    platesieve_wipe(copy, sizeof(copy));
    return read;
}

static struct value marked(const char *text, size_t size)
{
    struct value value = { .kind = VALUE_OTHER, .text = text + 2, .size = size - 2 };

    if (text[1] == TIDY_NUMBER && number_read(value.text, value.size, &value.number)) value.kind = VALUE_NUMBER;
    if (text[1] == TIDY_BLOB && number_read(value.text, value.size, &value.number)) value.kind = VALUE_LONG;
    return value;
}

struct value value_of_json(const json_t *json)
{
    const char *text;
    size_t size;

    if (json == NULL || json_is_null(json)) return VALUE_ABSENT;
    if (!json_is_string(json)) return (struct value){ .kind = VALUE_OTHER };
    text = json_string_value(json);
    size = json_string_length(json);
    if (size >= 2 && text[0] == TIDY_MARK && (text[1] == TIDY_NUMBER || text[1] == TIDY_BLOB)) return marked(text, size);
    return (struct value){ .kind = VALUE_TEXT, .text = text, .size = size };
}

struct value value_of_text(const char *text)
{
    if (text == NULL) return VALUE_ABSENT;
    return (struct value){ .kind = VALUE_TEXT, .text = text, .size = strlen(text) };
}

bool value_is(struct value value, const char *text)
{
    return value.kind == VALUE_TEXT && value.size == strlen(text) && memcmp(value.text, text, value.size) == 0;
}

bool value_number(struct value value, double *number)
{
    if (value.kind == VALUE_TEXT) return number_read(value.text, value.size, number);
    *number = value.number;
    return value.kind == VALUE_NUMBER;
}

bool value_print(struct value value, char *out, size_t room)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)value.text, *end;
    size_t used = 0;

    memset(out, 0, room);
    if (value.kind != VALUE_TEXT && value.kind != VALUE_NUMBER) return false;
    for (end = at + value.size; at < end;) {
        utf8proc_int32_t character;
        const utf8proc_ssize_t size = utf8proc_iterate(at, end - at, &character);

        if (size <= 0) {
            memset(out, 0, room);
            return false;
        }
        if (printable(character)) {
            if (used + (size_t)size >= room) break;
            memcpy(out + used, at, (size_t)size);
            used += (size_t)size;
        }
        at += size;
    }
    return true;
}
