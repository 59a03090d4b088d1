#include "client/printable.h"

#include <string.h>

bool printable(utf8proc_int32_t character)
{
    switch (utf8proc_category(character)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    default: return true;
    }
}

/* AT, of SIZE bytes, begins a character that ends behind them. */
static bool is_cut(const unsigned char *at, size_t size)
{
    const size_t whole = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;

    if (at[0] < 0xC2 || at[0] > 0xF4 || size >= whole) return false;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80) return false;
    return true;
}

void make_printable(char *text)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + strlen(text);

    while (at < end) {
        utf8proc_int32_t character;
        const utf8proc_ssize_t size = utf8proc_iterate(at, end - at, &character);

        if (size <= 0 && is_cut(at, (size_t)(end - at))) break;
        if (size > 0 && printable(character)) {
            memmove(text, at, (size_t)size);
            text += size;
        } else {
            *text++ = '?';
        }
        at += size > 0 ? size : 1;
    }
    *text = '\0';
}

/* -- JSON ---------------------------------------------------------------------------------------------------------------- */

/* A copy; NULL: no memory. */
static char *printable_copy(const char *text)
{
    char *copy = strdup(text);

    if (copy != NULL) make_printable(copy);
    return copy;
}

static json_t *printable_string(const json_t *json)
{
    char *text = printable_copy(json_string_value(json));
    json_t *string = json_string(text == NULL ? "" : text);

    free(text);
    return string;
}

static json_t *printable_object(json_t *json)
{
    json_t *object = json_object(), *member;
    const char *name;

    json_object_foreach(json, name, member) {
        char *key = printable_copy(name);

        (void)json_object_set_new(object, key == NULL ? "" : key, json_printable(member));
        free(key);
    }
    return object;
}

json_t *json_printable(json_t *json)
{
    json_t *array, *member;
    size_t i;

    switch (json == NULL ? JSON_NULL : json_typeof(json)) {
    case JSON_STRING: return printable_string(json);
    case JSON_OBJECT: return printable_object(json);
    case JSON_ARRAY:
        array = json_array();
        json_array_foreach(json, i, member) (void)json_array_append_new(array, json_printable(member));
        return array;
    default: return json_incref(json); /* NULL: NULL */
    }
}
