#include "client/http/over_quota.h"

#include "client/http/problem.h"
#include "client/moment.h"

#define DAY_MS INT64_C(86400000)

int64_t over_quota_left_ms(int64_t until_ms)
{
    const int64_t now_ms = moment_monotonic_ms();

    return until_ms > now_ms ? until_ms - now_ms : 0;
}

void over_quota_time(int64_t until_ms, char text[32])
{
    const int64_t then_ms = moment_then_ms(until_ms);
    char moment[MOMENT_TEXT];

    moment_print(then_ms, moment);
    if (then_ms / DAY_MS == moment_now_ms() / DAY_MS) snprintf(text, 32, "%.8sZ", moment + 11);
    else snprintf(text, 32, "%.19sZ", moment);
}

bool over_quota_of(const struct http_answer *answer, struct over_quota *over)
{
    const char *counted = NULL, *window = NULL;
    char name[64], of[32] = "", time[32];
    json_t *json;

    *over = (struct over_quota) { 0 };
    if (answer->status != 429) return false;
    problem_name(answer, name);
    json = http_answer_json(answer);
    if (json_unpack(json, "{s:s, s:s}", "counted", &counted, "window", &window) == 0)
        snprintf(of, sizeof(of), " (%.12s a %.6s)", counted, window);
    make_printable(of);
    json_decref(json);
    over->until_ms = moment_monotonic_ms() + (int64_t)(answer->retry_after_s > 0 ? answer->retry_after_s : 1) * 1000;
    over_quota_time(over->until_ms, time);
    snprintf(over->what, sizeof(over->what), "%.20s%s, until %s", name, of, time);
    return true;
}
