/* Pictures of reads under way, in locked memory of bounded size; wiped with their last holder.  Any thread. */
#ifndef CLIENT_LANE_IMAGES_H
#define CLIENT_LANE_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/cleanup.h"

struct images;
struct image;

/* Room for BYTES of pictures in all.  NULL is said. */
struct images *images_create(size_t bytes) MUST_USE;
void images_destroy(struct images *images); /* NULL is fine; when nobody holds one */
/* A copy, held once; NULL: there is no room. */
struct image *images_put(struct images *images, const uint8_t *bytes, size_t size) MUST_USE;
struct image *image_hold(struct image *image);   /* NULL is fine */
void image_release(struct image *image);         /* NULL is fine */
const uint8_t *image_bytes(const struct image *image, size_t *size);
size_t images_used(struct images *images);       /* bytes */

#endif
