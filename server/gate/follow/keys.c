/* Asks the key servers, again and again, so that nobody else waits for them: one that answers, if it has the keys; all,
   if they share them. */
#include "server/gate/follow/internal.h"
#include "server/http/log.h"

static void take(struct follow *follow)
{
    pthread_mutex_lock(&follow->lock);
    follow->told = follow->asking;
    follow->answered = true;
    pthread_mutex_unlock(&follow->lock);
}

/* Says it when it changes. */
static void note_server(struct follow *follow, size_t server, bool up)
{
    struct follow_key_server *state = &follow->status.key_servers[server]; /* asked and up: only this thread writes */
    const char *url = keys_client_url(follow->keys, server);

    if (!up && (state->up || !state->asked))
        log_line(LOG_WARNING, "the key server %s can't be asked: %s", url, keys_client_trouble(follow->keys));
    if (up && state->asked && !state->up) log_line(LOG_NOTICE, "the key server %s answers again", url);
    pthread_mutex_lock(&follow->lock);
    state->asked = true;
    state->up = up;
    pthread_mutex_unlock(&follow->lock);
}

/* The one that answered last first.  How many answered. */
static size_t ask(struct follow *follow, size_t *first)
{
    size_t count = keys_client_count(follow->keys), answers = 0, begin = *first;
    bool all = follow->settings.keys_shared;

    follow->asking.count = count;
    for (size_t i = 0; i < count; i++) follow->asking.servers[i].answered = false;
    for (size_t i = 0; i < count && (answers == 0 || all) && !atomic_load(&follow->ending); i++) {
        size_t server = (begin + i) % count;
        bool up = !failed(
            keys_client_epochs(follow->keys, server, &follow->ending, &follow->asking.servers[server].answer));

        if (atomic_load(&follow->ending)) break;
        note_server(follow, server, up);
        follow->asking.servers[server].answered = up;
        follow->asking.servers[server].heard_ms = clock_now_ms(follow->settings.clock);
        if (up && answers++ == 0) *first = server;
        all = all || keys_told_shares(&follow->asking);
    }
    return answers;
}

void *follow_ask_keys(void *context)
{
    struct follow *follow = context;
    size_t first = 0;

    do {
        size_t answers = ask(follow, &first);
        bool shared = follow->settings.keys_shared || keys_told_shares(&follow->asking);

        if (atomic_load(&follow->ending)) break;
        if (answers > 0) take(follow);
        follow_note(follow, &follow->status.keys_up, answers >= (shared ? 2 : 1));
        follow_signal(follow, &follow->asked);
    } while (follow_pause(follow, follow->settings.keys_poll_ms, NULL));
    return NULL;
}
