/* JPEG: the coefficients of one picture into another, and nothing else (libjpeg). */
#include <jpeglib.h>
#include <setjmp.h>
#include <sodium.h>

#include "client/picture.h"

#define MEMORY_MAX (128L * 1024 * 1024) /* for the coefficients of the most pixels */
#define SCANS_MAX 64                    /* of a progressive one; each costs a pass over all of it */

struct plane { /* coefficients of one component, as long as libjpeg has them */
    jvirt_barray_ptr blocks;
    JDIMENSION width, height;
};

struct jpeg {
    struct jpeg_error_mgr errors; /* first: libjpeg hands it back */
    struct jpeg_progress_mgr progress;
    struct jpeg_destination_mgr out;
    struct jpeg_decompress_struct from;
    struct jpeg_compress_struct to;
    jvirt_barray_ptr (*request)(j_common_ptr, int, boolean, JDIMENSION, JDIMENSION, JDIMENSION); /* libjpeg's own */
    size_t plane_count;
    struct plane planes[MAX_COMPONENTS];
    enum picture_fault fault;
    jmp_buf leave;
};

/* -- what libjpeg calls ---------------------------------------------------------------------------------------------- */

static void leave_with(struct jpeg *jpeg, enum picture_fault fault)
{
    jpeg->fault = fault;
    longjmp(jpeg->leave, 1);
}

static void on_error(j_common_ptr common)
{
    leave_with((struct jpeg *)(void *)common->err, PICTURE_NO_IMAGE);
}

/* A file that ends too early is a warning to libjpeg, which makes up the rest. */
static void on_message(j_common_ptr common, int level)
{
    if (level < 0) common->err->num_warnings++;
}

static void say_nothing(j_common_ptr common)
{
    (void)common;
}

static void on_progress(j_common_ptr common)
{
    if (common->is_decompressor && ((j_decompress_ptr)common)->input_scan_number > SCANS_MAX)
        leave_with((struct jpeg *)(void *)common->err, PICTURE_TOO_LARGE);
}

/* Notes where coefficients will lie: they are wiped when libjpeg fails, too. */
static jvirt_barray_ptr on_request(j_common_ptr common, int pool, boolean zeroed, JDIMENSION width, JDIMENSION height, JDIMENSION most)
{
    struct jpeg *jpeg = (struct jpeg *)(void *)common->err;
    const struct plane plane = { jpeg->request(common, pool, zeroed, width, height, most), width, height };

    if (jpeg->plane_count < MAX_COMPONENTS) jpeg->planes[jpeg->plane_count++] = plane;
    return plane.blocks;
}

static void begin_output(j_compress_ptr to)
{
    (void)to;
}

/* There is one buffer. */
static boolean on_full(j_compress_ptr to)
{
    leave_with((struct jpeg *)(void *)to->err, PICTURE_TOO_LARGE);
    return FALSE;
}

/* -- the copy -------------------------------------------------------------------------------------------------------- */

static void prepare(struct jpeg *jpeg, const uint8_t *file, size_t size, uint8_t *picture, size_t room)
{
    jpeg->from.err = jpeg->to.err = jpeg_std_error(&jpeg->errors);
    jpeg->errors.error_exit = on_error;
    jpeg->errors.emit_message = on_message;
    jpeg->errors.output_message = say_nothing;
    jpeg_create_decompress(&jpeg->from);
    jpeg_create_compress(&jpeg->to);
    jpeg->progress.progress_monitor = on_progress;
    jpeg->from.progress = &jpeg->progress;
    jpeg->from.mem->max_memory_to_use = jpeg->to.mem->max_memory_to_use = MEMORY_MAX;
    jpeg->request = jpeg->from.mem->request_virt_barray;
    jpeg->from.mem->request_virt_barray = on_request;
    jpeg_mem_src(&jpeg->from, file, (unsigned long)size);
    jpeg->out = (struct jpeg_destination_mgr) { .next_output_byte = picture, .free_in_buffer = room, .init_destination = begin_output,
                                                .empty_output_buffer = on_full, .term_destination = begin_output };
    jpeg->to.dest = &jpeg->out;
}

static void copy(struct jpeg *jpeg)
{
    jvirt_barray_ptr *coefficients;

    if (jpeg_read_header(&jpeg->from, TRUE) != JPEG_HEADER_OK) leave_with(jpeg, PICTURE_NO_IMAGE);
    if ((uint64_t)jpeg->from.image_width * jpeg->from.image_height > LIMIT_IMAGE_PIXELS) leave_with(jpeg, PICTURE_TOO_LARGE);
    coefficients = jpeg_read_coefficients(&jpeg->from);
    if (jpeg->errors.num_warnings > 0) leave_with(jpeg, PICTURE_NO_IMAGE);
    jpeg_copy_critical_parameters(&jpeg->from, &jpeg->to);
    jpeg->to.optimize_coding = TRUE;
    jpeg_write_coefficients(&jpeg->to, coefficients);
    jpeg_finish_compress(&jpeg->to);
}

/* libjpeg gives its memory back as it is. */
static void wipe(struct jpeg *jpeg)
{
    const j_common_ptr from = (j_common_ptr)&jpeg->from;

    for (size_t p = 0; p < jpeg->plane_count; p++) {
        const struct plane *plane = &jpeg->planes[p];

        for (JDIMENSION row = 0; row < plane->height; row++)
            sodium_memzero(jpeg->from.mem->access_virt_barray(from, plane->blocks, row, 1, TRUE)[0], plane->width * sizeof(JBLOCK));
    }
}

enum picture_fault picture_strip_jpeg(const uint8_t *file, size_t size, uint8_t *picture, size_t room, size_t *picture_size)
{
    struct jpeg *jpeg = calloc(1, sizeof(*jpeg)); /* not on the stack: it is changed between setjmp and longjmp */
    enum picture_fault fault;

    if (jpeg == NULL) return PICTURE_TOO_LARGE;
    if (setjmp(jpeg->leave) == 0) {
        prepare(jpeg, file, size, picture, room);
        copy(jpeg);
        *picture_size = room - jpeg->out.free_in_buffer;
    }
    if (setjmp(jpeg->leave) == 0) wipe(jpeg);
    fault = jpeg->fault;
    jpeg_destroy_compress(&jpeg->to);
    jpeg_destroy_decompress(&jpeg->from);
    free(jpeg);
    return fault;
}
