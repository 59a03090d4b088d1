/* One prepared POST again and again, to whom answers the same each time: 200, with a body that begins as it should. */
#include "tests/bench/load.h"

bool template_post(const char *path, const char *body, const char *begins, const char *host, const char *port, struct template *template)
{
    int head = snprintf(template->bytes, sizeof(template->bytes),
                        "POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", path, host, port,
                        strlen(body));
    if (head < 0 || (size_t)head + strlen(body) > sizeof(template->bytes))
        return false;
    memcpy(template->bytes + head, body, strlen(body));
    template->size = (size_t)head + strlen(body);
    template->begins = begins;
    template->begins_size = strlen(begins);
    return true;
}

static void patch_nothing(const struct template *template, struct connection *connection)
{
    (void)template;
    (void)connection;
}

static enum verdict judge_post(const struct template *template, struct connection *connection)
{
    enum verdict verdict = target_static.judge(template, connection);
    if (verdict != ANSWER_GOOD)
        return verdict;
    return connection->answer_size - connection->head_size >= template->begins_size &&
           memcmp(connection->answer + connection->head_size, template->begins, template->begins_size) == 0 ? ANSWER_GOOD : ANSWER_BAD;
}

const struct target target_post = { "post", patch_nothing, judge_post };
