#include "client/pages.h"

#include <platesieve/platesieve.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* Linux 5.18; refused by an older one, where pages just stay */
#endif

struct pages {
    uint8_t *memory;
    size_t page, count;
    size_t stay; /* pages at the beginning */
    pthread_mutex_t mutex;
    bool *taken; /* of each page */
    size_t used;
};

static uint8_t *reserve(size_t size)
{
    uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) return NULL;
    if (mlock2(memory, size, MLOCK_ONFAULT) == 0) {
        (void)madvise(memory, size, MADV_DONTDUMP);
        (void)madvise(memory, size, MADV_DONTFORK);
        return memory;
    }
    munmap(memory, size);
    return NULL;
}

struct pages *pages_create(size_t bytes, size_t least, size_t stays)
{
    struct pages *pages = calloc(1, sizeof(*pages));

    if (pages == NULL) return NULL;
    pthread_mutex_init(&pages->mutex, NULL);
    pages->page = (size_t)sysconf(_SC_PAGESIZE);
    pages->stay = stays / pages->page;
    for (;; bytes /= 2) {
        pages->count = (bytes + pages->page - 1) / pages->page;
        pages->memory = reserve(pages->count * pages->page);
        if (pages->memory != NULL || bytes / 2 < least || bytes < 2) break;
    }
    if (pages->memory != NULL) pages->taken = calloc(pages->count, sizeof(*pages->taken));
    if (pages->taken != NULL) return pages;
    pages_destroy(pages);
    return NULL;
}

void pages_destroy(struct pages *pages)
{
    if (pages == NULL) return;
    for (size_t i = 0; pages->taken != NULL && i < pages->count; i++)
        if (pages->taken[i]) platesieve_wipe(pages->memory + i * pages->page, pages->page);
    if (pages->memory != NULL) munmap(pages->memory, pages->count * pages->page);
    pthread_mutex_destroy(&pages->mutex);
    free(pages->taken);
    free(pages);
}

size_t pages_size(const struct pages *pages)
{
    return pages->count * pages->page;
}

size_t pages_used(struct pages *pages)
{
    size_t used;

    pthread_mutex_lock(&pages->mutex);
    used = pages->used * pages->page;
    pthread_mutex_unlock(&pages->mutex);
    return used;
}

/* The first COUNT free pages side by side; pages->count: there are none. */
static size_t find(const struct pages *pages, size_t count)
{
    size_t run = 0;

    for (size_t i = 0; i < pages->count; i++) {
        run = pages->taken[i] ? 0 : run + 1;
        if (run == count) return i + 1 - count;
    }
    return pages->count;
}

void *pages_take(struct pages *pages, size_t size, size_t keep)
{
    const size_t count = size == 0 ? 1 : (size - 1) / pages->page + 1;
    uint8_t *memory = NULL;
    size_t first;

    pthread_mutex_lock(&pages->mutex);
    first = count + keep / pages->page > pages->count - pages->used ? pages->count : find(pages, count);
    if (first < pages->count) {
        memset(pages->taken + first, true, count);
        pages->used += count;
        memory = pages->memory + first * pages->page;
    }
    pthread_mutex_unlock(&pages->mutex);
    return memory;
}

/* Of COUNT pages from FIRST on, those that do not stay. */
static void release(const struct pages *pages, size_t first, size_t count)
{
    const size_t from = first < pages->stay ? pages->stay : first, end = first + count;

    if (from < end && count > 1) (void)madvise(pages->memory + from * pages->page, (end - from) * pages->page, MADV_DONTNEED_LOCKED);
}

void pages_give_back(struct pages *pages, void *memory, size_t size, size_t written)
{
    const size_t count = size == 0 ? 1 : (size - 1) / pages->page + 1;

    if (memory == NULL) return;
    const size_t first = (size_t)((uint8_t *)memory - pages->memory) / pages->page;
    platesieve_wipe(memory, written);
    release(pages, first, count);
    pthread_mutex_lock(&pages->mutex);
    memset(pages->taken + first, false, count);
    pages->used -= count;
    pthread_mutex_unlock(&pages->mutex);
}
