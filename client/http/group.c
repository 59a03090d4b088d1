#include "client/http/group.h"

#include "client/http/internal.h"
#include "client/moment.h"

struct member {
    struct http *http;
    struct http_answer answer;
    bool asked;
};

struct http_group {
    CURLM *multi;
    size_t count;
    struct member members[HTTP_SERVERS_MAX];
};

int http_group_open(const struct settings *settings, enum http_service service, const struct identity *identity,
                    struct http_group **group)
{
    struct http_group *made = calloc(1, sizeof(*made));
    int code = CLIENT_OK;

    *group = NULL;
    if (made != NULL) made->multi = curl_multi_init();
    if (made == NULL || made->multi == NULL) {
        say("out of memory");
        free(made);
        return CLIENT_FAILED;
    }
    do {
        struct member *member = &made->members[made->count];

        code = http_open(settings, service, identity, &member->http);
        if (code != CLIENT_OK) break;
        http_use_server(member->http, made->count++);
    } while (made->count < http_server_count(made->members[0].http));
    if (code == CLIENT_OK) *group = made;
    else http_group_close(made);
    return code;
}

void http_group_close(struct http_group *group)
{
    if (group == NULL) return;
    http_group_drop_all(group);
    for (size_t i = 0; i < group->count; i++) http_close(group->members[i].http);
    curl_multi_cleanup(group->multi);
    free(group);
}

size_t http_group_count(const struct http_group *group)
{
    return group->count;
}

struct http *http_group_member(struct http_group *group, size_t server)
{
    return group->members[server].http;
}

/* A certificate that was renewed: connections that were made with the one before are left behind. */
static bool renew(struct http_group *group)
{
    const struct http *first = group->members[0].http;

    if (first->generation == atomic_load(&first->identity->generation)) return true;
    for (size_t i = 0; i < group->count; i++)
        if (group->members[i].asked) return true; /* the next time */
    curl_multi_cleanup(group->multi);
    group->multi = curl_multi_init();
    return group->multi != NULL;
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

bool http_group_ask(struct http_group *group, size_t server, const struct http_request *request)
{
    struct member *member = &group->members[server];

    if (renew(group) && http_prepare(member->http, request, &member->answer) &&
        curl_multi_add_handle(group->multi, member->http->curl) == CURLM_OK) {
        int running;

        member->asked = true;
        (void)curl_multi_perform(group->multi, &running); /* out with it; what went wrong is told by the wait */
        return true;
    }
    (void)http_conclude(member->http, CURLE_OUT_OF_MEMORY, &member->answer);
    return false;
}

static bool take_ended(struct http_group *group, size_t *server, struct http_answer *answer)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(group->multi, &left)) != NULL) {
        size_t i = 0;

        if (message->msg != CURLMSG_DONE) continue;
        while (i < group->count && group->members[i].http->curl != message->easy_handle) i++;
        if (i == group->count) continue;
        const CURLcode code = message->data.result; /* the message goes with the handle */

        (void)curl_multi_remove_handle(group->multi, group->members[i].http->curl);
        (void)http_conclude(group->members[i].http, code, &group->members[i].answer);
        group->members[i].asked = false;
        *server = i;
        *answer = group->members[i].answer;
        group->members[i].answer = (struct http_answer) { 0 };
        return true;
    }
    return false;
}

bool http_group_wait(struct http_group *group, unsigned timeout_ms, size_t *server, struct http_answer *answer)
{
    const int64_t end_ms = moment_monotonic_ms() + timeout_ms;

    for (;;) {
        int64_t left_ms;
        int running = 0;

        (void)curl_multi_perform(group->multi, &running);
        if (take_ended(group, server, answer)) return true;
        left_ms = end_ms - moment_monotonic_ms();
        if (running == 0 || left_ms <= 0) return false;
        (void)curl_multi_poll(group->multi, NULL, 0, (int)left_ms, NULL);
    }
}

void http_group_is_late(struct http_group *group, size_t server, unsigned took_ms)
{
    struct http *http = group->members[server].http;

    snprintf(http->trouble, sizeof(http->trouble), "%.100s: none within %u ms", http_server_url(http), took_ms);
}

void http_group_drop(struct http_group *group, size_t server)
{
    struct member *member = &group->members[server];

    if (!member->asked) return;
    (void)curl_multi_remove_handle(group->multi, member->http->curl);
    (void)http_conclude(member->http, CURLE_ABORTED_BY_CALLBACK, &member->answer);
    member->asked = false;
}

void http_group_drop_all(struct http_group *group)
{
    for (size_t i = 0; i < group->count; i++) http_group_drop(group, i);
}
