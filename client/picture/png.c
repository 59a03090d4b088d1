/* PNG: the pixels of one picture into another, and nothing else (libpng). */
#include <png.h>
#include <sodium.h>

#include "client/http/wiping.h"
#include "client/picture/picture.h"

#define MEMORY_MAX (12u * 1024 * 1024) /* of pixels, where they do not come row by row; a lane has a bound */
#define SIDE_MAX 20000u
#define LEVEL 6

struct png {
    const uint8_t *file;
    uint8_t *picture;
    size_t size, at, room, written;
    bool full, in_passes;
    uint8_t *pixels, **rows;
    size_t pixels_size;
    png_structp from, to;
    png_infop from_info, to_info;
};

/* -- what libpng calls ------------------------------------------------------------------------------------------------ */

static void on_error(png_structp png, const char *message)
{
    (void)message;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, const char *message)
{
    (void)png;
    (void)message;
}

static void *allocate(png_structp png, png_alloc_size_t size)
{
    (void)png;
    return malloc(size);
}

static void give_back(png_structp png, void *memory)
{
    (void)png;
    wiping_free(memory);
}

static void on_read(png_structp png, uint8_t *to, size_t size)
{
    struct png *own = png_get_io_ptr(png);

    if (size > own->size - own->at) png_error(png, "");
    memcpy(to, own->file + own->at, size);
    own->at += size;
}

static void on_write(png_structp png, uint8_t *from, size_t size)
{
    struct png *own = png_get_io_ptr(png);

    own->full = size > own->room - own->written;
    if (own->full) png_error(png, "");
    memcpy(own->picture + own->written, from, size);
    own->written += size;
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* -- the copy --------------------------------------------------------------------------------------------------------- */

/* One row, or all of them where the picture comes in several passes. */
static enum picture_fault allocate_rows(struct png *png, size_t row_bytes, size_t count)
{
    if (row_bytes * count > MEMORY_MAX) return PICTURE_TOO_LARGE;
    png->pixels_size = row_bytes * count;
    png->pixels = malloc(png->pixels_size);
    png->rows = calloc(count, sizeof(*png->rows));
    if (png->pixels == NULL || png->rows == NULL) return PICTURE_TOO_LARGE;
    for (size_t i = 0; i < count; i++) png->rows[i] = png->pixels + i * row_bytes;
    return PICTURE_FINE;
}

static void read_info(struct png *png)
{
    png_set_read_fn(png->from, png, on_read);
    png_set_user_limits(png->from, SIDE_MAX, SIDE_MAX);
    png_set_keep_unknown_chunks(png->from, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(png->from, png->from_info);
}

static enum picture_fault begin_reading(struct png *png)
{
    size_t height;

    read_info(png);
    height = png_get_image_height(png->from, png->from_info);
    if ((uint64_t)png_get_image_width(png->from, png->from_info) * height > LIMIT_IMAGE_PIXELS) return PICTURE_TOO_LARGE;
    png->in_passes = png_set_interlace_handling(png->from) > 1;
    png_read_update_info(png->from, png->from_info);
    return allocate_rows(png, png_get_rowbytes(png->from, png->from_info), png->in_passes ? height : 1);
}

/* Colours of the palette and what is transparent belong to the picture. */
static void copy_palette(struct png *png)
{
    png_colorp palette;
    png_bytep alpha;
    png_color_16p colour;
    int count;

    if (png_get_PLTE(png->from, png->from_info, &palette, &count) == PNG_INFO_PLTE) png_set_PLTE(png->to, png->to_info, palette, count);
    if (png_get_tRNS(png->from, png->from_info, &alpha, &count, &colour) == PNG_INFO_tRNS)
        png_set_tRNS(png->to, png->to_info, alpha, count, colour);
}

static void begin_writing(struct png *png)
{
    png_set_write_fn(png->to, png, on_write, on_flush);
    png_set_compression_level(png->to, LEVEL);
    png_set_IHDR(png->to, png->to_info, png_get_image_width(png->from, png->from_info), png_get_image_height(png->from, png->from_info),
                 png_get_bit_depth(png->from, png->from_info), png_get_color_type(png->from, png->from_info), PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    copy_palette(png);
    png_write_info(png->to, png->to_info);
}

static void copy_rows(struct png *png)
{
    const size_t height = png_get_image_height(png->from, png->from_info);

    if (png->in_passes) png_read_image(png->from, png->rows);
    for (size_t y = 0; y < height; y++) {
        uint8_t *row = png->rows[png->in_passes ? y : 0];

        if (!png->in_passes) png_read_row(png->from, row, NULL);
        png_write_row(png->to, row);
    }
    png_read_end(png->from, NULL);
    png_write_end(png->to, NULL);
}

static enum picture_fault copy(struct png *png)
{
    enum picture_fault fault;

    if (setjmp(png_jmpbuf(png->from)) != 0) return PICTURE_NO_IMAGE;
    if (setjmp(png_jmpbuf(png->to)) != 0) return png->full ? PICTURE_TOO_LARGE : PICTURE_NO_IMAGE;
    fault = begin_reading(png);
    if (fault != PICTURE_FINE) return fault;
    begin_writing(png);
    copy_rows(png);
    return PICTURE_FINE;
}

enum picture_fault picture_strip_png(const uint8_t *file, size_t size, uint8_t *picture, size_t room, size_t *picture_size)
{
    struct png png = { .file = file, .size = size, .picture = picture, .room = room };
    enum picture_fault fault = PICTURE_TOO_LARGE; /* no memory */

    png.from = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning, NULL, allocate, give_back);
    png.to = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning, NULL, allocate, give_back);
    if (png.from != NULL && png.to != NULL) {
        png.from_info = png_create_info_struct(png.from);
        png.to_info = png_create_info_struct(png.to);
        if (png.from_info != NULL && png.to_info != NULL) fault = copy(&png);
    }
    png_destroy_write_struct(&png.to, &png.to_info);
    png_destroy_read_struct(&png.from, &png.from_info, NULL);
    if (png.pixels != NULL) sodium_memzero(png.pixels, png.pixels_size);
    free(png.pixels);
    free(png.rows);
    *picture_size = png.written;
    return fault;
}

/* -- the look --------------------------------------------------------------------------------------------------------- */

#define CHUNK_BYTES 12 /* length, type and checksum */

/* From the first IDAT on, chunk by chunk (PNG, 5.3), until IEND. */
static bool has_end(const uint8_t *chunks, size_t size)
{
    while (size >= CHUNK_BYTES) {
        const size_t length = png_get_uint_32(chunks);

        if (length > size - CHUNK_BYTES) return false;
        if (memcmp(chunks + 4, "IEND", 4) == 0) return true;
        chunks += length + CHUNK_BYTES;
        size -= length + CHUNK_BYTES;
    }
    return false;
}

static enum picture_fault look(struct png *png)
{
    if (setjmp(png_jmpbuf(png->from)) != 0) return PICTURE_NO_IMAGE;
    read_info(png); /* and the first IDAT's length and type */
    return has_end(png->file + png->at - 8, png->size - png->at + 8) ? PICTURE_FINE : PICTURE_NO_IMAGE;
}

enum picture_fault picture_look_png(const uint8_t *file, size_t size)
{
    struct png png = { .file = file, .size = size };
    enum picture_fault fault = PICTURE_TOO_LARGE; /* no memory */

    png.from = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning, NULL, allocate, give_back);
    if (png.from != NULL) png.from_info = png_create_info_struct(png.from);
    if (png.from_info != NULL) fault = look(&png);
    png_destroy_read_struct(&png.from, &png.from_info, NULL);
    return fault;
}
