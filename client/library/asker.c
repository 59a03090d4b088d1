#include "client/library/library.h"

#include "client/moment.h"

#define BUSY_MS 5000

static void destroy(struct asker *asker)
{
    if (asker == NULL) return;
    check_line_close(asker->line);
    platesieve_secret_free(asker->reads);
    free(asker->asked);
    free(asker->candidates);
    free(asker->answers);
    free(asker);
}

static struct asker *make(struct platesieve_client *client)
{
    const size_t reads = client->told.reads_max;
    struct asker *asker = calloc(1, sizeof(*asker));

    if (asker == NULL) return NULL;
    asker->reads = platesieve_secret_allocate(reads * sizeof(*asker->reads));
    asker->asked = calloc(reads, sizeof(*asker->asked));
    asker->candidates = calloc(reads, sizeof(*asker->candidates));
    asker->answers = calloc(reads, sizeof(*asker->answers));
    if (asker->reads != NULL && asker->asked != NULL && asker->candidates != NULL && asker->answers != NULL)
        asker->line = check_line_open(client->checker, reads, client->told.candidates_max);
    if (asker->line != NULL) return asker;
    destroy(asker);
    return NULL;
}

/* The mutex is held.  An asker that is idle, or *MAY_MAKE. */
static struct asker *take_idle(struct platesieve_client *client, bool *may_make)
{
    struct asker *asker = client->idle;

    *may_make = asker == NULL && client->askers < client->told.threads_max;
    if (*may_make) client->askers++;
    if (asker != NULL) client->idle = asker->next;
    return asker;
}

struct asker *asker_take(struct platesieve_client *client, int64_t end_ms)
{
    const int64_t until_ms = end_ms == 0 ? moment_monotonic_ms() + BUSY_MS : end_ms;
    const struct timespec until = { (time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000 };
    struct asker *asker;
    bool may_make;
    int late = 0;

    pthread_mutex_lock(&client->mutex);
    while ((asker = take_idle(client, &may_make)) == NULL && !may_make && late == 0)
        late = pthread_cond_timedwait(&client->given_back, &client->mutex, &until);
    pthread_mutex_unlock(&client->mutex);
    if (asker != NULL || !may_make) return asker;
    asker = make(client);
    if (asker != NULL) return asker;
    pthread_mutex_lock(&client->mutex);
    client->askers--;
    pthread_mutex_unlock(&client->mutex);
    return NULL;
}

void asker_give_back(struct platesieve_client *client, struct asker *asker)
{
    pthread_mutex_lock(&client->mutex);
    asker->next = client->idle;
    client->idle = asker;
    pthread_cond_signal(&client->given_back);
    pthread_mutex_unlock(&client->mutex);
}

void askers_free(struct platesieve_client *client)
{
    while (client->idle != NULL) {
        struct asker *asker = client->idle;

        client->idle = asker->next;
        destroy(asker);
    }
}
