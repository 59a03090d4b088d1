#include "client/picture/images.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/pages.h"

#define RESERVE_BYTES (1024u * 1024) /* that others can still lock */
#define LEAST_BYTES (256u * 1024)

struct images {
    struct pages *pages;
};

struct image {
    struct images *images;
    uint8_t *memory;
    size_t size;
    _Atomic unsigned holders;
};

/* While so much more could be locked. */
static struct pages *make_pages(size_t bytes)
{
    struct pages *reserve = pages_create(RESERVE_BYTES, RESERVE_BYTES, 0), *pages = reserve == NULL ? NULL : pages_create(bytes, LEAST_BYTES, 0);

    pages_destroy(reserve);
    return pages;
}

struct images *images_create(size_t bytes)
{
    struct images *images = calloc(1, sizeof(*images));

    if (images == NULL) {
        say("out of memory");
        return NULL;
    }
    images->pages = make_pages(bytes);
    if (images->pages == NULL) {
        say("there is no memory that can be locked for pictures");
        free(images);
        return NULL;
    }
    if (images_room(images) < bytes) say("%zu kB can be locked for pictures, not %zu kB: fewer are taken at a time", images_room(images) / 1024, bytes / 1024);
    return images;
}

void images_destroy(struct images *images)
{
    if (images == NULL) return;
    pages_destroy(images->pages);
    free(images);
}

struct image *images_put(struct images *images, const uint8_t *bytes, size_t size)
{
    struct image *image;

    if (size == 0 || size > images_room(images)) return NULL;
    image = calloc(1, sizeof(*image));
    if (image != NULL) image->memory = pages_take(images->pages, size, 0);
    if (image == NULL || image->memory == NULL) {
        free(image);
        return NULL;
    }
    memcpy(image->memory, bytes, size);
    image->images = images;
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
    pages_give_back(image->images->pages, image->memory, image->size, image->size);
    free(image);
}

const uint8_t *image_bytes(const struct image *image, size_t *size)
{
    *size = image->size;
    return image->memory;
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
    return pages_used(images->pages);
}

size_t images_room(const struct images *images)
{
    return pages_size(images->pages);
}
