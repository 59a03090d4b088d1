#include "client/lane/images.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/client.h"

#define RESERVE_BYTES (1024u * 1024) /* that others can still lock */
#define LEAST_BYTES (256u * 1024)

struct images {
    uint8_t *memory; /* locked as it is touched */
    size_t page, page_count;
    pthread_mutex_t mutex;
    bool *taken; /* of each page */
    size_t next; /* where the search begins */
    size_t used; /* pages */
};

struct image {
    struct images *images;
    size_t first, pages, size;
    _Atomic unsigned holders;
};

/* -- the region ------------------------------------------------------------------------------------------------------ */

/* SIZE bytes that will be locked when they are touched, while so much more could be; NULL: that is more than we may. */
static uint8_t *reserve(size_t size)
{
    const size_t all = size + RESERVE_BYTES;
    uint8_t *memory = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) return NULL;
    if (mlock2(memory, all, MLOCK_ONFAULT) != 0) {
        munmap(memory, all);
        return NULL;
    }
    munmap(memory + size, RESERVE_BYTES);
    (void)madvise(memory, size, MADV_DONTDUMP);
    (void)madvise(memory, size, MADV_DONTFORK);
    return memory;
}

static bool prepare(struct images *images, size_t wanted)
{
    size_t bytes = wanted;

    images->page = (size_t)sysconf(_SC_PAGESIZE);
    while (bytes >= LEAST_BYTES && (images->memory = reserve(bytes / images->page * images->page)) == NULL) bytes /= 2;
    if (images->memory == NULL) {
        say("there is no memory that can be locked for pictures");
        return false;
    }
    if (bytes < wanted) say("%zu kB can be locked for pictures, not %zu kB: fewer are taken at a time", bytes / 1024, wanted / 1024);
    images->page_count = bytes / images->page;
    images->taken = calloc(images->page_count, sizeof(*images->taken));
    return images->taken != NULL;
}

struct images *images_create(size_t bytes)
{
    struct images *images = calloc(1, sizeof(*images));

    if (images == NULL) {
        say("out of memory");
        return NULL;
    }
    pthread_mutex_init(&images->mutex, NULL);
    if (prepare(images, bytes)) return images;
    images_destroy(images);
    return NULL;
}

void images_destroy(struct images *images)
{
    if (images == NULL) return;
    if (images->memory != NULL) munmap(images->memory, images->page_count * images->page); /* wiped with each picture */
    pthread_mutex_destroy(&images->mutex);
    free(images->taken);
    free(images);
}

/* -- pages ----------------------------------------------------------------------------------------------------------- */

/* COUNT free pages side by side in [from, to); false: there are none. */
static bool find_between(const struct images *images, size_t from, size_t to, size_t count, size_t *first)
{
    size_t run = 0;

    for (size_t i = from; i < to; i++) {
        run = images->taken[i] ? 0 : run + 1;
        if (run < count) continue;
        *first = i + 1 - count;
        return true;
    }
    return false;
}

/* Goes round, so that pages rest before they are used again. */
static bool take_pages(struct images *images, size_t count, size_t *first)
{
    bool found;

    pthread_mutex_lock(&images->mutex);
    found = find_between(images, images->next, images->page_count, count, first) || find_between(images, 0, images->page_count, count, first);
    if (found) {
        memset(images->taken + *first, true, count);
        images->next = *first + count;
        images->used += count;
    }
    pthread_mutex_unlock(&images->mutex);
    return found;
}

static void give_back(struct images *images, size_t first, size_t count)
{
    uint8_t *memory = images->memory + first * images->page;

    sodium_memzero(memory, count * images->page);
#ifdef MADV_DONTNEED_LOCKED
    (void)madvise(memory, count * images->page, MADV_DONTNEED_LOCKED); /* older kernels keep the page, which is zero */
#endif
    pthread_mutex_lock(&images->mutex);
    memset(images->taken + first, false, count);
    images->used -= count;
    pthread_mutex_unlock(&images->mutex);
}

/* -- pictures -------------------------------------------------------------------------------------------------------- */

struct image *images_put(struct images *images, const uint8_t *bytes, size_t size)
{
    struct image *image;
    size_t pages, first;

    if (size == 0 || size > images->page_count * images->page) return NULL;
    pages = (size + images->page - 1) / images->page;
    image = calloc(1, sizeof(*image));
    if (image == NULL) return NULL;
    if (!take_pages(images, pages, &first)) {
        free(image);
        return NULL;
    }
    memcpy(images->memory + first * images->page, bytes, size);
    image->images = images;
    image->first = first;
    image->pages = pages;
    image->size = size;
    atomic_init(&image->holders, 1);
    return image;
}

struct image *image_hold(struct image *image)
{
    if (image != NULL) atomic_fetch_add(&image->holders, 1);
    return image;
}

void image_release(struct image *image)
{
    if (image == NULL || atomic_fetch_sub(&image->holders, 1) > 1) return;
    give_back(image->images, image->first, image->pages);
    free(image);
}

const uint8_t *image_bytes(const struct image *image, size_t *size)
{
    *size = image->size;
    return image->images->memory + image->first * image->images->page;
}

const char *image_type(const struct image *image)
{
    size_t size;
    const uint8_t *bytes = image_bytes(image, &size);

    if (size > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) return "image/jpeg";
    if (size > 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0) return "image/png";
    return "application/octet-stream";
}

size_t images_used(struct images *images)
{
    size_t pages;

    pthread_mutex_lock(&images->mutex);
    pages = images->used;
    pthread_mutex_unlock(&images->mutex);
    return pages * images->page;
}

size_t images_room(const struct images *images)
{
    return images->page_count * images->page;
}
