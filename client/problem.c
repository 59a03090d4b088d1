#include "client/problem.h"

void make_printable(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f) *at = '?';
        if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) at[0] = at[1] = '?'; /* C1 controls in UTF-8 */
    }
}

static json_t *parse(const struct http_answer *answer)
{
    json_t *json = http_answer_json(answer);

    if (json_is_object(json)) return json;
    json_decref(json);
    return NULL;
}

void problem_name(const struct http_answer *answer, char name[64])
{
    json_t *json = parse(answer);
    const char *type = json_string_value(json_object_get(json, "type"));
    const char *slash = type == NULL ? NULL : strrchr(type, '/');

    if (slash == NULL || slash[1] == '\0') snprintf(name, 64, "%u", answer->status);
    else snprintf(name, 64, "%.63s", slash + 1);
    make_printable(name);
    json_decref(json);
}

bool problem_is(const struct http_answer *answer, const char *name)
{
    char found[64];

    if (answer->status < 400) return false;
    problem_name(answer, found);
    return strcmp(found, name) == 0;
}

int problem_say(const struct http *http, const struct http_answer *answer)
{
    json_t *json = parse(answer);
    const char *title = json_string_value(json_object_get(json, "title"));
    const char *detail = json_string_value(json_object_get(json, "detail"));
    char name[64], text[512];

    problem_name(answer, name);
    snprintf(text, sizeof(text), "%.200s%s%.280s", title == NULL ? "no reason given" : title,
             detail == NULL ? "" : ". ", detail == NULL ? "" : detail);
    make_printable(text);
    if (http_server_count(http) > 1)
        say("the %s %s refused (%u %s): %s", http_service_name(http), http_server_url(http), answer->status, name, text);
    else say("the %s refused (%u %s): %s", http_service_name(http), answer->status, name, text);
    json_decref(json);
    return CLIENT_REFUSED;
}
