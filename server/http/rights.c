#include "server/http/rights.h"

static const struct {
    unsigned right;
    const char *word;
} words[] = { { RIGHT_PUSH, "push" }, { RIGHT_VIEW, "view" }, { RIGHT_DECRYPT, "decrypt" } };

/* False for a word that is none, or is there already. */
static bool add(const char *text, unsigned *rights)
{
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (strcmp(words[i].word, text) != 0 || (*rights & words[i].right) != 0) continue;
        *rights |= words[i].right;
        return true;
    }
    return false;
}

bool rights_parse(const char *text, unsigned *rights)
{
    char copy[RIGHTS_TEXT_SIZE * 2], *rest = copy;
    *rights = 0;
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy) return false;
    for (const char *word = strtok_r(copy, " ,", &rest); word != NULL; word = strtok_r(NULL, " ,", &rest))
        if (!add(word, rights)) return false;
    return *rights != 0;
}

const char *rights_print(unsigned rights, char separator, char text[RIGHTS_TEXT_SIZE])
{
    size_t size = 0;
    *text = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if ((rights & words[i].right) == 0) continue;
        if (size > 0) text[size++] = separator;
        size += (size_t)snprintf(text + size, RIGHTS_TEXT_SIZE - size, "%s", words[i].word);
    }
    return text;
}

json_t *rights_json(unsigned rights)
{
    json_t *array = json_array();
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if ((rights & words[i].right) != 0) (void)json_array_append_new(array, json_string(words[i].word));
    return array;
}

bool rights_take(const json_t *json, unsigned *rights)
{
    *rights = 0;
    if (!json_is_array(json)) return false;
    for (size_t i = 0; i < json_array_size(json); i++) {
        const char *text = json_string_value(json_array_get(json, i));
        if (text == NULL || !add(text, rights)) return false;
    }
    return *rights != 0;
}
