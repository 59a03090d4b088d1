#include "server/http/quota_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/http/file_io.h"
#include "server/http/log.h"
#include "server/http/quota_word.h"

#define NAME "quota"
#define MAGIC "platesieve-quota"
#define FORMAT 1
#define HEAD_BYTES 4096
#define PIECE_BYTES 65536
#define MINUTES_A_DAY 1440
#define HASH_OF_NONE UINT32_MAX /* of a place whose name is lost: it is taken over when the table is full */

struct head {
    char magic[16];
    uint32_t version, side, record_bytes, records;
};

#define FILE_BYTES (HEAD_BYTES + LIMIT_QUOTA_RECORDS * sizeof(struct quota_record))

_Static_assert(sizeof(struct quota_record) == 256, "the file's records have this size");
_Static_assert(sizeof(MAGIC) - 1 == sizeof((struct head){ 0 }.magic), "the magic fills its field");
_Static_assert(FILE_BYTES % PIECE_BYTES == HEAD_BYTES, "the records are whole pieces");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a word in the file is a word");

static struct result complain(FILE *errors, const char *path, const char *why)
{
    fprintf(errors, "%s: %s\n", path, why);
    return FAIL(REASON_SETTINGS);
}

/* -- names ------------------------------------------------------------------------------------- */

/* FNV-1a.  Names are registered by an operator, so nobody can choose them to collide. */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name != 0; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash == 0 || hash == HASH_OF_NONE ? 1 : hash;
}

static bool is_name(const char name[LIMIT_IDENTITY_MAX + 1])
{
    size_t size = strnlen(name, LIMIT_IDENTITY_MAX + 1);
    if (size == 0 || size > LIMIT_IDENTITY_MAX) return false;
    for (size_t i = 0; i < size; i++)
        if (name[i] <= ' ' || name[i] > '~') return false;
    return true;
}

/* -- making ------------------------------------------------------------------------------------ */

static bool fill(int fd, enum quota_side side)
{
    static const uint8_t zeros[PIECE_BYTES];
    uint8_t page[HEAD_BYTES] = { 0 };
    struct head head = { MAGIC, FORMAT, side, sizeof(struct quota_record), LIMIT_QUOTA_RECORDS };
    memcpy(page, &head, sizeof head);
    if (!file_write_all(fd, page, sizeof page)) return false;
    for (size_t at = HEAD_BYTES; at < FILE_BYTES; at += PIECE_BYTES)
        if (!file_write_all(fd, zeros, PIECE_BYTES)) return false;
    return fsync(fd) == 0;
}

/* Under another name first, so that what bears the name is whole. */
static struct result make(const char *folder, const char *path, enum quota_side side, FILE *errors)
{
    char fresh[PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh) return complain(errors, path, "path too long");
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool made = fd >= 0 && fill(fd, side);
    if (fd >= 0 && close(fd) != 0) made = false;
    made = made && rename(fresh, path) == 0;
    if (!made) return complain(errors, path, strerror(errno));
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool durable = directory >= 0 && fsync(directory) == 0;
    if (directory >= 0) close(directory);
    return durable ? OK : complain(errors, path, strerror(errno));
}

/* -- opening ----------------------------------------------------------------------------------- */

static const char *head_problem(int fd, enum quota_side side)
{
    struct head head;
    struct stat stat;
    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode)) return "is not a file";
    if ((stat.st_mode & 077) != 0) return "others may read it: mode 0600, please";
    if (pread(fd, &head, sizeof head, 0) != sizeof head || memcmp(head.magic, MAGIC, sizeof head.magic) != 0)
        return "is not a book of quotas, or damaged; move it away to begin a new one, in which nothing is spent today";
    if (head.version != FORMAT || head.side != (uint32_t)side || head.record_bytes != sizeof(struct quota_record) ||
        head.records != LIMIT_QUOTA_RECORDS || stat.st_size != (off_t)FILE_BYTES)
        return "is a book of quotas of another program, version or size; move it away to begin a new one, in which "
               "nothing is spent today";
    return NULL;
}

static struct result open_file(const char *folder, enum quota_side side, FILE *errors, int *fd)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" NAME, folder) >= (int)sizeof path) return complain(errors, folder, "path too long");
    if (access(path, F_OK) != 0 && errno == ENOENT) TRY(make(folder, path, side, errors));
    *fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0) return complain(errors, path, strerror(errno));
    const char *problem = head_problem(*fd, side);
    if (problem == NULL && !file_lock(*fd)) problem = "another daemon uses it";
    if (problem == NULL) return OK;
    close(*fd);
    return complain(errors, path, problem);
}

static bool is_recent(const struct quota_record *record, uint64_t today)
{
    uint64_t last = 0;
    for (unsigned i = 0; i < QUOTA_COUNTERS; i++) {
        uint64_t window = quota_word_window(record->spent[QUOTA_DAY][i]);
        if (window > last) last = window;
    }
    return last + 1 >= today;
}

/* A charge brings day and minute to the same time, within a day where the clock went back over midnight. */
static bool is_plausible(const struct quota_record *record)
{
    uint64_t last[QUOTA_WINDOWS] = { 0 };
    for (unsigned w = 0; w < QUOTA_WINDOWS; w++)
        for (unsigned i = 0; i < QUOTA_COUNTERS; i++)
            if (quota_word_window(record->spent[w][i]) > last[w]) last[w] = quota_word_window(record->spent[w][i]);
    uint64_t day = last[QUOTA_MINUTE] / MINUTES_A_DAY;
    return day + 1 >= last[QUOTA_DAY] && day <= last[QUOTA_DAY] + 1;
}

static void set_all(struct quota_record *record, uint64_t today, uint64_t count)
{
    for (unsigned i = 0; i < QUOTA_COUNTERS; i++) {
        atomic_store_explicit(&record->spent[QUOTA_DAY][i], quota_word(today, count), memory_order_relaxed);
        atomic_store_explicit(&record->spent[QUOTA_MINUTE][i], quota_word(today * MINUTES_A_DAY, count), memory_order_relaxed);
    }
}

/* Records keep their places: a name is found by going on from where it should be to the first free one. */
static void look_through(struct quota_file *file, uint64_t today)
{
    unsigned nameless = 0, spent = 0;
    for (size_t i = 0; i < LIMIT_QUOTA_RECORDS; i++) {
        struct quota_record *record = &file->records[i];
        if (!quota_record_used(record)) continue;
        record->profile = QUOTA_NO_PROFILE;
        if (!is_name(record->name) || record->hash != hash_of(record->name)) {
            nameless += record->name[0] != 0;
            memset(record, 0, sizeof *record);
            record->hash = HASH_OF_NONE;
        } else if (!is_plausible(record)) {
            set_all(record, today, QUOTA_COUNT_MAX);
            spent++;
        }
    }
    if (nameless > 0) log_line(LOG_ERR, "quota: %u damaged records are dropped: whose they were can't be said", nameless);
    if (spent > 0) log_line(LOG_ERR, "quota: %u damaged records count as spent for today", spent);
}

struct result quota_file_open(const char *folder, enum quota_side side, uint64_t today, FILE *errors,
                              struct quota_file *file)
{
    *file = (struct quota_file){ .fd = -1 };
    TRY(open_file(folder, side, errors, &file->fd));
    file->map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    if (file->map == MAP_FAILED) {
        file->map = NULL;
        quota_file_close(file);
        return complain(errors, folder, "the book of quotas can't be mapped");
    }
    file->records = (struct quota_record *)(void *)((char *)file->map + HEAD_BYTES);
    pthread_mutex_init(&file->lock, NULL);
    look_through(file, today);
    return OK;
}

void quota_file_close(struct quota_file *file)
{
    if (file->map != NULL) {
        (void)!quota_file_sync(file);
        munmap(file->map, FILE_BYTES);
        pthread_mutex_destroy(&file->lock);
    }
    if (file->fd >= 0) close(file->fd);
    file->map = NULL;
    file->fd = -1;
}

bool quota_file_sync(struct quota_file *file)
{
    return msync(file->map, FILE_BYTES, MS_SYNC) == 0;
}

/* -- records ----------------------------------------------------------------------------------- */

/* Where NAME is, or the free place that it would take; NULL in a full table without it. */
static struct quota_record *place_of(struct quota_file *file, const char *name)
{
    uint32_t hash = hash_of(name);
    for (size_t i = 0; i < LIMIT_QUOTA_RECORDS; i++) {
        struct quota_record *record = &file->records[(hash + i) % LIMIT_QUOTA_RECORDS];
        uint32_t found = atomic_load_explicit(&record->hash, memory_order_acquire);
        if (found == 0 || (found == hash && strcmp(record->name, name) == 0)) return record;
    }
    return NULL;
}

struct quota_record *quota_file_find(struct quota_file *file, const char *name)
{
    struct quota_record *record = place_of(file, name);
    return record != NULL && quota_record_used(record) ? record : NULL;
}

/* A record whose name has not been used since the day before yesterday; nobody holds it. */
static struct quota_record *take_over(struct quota_file *file, uint64_t today)
{
    for (size_t i = 0; i < LIMIT_QUOTA_RECORDS; i++)
        if (!is_recent(&file->records[i], today)) return &file->records[i];
    return NULL;
}

static struct quota_record *take_place(struct quota_file *file, const char *name, uint64_t today)
{
    struct quota_record *record = place_of(file, name);
    if (record != NULL && quota_record_used(record)) return record; /* another thread was quicker */
    if (record == NULL) record = take_over(file, today);
    if (record == NULL) return NULL;
    atomic_store_explicit(&record->hash, 0, memory_order_release);
    memset(record, 0, sizeof *record);
    memcpy(record->name, name, strlen(name) + 1);
    record->profile = QUOTA_NO_PROFILE;
    set_all(record, today, 0);
    atomic_store_explicit(&record->hash, hash_of(name), memory_order_release);
    return record;
}

struct quota_record *quota_file_record(struct quota_file *file, const char *name, uint64_t today)
{
    struct quota_record *record = quota_file_find(file, name);
    if (record != NULL) return record;
    pthread_mutex_lock(&file->lock);
    record = take_place(file, name, today);
    pthread_mutex_unlock(&file->lock);
    return record;
}
