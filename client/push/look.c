/* Does a list need a push although its file did not change?  For a watch. */
#include "client/push/run.h"

#include <unistd.h>

static json_t *look_json(const struct push *push)
{
    json_t *missing = json_array();

    for (size_t i = 0; i < push->epochs.count; i++)
        json_array_append_new(missing, json_string(push->epochs.list[i].id));
    return json_pack("{s:o, s:I, s:I}", "missing", missing, "age_limit_s", (json_int_t)push->info.age_limit_s, "revision",
                     (json_int_t)push->info.revision);
}

static int look(struct push *push)
{
    int code = identity_find(push->settings, "agency", &push->identity);

    if (code == CLIENT_OK) code = http_open(push->settings, HTTP_GATE, &push->identity, &push->gate);
    if (code == CLIENT_OK) code = list_fetch(push->gate, push->options->list, &push->info);
    if (code != CLIENT_OK) return code;
    push->servers = key_servers_create(push->settings);
    if (push->servers == NULL) return CLIENT_FAILED;
    code = http_open(push->settings, HTTP_KEYS, &push->identity, &push->keys);
    if (code == CLIENT_OK) code = epochs_fetch(push->servers, push->keys, &push->info.pins, &push->epochs);
    if (code != CLIENT_OK) return code;
    epochs_keep_usable(&push->epochs, LIMIT_ENTRY_EPOCHS);
    push_drop_covered(&push->epochs, &push->info);
    return print_json(look_json(push)) ? CLIENT_OK : CLIENT_FAILED;
}

int push_look(struct settings *settings, const struct push_options *options)
{
    struct push *push = calloc(1, sizeof(*push));
    int code;

    if (push == NULL) return CLIENT_FAILED;
    push->settings = settings;
    push->options = options;
    code = look(push);
    epochs_wipe(&push->epochs);
    http_close(push->gate);
    http_close(push->keys);
    key_servers_destroy(push->servers);
    free(push);
    return code;
}
