/* Catalogues: made from the one before, published, and kept up with time. */
#include <urcu-bp.h>

#include "server/gate/follow/internal.h"

static bool is_degraded(struct follow *follow)
{
    pthread_mutex_lock(&follow->lock);
    bool degraded = !follow->status.database_up || !follow->status.keys_up || follow->status.stuck ||
                    follow->status.lists_refused > 0;
    pthread_mutex_unlock(&follow->lock);
    return degraded;
}

void follow_count(const struct follow *follow, struct publication *publication)
{
    rcu_read_lock();
    const struct catalogue *current = rcu_dereference(follow->current);
    publication->lists = current->list_count;
    publication->epochs = current->epoch_count;
    publication->segments = current->segment_count;
    rcu_read_unlock();
}

static struct result make_next(struct follow *follow, const struct publication *publication, struct catalogue **out)
{
    const struct catalogue *current = follow->current;
    struct catalogue *next =
        publication == NULL ? catalogue_copy(current, current->list_count, current->epoch_count, current->segment_count)
                            : catalogue_copy(current, publication->lists, publication->epochs, publication->segments);
    struct result result = next == NULL ? FAIL(REASON_BUSY) : OK;

    if (!failed(result) && publication != NULL) result = publication->edit(publication->context, next);
    if (!failed(result)) {
        next->degraded = is_degraded(follow);
        result = policy_make_views(next, follow->settings.rules, follow->settings.rule_count, follow_now_ms(follow));
    }
    if (failed(result)) {
        catalogue_free(next);
        return result;
    }
    *out = next;
    return OK;
}

struct result follow_publish(struct follow *follow, const struct publication *publication)
{
    struct catalogue *old, *next;

    pthread_mutex_lock(&follow->publishing);
    struct result result = make_next(follow, publication, &next);
    if (!failed(result)) {
        bool show = follow->published != NULL || (publication != NULL && publication->show);

        old = follow->current;
        rcu_assign_pointer(follow->current, next);
        if (show) rcu_assign_pointer(follow->published, next);
    }
    pthread_mutex_unlock(&follow->publishing);
    if (failed(result)) return result;
    synchronize_rcu();
    catalogue_free(old);
    return OK;
}

/* Milliseconds until the next epoch opens or closes, or the next list ends, at most MOST. */
static int64_t next_turn_ms(const struct follow *follow, int64_t now_ms, int64_t most)
{
    rcu_read_lock();
    const struct catalogue *catalogue = rcu_dereference(follow->current);
    for (size_t i = 0; i < catalogue->epoch_count; i++) {
        int64_t opens = catalogue->epochs[i].opens_ms - now_ms, closes = catalogue->epochs[i].closes_ms - now_ms;

        if (opens > 0 && opens < most) most = opens;
        if (closes > 0 && closes < most) most = closes;
    }
    for (size_t i = 0; i < catalogue->list_count; i++) {
        int64_t ends = catalogue->lists[i].ends_ms - now_ms;

        if (ends > 0 && ends < most) most = ends;
    }
    rcu_read_unlock();
    return most;
}

void *follow_keep_time(void *context)
{
    struct follow *follow = context;

    while (follow_pause(follow, next_turn_ms(follow, follow_now_ms(follow), FOLLOW_REFRESH_MS), &follow->refresh)) {
        /* Without memory the last views stay, and their ages; it is tried again within a second. */
        if (follow_catalogue(follow) != NULL) (void)failed(follow_publish(follow, NULL));
    }
    return NULL;
}
