/* Members of a JSON request into C values, with their limits; each fails with REASON_BAD_FIELD and never says what it read. */
#ifndef SERVER_GATE_FIELDS_H
#define SERVER_GATE_FIELDS_H

#include <jansson.h>
#include <stdint.h>

#include "server/http/reason.h"

/* Refuses members that are not in NAMES (NULL-ended). */
struct result fields_only(const json_t *object, const char *const *names);
/* Text of 0 to SIZE - 1 bytes without control characters.  FALLBACK NULL: it must be there. */
struct result field_text(const json_t *object, const char *name, const char *fallback, char *text, size_t size);
/* A name: 1 to LIMIT_NAME_MAX of a-z 0-9 - _ . , the first a letter or digit. */
struct result field_name(const json_t *object, const char *name, char *text, size_t size);
struct result field_number(const json_t *object, const char *name, uint64_t min, uint64_t max, uint64_t fallback, uint64_t *value);
/* Must be there. */
struct result field_number_given(const json_t *object, const char *name, uint64_t min, uint64_t max, uint64_t *value);
struct result field_bool(const json_t *object, const char *name, bool fallback, bool *value);
/* RFC 3339, into milliseconds since 1970.  Must be there. */
struct result field_time(const json_t *object, const char *name, int64_t *ms);
struct result field_sha256(const json_t *object, const char *name, uint8_t digest[32]); /* 64 hexadecimal digits */
bool name_is_valid(const char *text);
/* A decimal number in a path, MIN to MAX; REASON_NOT_FOUND for anything else. */
struct result path_number(const char *text, uint32_t min, uint32_t max, uint32_t *value);

#endif
