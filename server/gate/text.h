/* Text that grows up to a ceiling, for answers in JSON.  A text that failed (no memory, or over its ceiling) stays failed: append freely,
   ask once, at text_take(). */
#ifndef SERVER_GATE_TEXT_H
#define SERVER_GATE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    char *bytes; /* malloc'ed; no ending zero before text_take() */
    size_t size, room, ceiling;
    bool failed;
};

/* ROOM is a first guess, CEILING the most that it may hold, both in bytes. */
void text_begin(struct text *text, size_t room, size_t ceiling);
/* Room for SIZE more bytes at text->bytes + text->size; false when it failed. */
bool text_reserve(struct text *text, size_t size);
void text_append(struct text *text, const char *bytes, size_t size);
void text_number(struct text *text, uint64_t number);
/* In quotes, with `"`, `\` and control characters escaped; STRING is UTF-8. */
void text_json_string(struct text *text, const char *string);
/* BYTES in base64url without padding, in quotes. */
void text_json_base64(struct text *text, const uint8_t *bytes, size_t size);
/* Ends with a zero byte and gives the bytes away (the caller free()s); NULL when it failed.  SIZE, without the zero, may be NULL. */
char *text_take(struct text *text, size_t *size);

#define text_literal(text, literal) text_append(text, "" literal, sizeof(literal) - 1)

static inline void text_string(struct text *text, const char *string)
{
    text_append(text, string, strlen(string));
}

#endif
