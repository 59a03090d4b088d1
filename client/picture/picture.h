/* Pictures on their way to be sealed: a file as an engine wrote it, and the same picture without anything else that was in it.  Coordinates,
   times, comments, previews, profiles and whatever follows the end are left behind; the pixels of a JPEG are not touched (its coefficients are
   copied, as by jpegtran -copy none), unless it would be too large: then it is compressed anew, and made a half, a quarter or an eighth as wide and high,
   until it fits. */
#ifndef CLIENT_PICTURE_PICTURE_H
#define CLIENT_PICTURE_PICTURE_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/cleanup.h"

enum picture_fault {
    PICTURE_FINE,
    PICTURE_MISSING,   /* can't be opened, or is no file */
    PICTURE_TOO_LARGE, /* the file, its pixels, or what would have to be sealed */
    PICTURE_NO_IMAGE,  /* neither JPEG nor PNG, a broken one, or one made to keep us busy */
};

/* The file PATH into FILE (ROOM bytes), only if it is a regular one. */
enum picture_fault picture_read(const char *path, uint8_t *file, size_t room, size_t *size) MUST_USE;
/* Writes the picture in FILE, and nothing else of it, to PICTURE (ROOM bytes).  What the libraries held of it is wiped. */
enum picture_fault picture_strip(const uint8_t *file, size_t size, uint8_t *picture, size_t room, size_t *picture_size) MUST_USE;
/* Whether FILE is a JPEG or PNG that is all there: by its headers, as the libraries read them, and its end (EOI, IEND); whatever comes behind is taken.  Nothing
   is decoded: microseconds for a good one, a pass over the bytes for a bad one.  PICTURE_FINE, PICTURE_NO_IMAGE, or PICTURE_TOO_LARGE: no memory. */
enum picture_fault picture_look(const uint8_t *file, size_t size) MUST_USE;

/* -- inside -- */
enum picture_fault picture_strip_jpeg(const uint8_t *file, size_t size, uint8_t *picture, size_t room, size_t *picture_size);
enum picture_fault picture_strip_png(const uint8_t *file, size_t size, uint8_t *picture, size_t room, size_t *picture_size);
enum picture_fault picture_look_jpeg(const uint8_t *file, size_t size);
enum picture_fault picture_look_png(const uint8_t *file, size_t size);

#endif
