/* client/picture/picture.c: the same pixels, and nothing else that was in the file. */
#include <jpeglib.h>
#include <png.h>

#include "client/picture/picture.h"
#include "tests/unit/cmocka_all.h"

#define WIDTH 200
#define HEIGHT 120
#define ROOM (1024 * 1024)

static uint8_t file[ROOM], picture[ROOM];

/* A JPEG of a pattern, in colour, with MARKERS: an APP1, a comment, an APP2 and bytes behind its end; its size. */
static size_t make_jpeg(bool progressive, bool markers)
{
    struct jpeg_compress_struct to;
    struct jpeg_error_mgr errors;
    uint8_t row[WIDTH * 3], *rows[] = { row }, *made = NULL;
    unsigned long size = 0;

    to.err = jpeg_std_error(&errors);
    jpeg_create_compress(&to);
    jpeg_mem_dest(&to, &made, &size);
    to.image_width = WIDTH;
    to.image_height = HEIGHT;
    to.input_components = 3;
    to.in_color_space = JCS_RGB;
    jpeg_set_defaults(&to);
    if (progressive) jpeg_simple_progression(&to);
    jpeg_start_compress(&to, TRUE);
    if (markers) {
        jpeg_write_marker(&to, JPEG_APP0 + 1, (const JOCTET *)"Exif\0\0MM\0*where", 15);
        jpeg_write_marker(&to, JPEG_APP0 + 2, (const JOCTET *)"ICC_PROFILE\0profile", 19);
        jpeg_write_marker(&to, JPEG_COM, (const JOCTET *)"a comment", 9);
    }
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < sizeof(row); x++) row[x] = (uint8_t)(x * y / 7 + x);
        jpeg_write_scanlines(&to, rows, 1);
    }
    jpeg_finish_compress(&to);
    jpeg_destroy_compress(&to);
    assert_true(size + 100 < sizeof(file));
    memcpy(file, made, size);
    free(made);
    if (markers) memcpy(file + size, "behind the end", 14);
    return size + (markers ? 14 : 0);
}

static void decode(const uint8_t *jpeg, size_t size, uint8_t pixels[HEIGHT][WIDTH * 3])
{
    struct jpeg_decompress_struct from;
    struct jpeg_error_mgr errors;

    from.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&from);
    jpeg_mem_src(&from, jpeg, (unsigned long)size);
    jpeg_save_markers(&from, JPEG_COM, 0xffff);
    for (int i = 1; i < 16; i++) jpeg_save_markers(&from, JPEG_APP0 + i, 0xffff);
    assert_int_equal(jpeg_read_header(&from, TRUE), JPEG_HEADER_OK);
    assert_null(jpeg == file ? NULL : from.marker_list);
    assert_int_equal(from.image_width, WIDTH);
    jpeg_start_decompress(&from);
    for (unsigned y = 0; y < HEIGHT; y++) {
        uint8_t *rows[] = { pixels[y] };

        assert_int_equal(jpeg_read_scanlines(&from, rows, 1), 1);
    }
    jpeg_finish_decompress(&from);
    jpeg_destroy_decompress(&from);
}

static bool holds(const uint8_t *bytes, size_t size, const char *text)
{
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

static void a_jpeg_keeps_its_pixels_alone(void **unused)
{
    static uint8_t before[HEIGHT][WIDTH * 3], after[HEIGHT][WIDTH * 3];

    (void)unused;
    for (unsigned kind = 0; kind < 4; kind++) {
        const size_t size = make_jpeg(kind & 1, kind & 2);
        size_t stripped = 0;

        assert_int_equal(picture_strip(file, size, picture, sizeof(picture), &stripped), PICTURE_FINE);
        decode(file, size, before);
        decode(picture, stripped, after);
        assert_memory_equal(before, after, sizeof(before));
        assert_false(holds(picture, stripped, "Exif") || holds(picture, stripped, "where") || holds(picture, stripped, "profile") ||
                     holds(picture, stripped, "comment") || holds(picture, stripped, "behind"));
        assert_int_equal(picture[stripped - 1], 0xd9);
    }
}

/* Cut off anywhere, changed anywhere: some picture or none, never more than the room, never a crash. */
static void broken_ones_are_none(void **unused)
{
    const size_t size = make_jpeg(false, true);
    size_t stripped;

    (void)unused;
    for (size_t cut = 0; cut < size - 20; cut += 13) assert_int_equal(picture_strip(file, cut, picture, sizeof(picture), &stripped), PICTURE_NO_IMAGE);
    for (size_t at = 0; at < size; at += 7) {
        file[at] ^= 0x5a;
        (void)!picture_strip(file, size, picture, sizeof(picture), &stripped);
        assert_true(stripped <= sizeof(picture));
        file[at] ^= 0x5a;
    }
    assert_int_equal(picture_strip(file, size, picture, 500, &stripped), PICTURE_TOO_LARGE);
}

/* A JPEG of WIDE x HIGH pixels that compress badly, from malloc. */
static uint8_t *make_noise(unsigned wide, unsigned high, bool grey, bool progressive, unsigned long *size)
{
    struct jpeg_compress_struct to;
    struct jpeg_error_mgr errors;
    uint8_t *row = malloc((size_t)wide * 3), *rows[] = { row }, *made = NULL;
    uint32_t noise = 1;

    assert_non_null(row);
    to.err = jpeg_std_error(&errors);
    jpeg_create_compress(&to);
    jpeg_mem_dest(&to, &made, size);
    to.image_width = wide;
    to.image_height = high;
    to.input_components = grey ? 1 : 3;
    to.in_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&to);
    jpeg_set_quality(&to, 97, TRUE);
    if (progressive) jpeg_simple_progression(&to);
    jpeg_start_compress(&to, TRUE);
    jpeg_write_marker(&to, JPEG_COM, (const JOCTET *)"a comment", 9);
    for (unsigned y = 0; y < high; y++) {
        for (unsigned x = 0; x < wide * (grey ? 1 : 3); x++) row[x] = (uint8_t)((noise = noise * 1103515245 + 12345) >> 24);
        jpeg_write_scanlines(&to, rows, 1);
    }
    jpeg_finish_compress(&to);
    jpeg_destroy_compress(&to);
    free(row);
    return made;
}

/* The width of a JPEG that can be decoded whole. */
static unsigned width_of(const uint8_t *jpeg, size_t size)
{
    struct jpeg_decompress_struct from;
    struct jpeg_error_mgr errors;
    uint8_t *row, *rows[1];
    unsigned width;

    from.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&from);
    jpeg_mem_src(&from, jpeg, (unsigned long)size);
    assert_int_equal(jpeg_read_header(&from, TRUE), JPEG_HEADER_OK);
    jpeg_start_decompress(&from);
    rows[0] = row = malloc((size_t)from.output_width * 3);
    assert_non_null(row);
    while (from.output_scanline < from.output_height) assert_int_equal(jpeg_read_scanlines(&from, rows, 1), 1);
    width = from.output_width;
    assert_int_equal(errors.num_warnings, 0);
    jpeg_finish_decompress(&from);
    jpeg_destroy_decompress(&from);
    free(row);
    return width;
}

static void a_large_jpeg_is_made_smaller(void **unused)
{
    static const struct {
        unsigned wide, high;
        bool grey, progressive;
        unsigned width; /* 0: too large */
    } kinds[] = {
        { 1600, 1200, false, false, 1600 }, { 1600, 1200, true, true, 800 }, { 4000, 3000, false, false, 1000 }, { 6400, 4800, false, false, 1600 },
        { 5000, 4000, false, true, 0 }, /* decoding it would take more memory than a lane has */
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        unsigned long size = 0;
        uint8_t *made = make_noise(kinds[i].wide, kinds[i].high, kinds[i].grey, kinds[i].progressive, &size);
        size_t stripped = 0;

        assert_true(size > sizeof(picture));
        assert_int_equal(picture_strip(made, size, picture, sizeof(picture), &stripped), kinds[i].width == 0 ? PICTURE_TOO_LARGE : PICTURE_FINE);
        if (kinds[i].width > 0) assert_int_equal(width_of(picture, stripped), kinds[i].width);
        assert_false(holds(picture, stripped, "a comment"));
        assert_int_equal(picture_strip(made, size / 2, picture, sizeof(picture), &stripped),
                         kinds[i].width == 0 ? PICTURE_TOO_LARGE : PICTURE_NO_IMAGE); /* cut off */
        free(made);
    }
}

static void no_other_formats(void **unused)
{
    size_t stripped;

    (void)unused;
    assert_int_equal(picture_strip((const uint8_t *)"GIF89a and so on", 16, picture, sizeof(picture), &stripped), PICTURE_NO_IMAGE);
    assert_int_equal(picture_strip((const uint8_t *)"", 0, picture, sizeof(picture), &stripped), PICTURE_NO_IMAGE);
}

/* What a look without decoding tells: whether the end is there. */
static void a_look_finds_what_is_cut(void **unused)
{
    (void)unused;
    for (unsigned kind = 0; kind < 4; kind++) {
        const size_t size = make_jpeg(kind & 1, kind & 2), behind = kind & 2 ? 14 : 0;

        for (size_t cut = 0; cut < size - behind; cut++) assert_int_equal(picture_look(file, cut), PICTURE_NO_IMAGE);
        for (size_t cut = size - behind; cut <= size; cut++) assert_int_equal(picture_look(file, cut), PICTURE_FINE);
        memset(file + size, 0xff, 300); /* behind the end there may be anything */
        assert_int_equal(picture_look(file, size + 300), PICTURE_FINE);
    }
}

/* A preview in the headers has an end of its own. */
static void a_look_is_not_deceived_by_previews(void **unused)
{
    static uint8_t whole[ROOM];
    const size_t size = make_jpeg(false, false), segment = size + 2;
    const uint8_t head[] = { 0xff, 0xd8, 0xff, 0xe1, (uint8_t)(segment >> 8), (uint8_t)segment };

    (void)unused;
    assert_true(segment < 65536);
    memcpy(whole, head, sizeof(head));
    memcpy(whole + sizeof(head), file, size);
    memcpy(whole + sizeof(head) + size, file + 2, size - 2);
    assert_int_equal(picture_look(whole, size * 2 + 4), PICTURE_FINE);
    for (size_t cut = sizeof(head); cut < size * 2 + 4; cut += 3) assert_int_equal(picture_look(whole, cut), PICTURE_NO_IMAGE);
}

static void a_look_finds_junk(void **unused)
{
    static const char *const begins[] = { "\xff\xd8\xff", "\xff\xd8\xff\xe0", "\xff\xd8\xff\xd9\xff\xd9", "\x89PNG\r\n\x1a\n", "GIF89a", "" };

    (void)unused;
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        for (unsigned fill = 0; fill < 256; fill++) {
            memset(picture, (int)fill, 5000);
            memcpy(picture, begins[i], strlen(begins[i]));
            memcpy(picture + 4998, "\xff\xd9", 2);
            assert_int_equal(picture_look(picture, 5000), PICTURE_NO_IMAGE);
        }
    }
    assert_int_equal(picture_look((const uint8_t *)"", 0), PICTURE_NO_IMAGE);
}

static void append(png_structp png, uint8_t *bytes, size_t size)
{
    size_t *at = png_get_io_ptr(png);

    assert_true(*at + size <= sizeof(file));
    memcpy(file + *at, bytes, size);
    *at += size;
}

/* In seven passes, of one row of bytes again and again; its size. */
static size_t make_interlaced(unsigned wide, unsigned high)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    uint8_t *row = calloc(wide, 3);
    size_t size = 0;

    assert_non_null(row);
    row[5] = 99;
    png_set_write_fn(png, &size, append, NULL);
    png_set_IHDR(png, info, wide, high, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    png_write_info(png, info);
    for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
        for (unsigned y = 0; y < high; y++) png_write_row(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
    return size;
}

static void a_look_at_a_png(void **unused)
{
    const size_t size = make_interlaced(WIDTH, HEIGHT);

    (void)unused;
    for (size_t cut = 0; cut < size; cut++) assert_int_equal(picture_look(file, cut), PICTURE_NO_IMAGE);
    memset(file + size, 0xff, 300);
    assert_int_equal(picture_look(file, size), PICTURE_FINE);
    assert_int_equal(picture_look(file, size + 300), PICTURE_FINE);
    for (size_t at = 8; at < 33; at++) { /* IHDR, which has a checksum */
        file[at] ^= 0x5a;
        assert_int_equal(picture_look(file, size), PICTURE_NO_IMAGE);
        file[at] ^= 0x5a;
    }
    for (size_t at = 33; at < size; at++) { /* never a crash */
        file[at] ^= 0xda;
        (void)!picture_look(file, size);
        file[at] ^= 0xda;
    }
}

static void an_interlaced_png(void **unused)
{
    png_image image = { .version = PNG_IMAGE_VERSION };
    static uint8_t after[HEIGHT][WIDTH * 3];
    size_t stripped = 0, size = make_interlaced(WIDTH, HEIGHT);

    (void)unused;
    assert_int_equal(picture_strip(file, size, picture, sizeof(picture), &stripped), PICTURE_FINE);
    assert_int_not_equal(png_image_begin_read_from_memory(&image, picture, stripped), 0);
    image.format = PNG_FORMAT_RGB;
    assert_int_not_equal(png_image_finish_read(&image, NULL, after, 0, NULL), 0);
    for (unsigned y = 0; y < HEIGHT; y++) assert_true(after[y][5] == 99 && after[y][4] == 0);
    size = make_interlaced(4000, 3000); /* which has to be in memory whole */
    assert_int_equal(picture_strip(file, size, picture, sizeof(picture), &stripped), PICTURE_TOO_LARGE);
}

static void a_png_keeps_its_pixels_alone(void **unused)
{
    png_image image = { .version = PNG_IMAGE_VERSION, .width = WIDTH, .height = HEIGHT, .format = PNG_FORMAT_RGBA };
    static uint8_t before[HEIGHT][WIDTH * 4], after[HEIGHT][WIDTH * 4];
    png_alloc_size_t size = sizeof(file);
    size_t stripped = 0;

    (void)unused;
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned x = 0; x < sizeof(before[0]); x++) before[y][x] = (uint8_t)(x * x + y);
    assert_int_not_equal(png_image_write_to_memory(&image, file, &size, 0, before, 0, NULL), 0);
    memcpy(file + size, "behind the end", 14);
    assert_int_equal(picture_strip(file, size + 14, picture, sizeof(picture), &stripped), PICTURE_FINE);
    assert_int_not_equal(png_image_begin_read_from_memory(&image, picture, stripped), 0);
    image.format = PNG_FORMAT_RGBA;
    assert_int_not_equal(png_image_finish_read(&image, NULL, after, 0, NULL), 0);
    assert_memory_equal(before, after, sizeof(before));
    assert_false(holds(picture, stripped, "behind"));
    for (size_t cut = 0; cut < size; cut += 101) assert_int_equal(picture_strip(file, cut, picture, sizeof(picture), &stripped), PICTURE_NO_IMAGE);
    assert_int_equal(picture_strip(file, size, picture, 300, &stripped), PICTURE_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jpeg_keeps_its_pixels_alone),
        cmocka_unit_test(broken_ones_are_none),
        cmocka_unit_test(a_large_jpeg_is_made_smaller),
        cmocka_unit_test(no_other_formats),
        cmocka_unit_test(a_png_keeps_its_pixels_alone),
        cmocka_unit_test(a_look_finds_what_is_cut),
        cmocka_unit_test(a_look_is_not_deceived_by_previews),
        cmocka_unit_test(a_look_finds_junk),
        cmocka_unit_test(a_look_at_a_png),
        cmocka_unit_test(an_interlaced_png),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
