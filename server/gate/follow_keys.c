/* Asks the key server, again and again, so that nobody else waits for it. */
#include "server/gate/follow_internal.h"
#include "server/http/log.h"

static void take(struct follow *follow, const struct keys_answer *answer)
{
    pthread_mutex_lock(&follow->lock);
    follow->answer = *answer;
    follow->answered = true;
    pthread_mutex_unlock(&follow->lock);
}

void *follow_ask_keys(void *context)
{
    struct follow *follow = context;
    struct keys_answer answer;
    bool told = false, was_up = false;

    do {
        bool up = !failed(keys_client_epochs(follow->keys, &follow->ending, &answer));

        if (atomic_load(&follow->ending)) break;
        if (up) take(follow, &answer);
        if (!up && !told) log_line(LOG_WARNING, "the key server can't be asked: %s", keys_client_trouble(follow->keys));
        if (up && told) log_line(LOG_NOTICE, "the key server answers again");
        told = !up;
        if (up != was_up) follow_note(follow, &follow->status.keys_up, up);
        was_up = up;
        follow_signal(follow, &follow->asked);
    } while (follow_pause(follow, follow->settings.keys_poll_ms, NULL));
    return NULL;
}
