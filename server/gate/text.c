/* See text.h. */
#include "server/gate/text.h"

#include <sodium.h>

void text_begin(struct text *text, size_t room, size_t ceiling)
{
    *text = (struct text){ .bytes = malloc(room), .room = room, .ceiling = ceiling };
    text->failed = text->bytes == NULL;
}

static bool grow(struct text *text, size_t need)
{
    size_t room = text->room * 2 > need ? text->room * 2 : need;
    char *bytes = need <= text->ceiling && !text->failed ? realloc(text->bytes, room) : NULL;

    if (bytes == NULL) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->room = room;
    return true;
}

bool text_reserve(struct text *text, size_t size)
{
    if (!text->failed && size < text->room - text->size) return true; /* one byte stays for the ending zero */
    return grow(text, text->size + size + 1);
}

void text_append(struct text *text, const char *bytes, size_t size)
{
    if (!text_reserve(text, size)) return;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

void text_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    text_append(text, digits + at, sizeof(digits) - at);
}

void text_json_string(struct text *text, const char *string)
{
    static const char hex[] = "0123456789abcdef";

    text_literal(text, "\"");
    for (; *string != '\0'; string++) {
        unsigned char c = (unsigned char)*string;
        char escaped[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

        if (c < 0x20 || c == 0x7f) text_append(text, escaped, sizeof(escaped));
        else if (c == '"' || c == '\\') text_append(text, (const char[]){ '\\', (char)c }, 2);
        else text_append(text, string, 1);
    }
    text_literal(text, "\"");
}

void text_json_base64(struct text *text, const uint8_t *bytes, size_t size)
{
    size_t encoded = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);

    text_literal(text, "\"");
    if (!text_reserve(text, encoded)) return;
    sodium_bin2base64(text->bytes + text->size, encoded, bytes, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    text->size += encoded - 1; /* it wrote an ending zero */
    text_literal(text, "\"");
}

char *text_take(struct text *text, size_t *size)
{
    char *bytes = text->bytes;

    if (text->failed) {
        free(bytes);
        bytes = NULL;
    } else {
        bytes[text->size] = '\0';
        if (size != NULL) *size = text->size;
    }
    *text = (struct text){ .failed = true };
    return bytes;
}
