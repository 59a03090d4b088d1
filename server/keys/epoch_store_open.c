/* Making a store, opening it, and giving it a share of a ceremony's seeds. */
#include "server/keys/epoch_store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <unistd.h>

#include "server/http/file_io.h"
#include "server/http/sealed_file.h"
#include "server/keys/epoch_file.h"
#include "server/keys/epoch_key.h"

#define MARK "store"
#define MARK_PURPOSE "platesieve/1/epoch-store"
#define MARK_BYTES 16
#define LOCK "lock"
#define SHARE_REMNANT SHARE_FILE_NAME ".new"

static struct result complain(FILE *errors, const char *folder, const char *name, const char *why)
{
    fprintf(errors, "%s/%s: %s\n", folder, name, why);
    return FAIL(REASON_INTERNAL);
}

/* -- making one -------------------------------------------------------------------------------- */

struct result epoch_store_free(const char *folder, FILE *errors)
{
    if (sealed_file_exists(folder, MARK)) return complain(errors, folder, MARK, "this folder holds epoch keys already");
    return OK;
}

struct result epoch_store_create(const char *folder, const uint8_t *master, FILE *errors)
{
    uint8_t mark[MARK_BYTES];
    TRY(folder_create(folder, errors));
    TRY(epoch_store_free(folder, errors));
    randombytes_buf(mark, sizeof mark);
    if (failed(sealed_file_write(folder, MARK, master, MARK_PURPOSE, mark, sizeof mark)))
        return complain(errors, folder, MARK, "can't be written");
    return OK;
}

/* -- opening ----------------------------------------------------------------------------------- */

/* The erased file of an epoch is written before its key's file is erased: if both are there, the daemon was stopped in
   between. */
static struct result settle_pair(struct epoch_store *store, const struct epoch *epoch, struct held *twin)
{
    if (strcmp(twin->epoch.id, epoch->id) != 0 || twin->epoch.erased == epoch->erased) return FAIL(REASON_INTERNAL);
    struct epoch live = epoch->erased ? twin->epoch : *epoch;
    TRY(epoch_file_erase(store->folder, &live));
    epoch_key_retire(twin->key);
    twin->key = NULL;
    if (epoch->erased) twin->epoch = *epoch;
    return OK;
}

static struct result place(struct epoch_store *store, const char *name, struct epoch *epoch, const uint8_t *secret,
                           FILE *errors)
{
    struct held *twin = epoch_store_find_number(store, epoch->number);
    struct epoch_key *key = NULL;
    if (twin != NULL) {
        struct result result = settle_pair(store, epoch, twin);
        return failed(result) ? complain(errors, store->folder, name, "another file has the same number") : result;
    }
    if (store->count == LIMIT_EPOCHS_KNOWN || epoch_store_find_id(store, epoch->id) != NULL)
        return complain(errors, store->folder, name, "too many epochs, or one twice");
    if (!epoch->erased && failed(epoch_key_create(epoch, secret, &key)))
        return complain(errors, store->folder, name, "no memory can be locked for its key");
    epoch_store_insert(store, epoch, key);
    return OK;
}

static struct result load(struct epoch_store *store, const char *name, FILE *errors)
{
    struct epoch epoch;
    if (!epoch_file_parse_name(name, &epoch)) return complain(errors, store->folder, name, "does not belong here");
    uint8_t *secret = platesieve_secret_allocate(EPOCH_SECRET_BYTES);
    if (secret == NULL) return complain(errors, store->folder, name, "no memory can be locked for its key");
    struct result result = epoch_file_read(store->folder, store->master, &epoch, secret);
    if (failed(result))
        (void)complain(errors, store->folder, name, "is broken, or sealed under another master key");
    else
        result = place(store, name, &epoch, secret, errors);
    platesieve_secret_free(secret);
    return result;
}

/* What a write leaves that was cut off; never renamed into place, so nobody was ever given that key. */
static bool is_remnant(const char *name)
{
    char whole[EPOCH_FILE_NAME_SIZE];
    struct epoch epoch;
    size_t size = strlen(name);
    if (strcmp(name, SHARE_REMNANT) == 0) return true;
    if (size < 4 || strcmp(name + size - 4, ".new") != 0 || size - 4 >= sizeof whole) return false;
    memcpy(whole, name, size - 4);
    whole[size - 4] = 0;
    return epoch_file_parse_name(whole, &epoch);
}

/* Files that are not epochs: ours, the book of quotas (whole, or cut off while it was made), and the file system's. */
static bool is_known(const char *name)
{
    static const char *const known[] = { MARK, LOCK, SHARE_FILE_NAME, "quota", "quota.new", "lost+found" };
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (strcmp(name, known[i]) == 0) return true;
    return false;
}

static struct result load_all(struct epoch_store *store, FILE *errors)
{
    DIR *folder = opendir(store->folder);
    if (folder == NULL) return complain(errors, store->folder, "", strerror(errno));
    struct result result = OK;
    for (struct dirent *item; !failed(result) && (item = readdir(folder)) != NULL;) {
        const char *name = item->d_name;
        if (name[0] == '.' || is_known(name)) continue;
        result = is_remnant(name) ? sealed_file_erase(store->folder, name) : load(store, name, errors);
    }
    closedir(folder);
    return result;
}

/* *LOCK is to be closed by the caller, unless it is negative. */
static struct result take_lock(const char *folder, int *lock, FILE *errors)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, LOCK) >= (int)sizeof path)
        return complain(errors, folder, LOCK, "path too long");
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*lock < 0) return complain(errors, folder, LOCK, strerror(errno));
    if (!file_lock(*lock))
        return complain(errors, folder, LOCK, "another key server uses this folder");
    return OK;
}

static struct result check_mark(const char *folder, const uint8_t *master, FILE *errors)
{
    uint8_t mark[MARK_BYTES];
    size_t size;
    struct result result = sealed_file_read(folder, MARK, master, MARK_PURPOSE, mark, sizeof mark, &size);
    if (result.reason == REASON_NOT_FOUND)
        return complain(errors, folder, MARK, "there is none; make it with: platesieve-keyd init");
    if (failed(result)) return complain(errors, folder, MARK, "is broken, or sealed under another master key");
    return OK;
}

struct result epoch_store_give_share(const char *folder, const uint8_t *master, const struct share *share,
                                     FILE *errors)
{
    int lock = -1;
    TRY(check_mark(folder, master, errors));
    struct result result = take_lock(folder, &lock, errors);
    if (!failed(result) && failed(share_save(folder, master, share)))
        result = complain(errors, folder, SHARE_FILE_NAME, "can't be written");
    if (lock >= 0) close(lock);
    return result;
}

static struct result load_share(struct epoch_store *store, FILE *errors)
{
    store->share = platesieve_secret_allocate(sizeof *store->share);
    if (store->share == NULL) return complain(errors, store->folder, SHARE_FILE_NAME, "no memory can be locked for it");
    struct result result = share_load(store->folder, store->master, store->share);
    store->share_written = !failed(result);
    if (!failed(result)) return OK;
    platesieve_secret_free(store->share);
    store->share = NULL;
    if (result.reason == REASON_NOT_FOUND) return OK;
    return complain(errors, store->folder, SHARE_FILE_NAME, "is broken, or sealed under another master key");
}

/* A store that shared keys and lost its seeds would make whole keys from then on, and have them alone. */
static struct result check_share(const struct epoch_store *store, FILE *errors)
{
    if (store->share != NULL) return OK;
    for (size_t i = 0; i < store->count; i++)
        if (store->epochs[i].epoch.server != 0)
            return complain(errors, store->folder, SHARE_FILE_NAME,
                            "is missing, and epochs have shares of keys: give it one with platesieve-keyd share");
    return OK;
}

static struct result open_parts(struct epoch_store *store, FILE *errors)
{
    TRY(check_mark(store->folder, store->master, errors));
    TRY(take_lock(store->folder, &store->lock, errors));
    TRY(load_share(store, errors));
    TRY(load_all(store, errors));
    return check_share(store, errors);
}

struct result epoch_store_open(const char *folder, const uint8_t *master, FILE *errors, struct epoch_store **out)
{
    struct epoch_store *store = calloc(1, sizeof *store);
    if (store == NULL) return FAIL(REASON_INTERNAL);
    store->lock = -1;
    pthread_rwlock_init(&store->guard, NULL);
    store->folder = strdup(folder);
    store->master = platesieve_secret_allocate(PLATESIEVE_KEY_BYTES);
    struct result result = OK;
    if (store->folder == NULL || store->master == NULL) {
        result = complain(errors, folder, "", "no memory can be locked for the master key");
    } else {
        memcpy(store->master, master, PLATESIEVE_KEY_BYTES);
        result = open_parts(store, errors);
    }
    if (failed(result))
        epoch_store_close(store);
    else
        *out = store;
    return result;
}

void epoch_store_close(struct epoch_store *store)
{
    if (store == NULL) return;
    while (store->count > 0) epoch_store_drop(store, store->count - 1);
    if (store->lock >= 0) close(store->lock);
    platesieve_secret_free(store->share);
    platesieve_secret_free(store->master);
    pthread_rwlock_destroy(&store->guard);
    free(store->folder);
    free(store);
}
