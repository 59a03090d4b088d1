#include "server/http/json.h"

#include <malloc.h>
#include <platesieve/limits.h>

static void wiping_free(void *memory)
{
    if (memory == NULL) return;
    explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void json_wipe_on_free(void)
{
    json_set_alloc_funcs(malloc, wiping_free);
}

/* jansson itself follows 2048 levels, on the stack. */
static bool too_deep(const char *text, size_t size)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > LIMIT_JSON_DEPTH) return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

struct result json_parse_object(const char *text, size_t size, json_t **json)
{
    *json = NULL;
    if (size == 0 || too_deep(text, size)) return FAIL(REASON_BAD_JSON);
    json_error_t error; /* quotes the input: never shown */
    json_t *parsed = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    explicit_bzero(&error, sizeof error);
    if (parsed == NULL) return FAIL(REASON_BAD_JSON);
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        return FAIL(REASON_BAD_JSON);
    }
    *json = parsed;
    return OK;
}

json_t *json_object_of(const struct json_member *members, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        if (json_object_set_new(object, members[i].name, members[i].json) == 0) continue;
        json_decref(object);
        object = NULL;
    }
    return object;
}
