/* What `platesieve hits` asks for, and what it remembers of that from one run to the next. */
#include <errno.h>
#include <string.h>

#include "client/file.h"
#include "client/hits/hits.h"

#define STATE_BYTES 1024

bool cursor_valid(const char *text)
{
    const size_t length = strlen(text);

    return length <= CURSOR_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") == length;
}

/* -- the query ------------------------------------------------------------------------------------------------------ */

/* "&NAME=VALUE", with what may not stand in a URL as %XX. */
static bool add(char *text, size_t size, const char *name, const char *value)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    size_t at = strlen(text);

    if (value == NULL) return true;
    at += (size_t)snprintf(text + at, size - at, "&%s=", name);
    for (; *value != '\0' && at + 4 < size; value++) {
        const bool as_it_is = strchr(plain, *value) != NULL;

        at += (size_t)snprintf(text + at, size - at, as_it_is ? "%c" : "%%%02X", as_it_is ? *value : (unsigned char)*value);
    }
    return *value == '\0' && at + 4 < size;
}

/* The reference as it was pushed. */
static int travelling(const struct hits_question *question, const struct reference_key *key, struct reference *reference)
{
    const char *text = question->reference;
    const size_t size = strlen(text);

    if (question->clear_reference) {
        if (size > LIMIT_REFERENCE_MAX) say("a reference in clear has at most %d bytes", LIMIT_REFERENCE_MAX);
        else memcpy(reference->text, text, size + 1);
        return size > LIMIT_REFERENCE_MAX ? CLIENT_USAGE : CLIENT_OK;
    }
    if (key != NULL && reference_seal(key, question->list, text, size, NULL, NULL, reference)) return CLIENT_OK;
    say(key == NULL ? "the agency's key for references is not on this machine; for a reference in clear add --clear-references"
                    : "this reference can't be sealed");
    return CLIENT_FAILED;
}

int hits_query(const struct hits_question *question, const struct reference_key *key, char *text, size_t size)
{
    struct reference reference = { 0 };
    int code = question->reference == NULL ? CLIENT_OK : travelling(question, key, &reference);

    text[0] = '\0';
    if (code != CLIENT_OK) return code;
    if (add(text, size, "list", question->list) && add(text, size, "site", question->site) && add(text, size, "lane", question->lane) &&
        add(text, size, "grade", question->grade) && add(text, size, "covert", question->covert) &&
        add(text, size, "verdict", question->verdict) && add(text, size, "lane_judgement", question->lane_judgement) &&
        add(text, size, "since", question->since) &&
        add(text, size, "until", question->until) && add(text, size, "reference", question->reference == NULL ? NULL : reference.text))
        return CLIENT_OK;
    say("the filters are too long");
    return CLIENT_USAGE;
}

/* -- the state ------------------------------------------------------------------------------------------------------ */

int hits_state_read(struct hits_question *question, const char *agency)
{
    const char *whose = NULL, *cursor = NULL;
    size_t size = 0;
    char *text;
    int code = CLIENT_FAILED;

    if (question->state == NULL) return CLIENT_OK;
    text = file_read(question->state, STATE_BYTES, &size);
    if (text == NULL && errno == ENOENT) return CLIENT_OK;
    json_t *json = text == NULL ? NULL : json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);

    free(text);
    if (json_unpack(json, "{s:s, s:s}", "agency", &whose, "cursor", &cursor) != 0 || !cursor_valid(cursor))
        say("%s is not what --state has written", question->state);
    else if (strcmp(whose, agency) != 0)
        say("%s holds the cursor of another agency", question->state);
    else code = CLIENT_OK;
    if (code == CLIENT_OK) memcpy(question->cursor, cursor, strlen(cursor) + 1);
    json_decref(json);
    return code;
}

bool hits_state_write(const struct hits_question *question, const char *agency)
{
    char text[STATE_BYTES];
    int size;

    if (question->state == NULL || question->cursor[0] == '\0') return true;
    size = snprintf(text, sizeof(text), "{\"agency\":\"%s\",\"cursor\":\"%s\"}\n", agency, question->cursor);
    return file_write(question->state, text, (size_t)size, 0600);
}
