/* The yardstick that one reaches for first: a set in Redis, asked for three members at once. */
#include "tests/bench/load.h"

bool template_redis(const char *key, struct template *template)
{
    int head = snprintf(template->bytes, sizeof(template->bytes), "*5\r\n$10\r\nSMISMEMBER\r\n$%zu\r\n%s\r\n", strlen(key), key);
    if (head < 0 || (size_t)head + 3 * 24 > sizeof(template->bytes))
        return false;
    template->size = (size_t)head;
    for (unsigned i = 0; i < 3; i++) {
        memcpy(template->bytes + template->size, "$16\r\n................\r\n", 23);
        template->patches[template->patch_count++] = template->size + 5;
        template->size += 23;
    }
    return true;
}

static void patch_redis(const struct template *template, struct connection *connection)
{
    for (size_t i = 0; i < template->patch_count; i++)
        noise_raw(connection->request + template->patches[i]);
}

static enum verdict judge_redis(const struct template *template, struct connection *connection)
{
    static const char none[] = "*3\r\n:0\r\n:0\r\n:0\r\n";
    (void)template;
    if (connection->answer_size < sizeof(none) - 1)
        return connection->answer_size > 0 && connection->answer[0] != '*' ? ANSWER_BAD : ANSWER_PARTIAL;
    return connection->answer_size == sizeof(none) - 1 && memcmp(connection->answer, none, sizeof(none) - 1) == 0 ? ANSWER_GOOD
                                                                                                                  : ANSWER_BAD;
}

const struct target target_redis = { "redis", patch_redis, judge_redis };
