/* Pictures of reads under way, in locked memory of bounded size; wiped with their last holder, and their pages given back.  Any thread. */
#ifndef CLIENT_PICTURE_IMAGES_H
#define CLIENT_PICTURE_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/cleanup.h"

struct images;
struct image;

/* Room for BYTES of pictures in all: address space now, memory as pictures come.  Where that can't be locked (RLIMIT_MEMLOCK) there is room for half, or a quarter ...,
 * which is said; so create it after all else that is locked.  Some 1 MB of what can be locked is left for others.  NULL is said. */
struct images *images_create(size_t bytes) MUST_USE;
void images_destroy(struct images *images); /* NULL is fine; when nobody holds one */
/* A copy, held once; NULL: there is no room. */
struct image *images_put(struct images *images, const uint8_t *bytes, size_t size) MUST_USE;
struct image *image_hold(struct image *image);   /* NULL is fine */
void image_release(struct image *image);         /* NULL is fine */
const uint8_t *image_bytes(const struct image *image, size_t *size);
const char *image_type(const struct image *image); /* "image/jpeg", "image/png", by its first bytes; "application/octet-stream" */
size_t images_used(struct images *images);       /* bytes, in whole pages */
size_t images_room(const struct images *images); /* bytes in all, as it could be locked */

#endif
