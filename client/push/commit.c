/* The end of a revision: it is asked for, and what the gate says of it is told. */
#include "client/push/run.h"

#include <sodium.h>

#include "client/http/problem.h"

#define COMMIT_PATIENCE_S_MIN 900u /* a gate may work on for ten minutes: it is asked again and again */
#define COMMIT_TIMEOUT_S 600u

/* What a guard refused, and how it is overridden. */
static void say_guard(const struct http_answer *answer)
{
    json_t *json = http_answer_json(answer), *guard = json_object_get(json, "guard");

    if (json_is_object(guard))
        say("%lld entries would become %lld, and the gate lets no list %s by more than %lld %% at once: the list stays as it is (--override, if it is meant)",
            (long long)json_integer_value(json_object_get(guard, "from")), (long long)json_integer_value(json_object_get(guard, "to")),
            json_integer_value(json_object_get(guard, "to")) < json_integer_value(json_object_get(guard, "from")) ? "shrink" : "grow",
            (long long)json_integer_value(json_object_get(guard, "percent_max")));
    json_decref(json);
}

/* What the list is now.  An answer that can't be read leaves it as it was: then nothing is remembered of it. */
static void take_answer(struct push *push, const struct http_answer *answer)
{
    json_t *json = http_answer_json(answer);
    struct list_info *info = malloc(sizeof(*info));

    if (json != NULL && info != NULL && list_info_parse(json, info)) {
        push->info.revision = info->revision;
        push->info.entries = info->entries;
    }
    free(info);
    json_decref(json);
}

/* For programs, a watch among them: why the list stayed as it was. */
static void tell_problem(const struct push *push, const struct http_answer *answer)
{
    char name[64];

    problem_name(answer, name);
    if (push->settings->json) (void)print_json(json_pack("{s:s}", "problem", name));
}

static int ask_commit(struct push *push)
{
    const unsigned patience_s =
        push->options->patience_s < COMMIT_PATIENCE_S_MIN ? COMMIT_PATIENCE_S_MIN : push->options->patience_s;
    char path[256], body[256], digest[2 * PUSH_SHA256 + 1];
    const struct http_request request = {
        .method = "POST", .path = path, .body = body, .body_size = 0, .timeout_s = COMMIT_TIMEOUT_S
    };
    struct http_request whole = request;
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    int code;

    sodium_bin2hex(digest, sizeof(digest), push->totals.sha256, PUSH_SHA256);
    snprintf(path, sizeof(path), "/v1/lists/%s/revisions/%u/commit", push->info.id, push->revision.number);
    snprintf(body, sizeof(body), "{\"parts\":%u,\"entries\":%llu,\"sha256\":\"%s\"%s}", push->totals.parts,
             (unsigned long long)push->totals.lines, digest, push->options->override ? ",\"override\":true" : "");
    whole.body_size = strlen(body);
    code = push_ask(push->gate, &whole, patience_s, &answer);
    if (code == CLIENT_OK && problem_is(&answer, "base"))
        say("another push of this list came first; the same command again compares with what it left");
    if (code == CLIENT_OK && answer.status != 200) {
        tell_problem(push, &answer);
        code = problem_say(push->gate, &answer);
        say_guard(&answer);
    }
    if (code == CLIENT_OK) take_answer(push, &answer);
    return code;
}

int push_commit(struct push *push, int code)
{
    if (code == CLIENT_OK) code = delta_promise(push);
    if (code == CLIENT_OK) code = ask_commit(push);
    if (code == CLIENT_OK) {
        delta_keep(push);
    } else if (code == CLIENT_UNREACHABLE) {
        if (push->open && push->revision.remembered[0] != '\0')
            say("what was sent is kept for a day: the same command goes on from there");
    } else {
        if (push->open) push_revision_drop(push->gate, &push->info, &push->revision);
        delta_break(push);
    }
    if (push->open && code != CLIENT_UNREACHABLE) push_revision_forget(&push->revision);
    push->open = false;
    return code;
}
