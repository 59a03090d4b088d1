#include "client/http/problem.h"

#include "client/http/internal.h"
#include "client/moment.h"

#define DAY_MS INT64_C(86400000)

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

/* Who has which right is the operator's to say; with the command that gives it. */
static void say_right(const struct http *http, json_t *json)
{
    json_t *rights = json_object_get(json, "rights");
    char words[64] = "";

    for (size_t i = 0, used = 0; i < json_array_size(rights) && used < sizeof(words) - 12; i++) {
        const char *word = json_string_value(json_array_get(rights, i));

        used += (size_t)snprintf(words + used, sizeof(words) - used, "%s%.10s", i == 0 ? "" : " or ", word == NULL ? "?" : word);
    }
    make_printable(words);
    say("%s has not the right to %s at the %s; its operator gives it: platesieve registry add %s --rights ...", http->identity->name.text,
        words, http_service_name(http), http->identity->name.text);
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
    if (strcmp(name, "right") == 0) say_right(http, json);
    json_decref(json);
    return CLIENT_REFUSED;
}

void problem_say_days(struct http *gate, const char *path, int64_t until_ms)
{
    const struct http_request request = { .method = "GET", .path = path };
    const int64_t ahead_ms = until_ms - moment_now_ms();
    json_t *json = NULL;
    json_int_t most = 0;

    if (ahead_ms <= 0) {
        say("that time is over");
        return;
    }
    if (ahead_ms <= DAY_MS || http_ask_json(gate, &request, 200, &json) != CLIENT_OK) return;
    if (json_unpack(json, "{s:I}", "days_most", &most) == 0 && most > 0 && ahead_ms / DAY_MS >= most)
        say("the operator lets it last %lld days at most", (long long)most);
    json_decref(json);
}
