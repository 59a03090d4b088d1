/* See served.h.  The file: a version, then for each list agency and id (a byte of length in front), whether it is covert, edition (8, big endian), MAC. */
#include "server/gate/served.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/http/file_io.h"
#include "server/http/sealed_file.h"

#define SERVED_FILE "served.sealed"
#define LOCK_FILE "served.lock"
#define PURPOSE "platesieve/1/served"
#define FILE_VERSION 1
#define ROW_MAX (2 * (1 + LIMIT_NAME_MAX) + 1 + 8 + LIST_MAC_BYTES)
_Static_assert(1 + LIMIT_LISTS * ROW_MAX <= SEALED_PLAIN_MAX, "all lists fit into the file");
_Static_assert(LIMIT_NAME_MAX < 256, "a byte holds a name's length");

struct row {
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
    bool covert;
    uint64_t edition;
    uint8_t mac[LIST_MAC_BYTES];
};

struct served {
    const struct gate_state *state;
    int lock_file;
    pthread_mutex_t lock;
    size_t count, room;
    struct row *rows;
    bool changed, lost; /* lost: something could not be noted */
};

/* -- the file ------------------------------------------------------------------------------------------------------ */

static uint8_t *put_text(uint8_t *at, const char *text)
{
    size_t size = strlen(text);

    *at = (uint8_t)size;
    memcpy(at + 1, text, size);
    return at + 1 + size;
}

static const uint8_t *take_text(const uint8_t *at, const uint8_t *end, char *text)
{
    if (at == NULL || at == end || *at > LIMIT_NAME_MAX || (size_t)(end - at) < 1u + *at) return NULL;
    memcpy(text, at + 1, *at);
    text[*at] = '\0';
    return at + 1 + *at;
}

static size_t write_rows(const struct served *served, uint8_t *plain)
{
    uint8_t *at = plain;

    *at++ = FILE_VERSION;
    for (size_t i = 0; i < served->count; i++) {
        const struct row *row = &served->rows[i];

        at = put_text(put_text(at, row->agency), row->list);
        *at++ = row->covert;
        for (int shift = 56; shift >= 0; shift -= 8) *at++ = (uint8_t)(row->edition >> shift);
        memcpy(at, row->mac, LIST_MAC_BYTES);
        at += LIST_MAC_BYTES;
    }
    return (size_t)(at - plain);
}

static bool read_rows(struct served *served, const uint8_t *plain, size_t size)
{
    const uint8_t *at = plain + 1, *end = plain + size;

    if (size == 0 || plain[0] != FILE_VERSION) return false;
    served->room = LIMIT_LISTS;
    served->rows = calloc(served->room, sizeof *served->rows);
    if (served->rows == NULL) return false;
    while (at != end) {
        struct row *row = &served->rows[served->count];

        if (served->count == LIMIT_LISTS) return false;
        at = take_text(take_text(at, end, row->agency), end, row->list);
        if (at == NULL || (size_t)(end - at) < 1 + 8 + LIST_MAC_BYTES) return false;
        row->covert = *at++ != 0;
        for (size_t i = 0; i < 8; i++) row->edition = row->edition << 8 | *at++;
        memcpy(row->mac, at, LIST_MAC_BYTES);
        at += LIST_MAC_BYTES;
        served->count++;
    }
    return true;
}

static struct result read_file(struct served *served, FILE *errors)
{
    uint8_t *plain = malloc(SEALED_PLAIN_MAX);
    size_t size = 0;

    if (plain == NULL) return FAIL(REASON_INTERNAL);
    struct result result = gate_state_file_read(served->state, SERVED_FILE, PURPOSE, plain, SEALED_PLAIN_MAX, &size);
    if (!failed(result) && !read_rows(served, plain, size)) result = FAIL(REASON_INTERNAL);
    free(plain);
    if (result.reason == REASON_NOT_FOUND) return OK;
    if (failed(result))
        fprintf(errors, "%s/" SERVED_FILE " can't be opened: what lists were served is not known; see accept-older in platesieved(8)\n",
                gate_state_folder(served->state));
    return result;
}

static struct result lock_folder(struct served *served, FILE *errors)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s/" LOCK_FILE, gate_state_folder(served->state)) >= (int)sizeof path) return FAIL(REASON_INTERNAL);
    served->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (served->lock_file >= 0 && file_lock(served->lock_file)) return OK;
    bool held = served->lock_file >= 0 && errno == EWOULDBLOCK;
    fprintf(errors, "%s: %s\n", path, held ? "held: a gate runs with this state folder" : strerror(errno));
    return FAIL(held ? REASON_BUSY : REASON_INTERNAL);
}

struct result served_open(const struct gate_state *state, bool afresh, FILE *errors, struct served **out)
{
    struct served *served = calloc(1, sizeof *served);

    *out = NULL;
    if (served == NULL) return FAIL(REASON_INTERNAL);
    served->state = state;
    served->lock_file = -1;
    pthread_mutex_init(&served->lock, NULL);
    struct result result = lock_folder(served, errors);
    if (!failed(result) && !afresh) result = read_file(served, errors);
    served->changed = afresh;
    if (failed(result)) served_close(served);
    else *out = served;
    return result;
}

void served_close(struct served *served)
{
    if (served == NULL) return;
    if (served->lock_file >= 0) close(served->lock_file);
    pthread_mutex_destroy(&served->lock);
    free(served->rows);
    free(served);
}

struct result served_save(struct served *served)
{
    uint8_t *plain = NULL;
    size_t size = 0;

    pthread_mutex_lock(&served->lock);
    bool changed = served->changed, lost = served->lost;
    if (changed) plain = malloc(1 + served->count * ROW_MAX);
    if (plain != NULL) size = write_rows(served, plain);
    served->changed = changed && plain == NULL;
    served->lost = false;
    pthread_mutex_unlock(&served->lock);
    if (!changed) return lost ? FAIL(REASON_BUSY) : OK;
    if (plain == NULL) return FAIL(REASON_BUSY);
    struct result result = gate_state_file_write(served->state, SERVED_FILE, PURPOSE, plain, size);
    free(plain);
    if (!failed(result)) return lost ? FAIL(REASON_BUSY) : OK;
    pthread_mutex_lock(&served->lock);
    served->changed = true; /* again at the next call */
    pthread_mutex_unlock(&served->lock);
    return result;
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

static struct row *find(const struct served *served, const char *agency, const char *list)
{
    for (size_t i = 0; i < served->count; i++)
        if (strcmp(served->rows[i].agency, agency) == 0 && strcmp(served->rows[i].list, list) == 0) return &served->rows[i];
    return NULL;
}

bool served_is_older(struct served *served, const char *agency, const char *list, uint64_t edition, const uint8_t mac[LIST_MAC_BYTES])
{
    pthread_mutex_lock(&served->lock);
    const struct row *row = find(served, agency, list);
    bool older = row != NULL && (edition < row->edition || (edition == row->edition && memcmp(mac, row->mac, LIST_MAC_BYTES) != 0));
    pthread_mutex_unlock(&served->lock);
    return older;
}

static struct row *add(struct served *served, const char *agency, const char *list)
{
    if (served->count == LIMIT_LISTS) return NULL;
    if (served->count == served->room) {
        size_t room = served->room == 0 ? 16 : served->room * 2;
        struct row *longer = realloc(served->rows, room * sizeof *longer);

        if (longer == NULL) return NULL;
        served->rows = longer;
        served->room = room;
    }
    struct row *row = &served->rows[served->count++];
    *row = (struct row){ .edition = 0 };
    (void)snprintf(row->agency, sizeof row->agency, "%s", agency);
    (void)snprintf(row->list, sizeof row->list, "%s", list);
    return row;
}

void served_note(struct served *served, const char *agency, const char *list, uint64_t edition, const uint8_t mac[LIST_MAC_BYTES], bool covert)
{
    pthread_mutex_lock(&served->lock);
    struct row *row = find(served, agency, list);
    if (row == NULL) row = add(served, agency, list);
    if (row == NULL) {
        served->lost = true;
    } else if (row->edition < edition) {
        row->edition = edition;
        row->covert = covert;
        memcpy(row->mac, mac, LIST_MAC_BYTES);
        served->changed = true;
    }
    pthread_mutex_unlock(&served->lock);
}

void served_each(struct served *served, void (*each)(void *context, const char *agency, const char *list, bool covert), void *context)
{
    pthread_mutex_lock(&served->lock);
    for (size_t i = 0; i < served->count; i++) each(context, served->rows[i].agency, served->rows[i].list, served->rows[i].covert);
    pthread_mutex_unlock(&served->lock);
}

size_t served_forget(struct served *served, const char *agency, const char *list)
{
    size_t kept = 0, before;

    pthread_mutex_lock(&served->lock);
    before = served->count;
    for (size_t i = 0; i < before; i++) {
        bool is = agency == NULL || (strcmp(served->rows[i].agency, agency) == 0 && strcmp(served->rows[i].list, list) == 0);
        if (!is) served->rows[kept++] = served->rows[i];
    }
    served->count = kept;
    served->changed = served->changed || kept != before;
    pthread_mutex_unlock(&served->lock);
    return before - kept;
}
