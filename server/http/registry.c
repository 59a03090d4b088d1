#include "server/http/registry.h"

#include <pthread.h>
#include <stdatomic.h>

#include "server/http/log.h"

#define NAMED_ON_LOG 16 /* comers and goers of one change that the log names */

struct seen { /* how the file looked when it was last read, or tried */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed; /* content, owner or mode */
};

struct registry {
    char *file;
    unsigned roles;
    atomic_uint_least64_t generation;
    atomic_bool broken;
    pthread_mutex_t loading; /* over seen, unsettled: the ticker and whoever registers somebody */
    struct seen seen, unsettled;
    pthread_rwlock_t lock; /* over roll: read once in a connection and change */
    struct roll roll;
};

/* -- loading ----------------------------------------------------------------------------------- */

static struct seen seen_of(const struct stat *info)
{
    return (struct seen){ info->st_dev, info->st_ino, info->st_size, info->st_ctim };
}

static bool same(const struct seen *a, const struct seen *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static void complain(const struct registry *registry, unsigned line, const char *why, bool starting)
{
    const char *stays = starting ? "" : ", who was registered stays so";
    if (line > 0)
        log_line(LOG_ERR, "the registry is not usable%s: %s, line %u: %s", stays, registry->file, line, why);
    else
        log_line(LOG_ERR, "the registry is not usable%s: %s: %s", stays, registry->file, why);
}

/* One line for each name of A that B lacks. */
static size_t tell_missing(const struct roll *a, const struct roll *b, const char *what)
{
    size_t count = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct roll_entry *entry = &a->entries[i];
        if (roll_find(b, entry->name) != NULL || ++count > NAMED_ON_LOG) continue;
        bool by = *entry->by != 0 && strcmp(what, "registered") == 0;
        log_line(LOG_NOTICE, "%s: %s%s%s", what, entry->name, by ? ", by " : "", by ? entry->by : "");
    }
    return count;
}

static void tell(const struct roll *before, const struct roll *after)
{
    size_t come = tell_missing(after, before, "registered");
    size_t gone = tell_missing(before, after, "no longer registered");
    log_line(LOG_NOTICE, "registry loaded: %zu name(s), %zu new, %zu gone", after->count, come, gone);
}

/* Under `loading`, or at start. */
static bool load(struct registry *registry, bool starting)
{
    struct roll roll;
    struct stat info;
    unsigned line;
    const char *why;
    bool good = roll_read(registry->file, registry->roles, &roll, &info, &line, &why);
    registry->seen = registry->unsettled = seen_of(&info);
    atomic_store(&registry->broken, !good);
    if (!good) {
        complain(registry, line, why, starting);
        roll_clear(&roll);
        return false;
    }
    if (!starting) tell(&registry->roll, &roll);
    pthread_rwlock_wrlock(&registry->lock);
    struct roll old = registry->roll;
    registry->roll = roll;
    atomic_fetch_add(&registry->generation, 1);
    pthread_rwlock_unlock(&registry->lock);
    roll_clear(&old);
    return true;
}

struct result registry_create(const char *file, unsigned roles, struct registry **out)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (registry == NULL) return FAIL(REASON_SETTINGS);
    registry->file = strdup(file);
    registry->roles = roles;
    atomic_init(&registry->generation, 1);
    pthread_mutex_init(&registry->loading, NULL);
    pthread_rwlock_init(&registry->lock, NULL);
    if (registry->file == NULL || !load(registry, true)) {
        registry_destroy(registry);
        return FAIL(REASON_SETTINGS);
    }
    if (registry->roll.count == 0) log_line(LOG_WARNING, "nobody is registered: %s", file);
    *out = registry;
    return OK;
}

void registry_destroy(struct registry *registry)
{
    if (registry == NULL) return;
    roll_clear(&registry->roll);
    pthread_rwlock_destroy(&registry->lock);
    pthread_mutex_destroy(&registry->loading);
    free(registry->file);
    free(registry);
}

/* Replaced by another file (renamed onto it): that was written whole.  Changed in place: wait until it is still. */
static bool settled(struct registry *registry, const struct seen *now)
{
    bool replaced = now->inode != registry->seen.inode || now->device != registry->seen.device;
    bool still = same(now, &registry->unsettled);
    registry->unsettled = *now;
    return replaced || still;
}

void registry_poll(struct registry *registry)
{
    struct stat info = { 0 }; /* zeros: it is gone */
    pthread_mutex_lock(&registry->loading);
    if (stat(registry->file, &info) != 0) memset(&info, 0, sizeof info);
    struct seen now = seen_of(&info);
    if (!same(&now, &registry->seen) && settled(registry, &now)) (void)load(registry, false);
    pthread_mutex_unlock(&registry->loading);
}

/* -- asking ------------------------------------------------------------------------------------ */

uint64_t registry_generation(const struct registry *registry)
{
    return atomic_load_explicit(&registry->generation, memory_order_acquire);
}

bool registry_find(struct registry *registry, const char *name, struct registration *out)
{
    pthread_rwlock_rdlock(&registry->lock);
    const struct roll_entry *entry = roll_find(&registry->roll, name);
    if (entry != NULL) {
        memcpy(out->quota, entry->quota, sizeof out->quota);
        out->since_s = entry->since_s;
        out->rights = entry->rights;
    }
    pthread_rwlock_unlock(&registry->lock);
    return entry != NULL;
}

void registry_state(struct registry *registry, struct registry_state *state)
{
    pthread_rwlock_rdlock(&registry->lock);
    state->count = registry->roll.count;
    pthread_rwlock_unlock(&registry->lock);
    state->broken = atomic_load(&registry->broken);
}

json_t *registry_state_json(struct registry *registry)
{
    struct registry_state state;
    registry_state(registry, &state);
    return json_pack("{sI sb}", "names", (json_int_t)state.count, "broken", state.broken);
}

bool registry_each(struct registry *registry, void (*each)(void *context, const struct roll_entry *entry),
                   void *context)
{
    pthread_rwlock_rdlock(&registry->lock);
    size_t count = registry->roll.count;
    struct roll_entry *copy = malloc(count * sizeof *copy + 1);
    if (copy != NULL && count > 0) memcpy(copy, registry->roll.entries, count * sizeof *copy);
    pthread_rwlock_unlock(&registry->lock);
    if (copy == NULL) return false;
    for (size_t i = 0; i < count; i++) each(context, &copy[i]);
    free(copy);
    return true;
}

unsigned registry_roles(const struct registry *registry)
{
    return registry->roles;
}

/* -- changing ---------------------------------------------------------------------------------- */

struct putting {
    struct roll_entry entry;
    bool fresh;
};

static struct result put(void *context, struct roll *roll)
{
    struct putting *putting = context;
    const struct roll_entry *old = roll_find(roll, putting->entry.name);
    struct roll_entry *entry = &putting->entry;
    putting->fresh = old == NULL;
    if (*entry->quota == 0)
        snprintf(entry->quota, sizeof entry->quota, "%s", old == NULL ? roll_quota_default(entry->role) : old->quota);
    if (entry->rights == 0) entry->rights = old == NULL ? roll_rights_default(entry->role) : old->rights;
    if (old != NULL && strcmp(entry->quota, old->quota) == 0 && entry->rights == old->rights)
        *entry = *old;
    else if (old != NULL)
        entry->since_s = old->since_s;
    return roll_put(roll, entry);
}

struct removing {
    const char *name;
    unsigned keep;
};

static struct result drop(void *context, struct roll *roll)
{
    const struct removing *removing = context;
    const struct roll_entry *entry = roll_find(roll, removing->name);
    if (entry == NULL) return FAIL(REASON_NOT_FOUND);
    if ((entry->role & removing->keep) != 0 && roll_count(roll, removing->keep) == 1) return FAIL(REASON_LAST_OPERATOR);
    (void)roll_remove(roll, removing->name);
    return OK;
}

/* What is on the disk then counts, also if the folder could not be synced. */
static struct result change(struct registry *registry, roll_change_fn what, void *context)
{
    struct result result = roll_change(registry->file, registry->roles, false, what, context);
    pthread_mutex_lock(&registry->loading);
    if (!failed(result) && !load(registry, false)) result = FAIL(REASON_REGISTRY);
    pthread_mutex_unlock(&registry->loading);
    return result;
}

struct result registry_put(struct registry *registry, struct roll_entry *entry, bool *fresh)
{
    struct putting putting = { .entry = *entry };
    struct result result = change(registry, put, &putting);
    *fresh = putting.fresh;
    if (!failed(result)) *entry = putting.entry;
    return result;
}

struct result registry_remove(struct registry *registry, const char *name, unsigned keep)
{
    struct removing removing = { name, keep };
    return change(registry, drop, &removing);
}
