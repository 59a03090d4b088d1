/* JPEG: the coefficients of one picture into another, and nothing else (libjpeg); where they would be too many, the picture made smaller. */
#include "client/picture/jpeg.h"

#include <jerror.h>
#include <sodium.h>

#define MEMORY_MAX (12L * 1024 * 1024) /* the coefficients of 4 million pixels; a lane has a bound */
#define SCANS_MAX 64                   /* of a progressive one; each costs a pass over all of it */

/* One after the other, until it fits. */
struct attempt {
    unsigned denominator; /* 0: the very coefficients */
    int quality;
};
static const struct attempt attempts[] = { { 0, 0 }, { 1, 90 }, { 1, 75 }, { 2, 85 }, { 4, 85 }, { 8, 85 } };

/* -- what libjpeg calls ---------------------------------------------------------------------------------------------- */

_Noreturn void jpeg_leave(struct jpeg *jpeg, enum picture_fault fault)
{
    jpeg->fault = fault;
    longjmp(jpeg->leave, 1);
}

static void on_error(j_common_ptr common)
{
    const bool room = common->err->msg_code == JERR_NO_BACKING_STORE || common->err->msg_code == JERR_OUT_OF_MEMORY;

    jpeg_leave((struct jpeg *)(void *)common->err, room ? PICTURE_TOO_LARGE : PICTURE_NO_IMAGE);
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
        jpeg_leave((struct jpeg *)(void *)common->err, PICTURE_NO_IMAGE);
}

/* -- its memory, which libjpeg gives back as it is ------------------------------------------------------------------ */

static struct jpeg_memory *memory_of(j_common_ptr common)
{
    struct jpeg *jpeg = (struct jpeg *)(void *)common->err;

    return common->is_decompressor ? &jpeg->from_memory : &jpeg->to_memory;
}

static void note(struct jpeg_memory *memory, struct jpeg_area area)
{
    if (memory->count < JPEG_AREAS) memory->areas[memory->count++] = area;
}

static jvirt_barray_ptr on_blocks(j_common_ptr common, int pool, boolean zeroed, JDIMENSION width, JDIMENSION height, JDIMENSION most)
{
    struct jpeg_memory *memory = memory_of(common);
    jvirt_barray_ptr blocks = memory->own.request_virt_barray(common, pool, zeroed, width, height, most);

    note(memory, (struct jpeg_area) { JPEG_BLOCKS, { .blocks = blocks }, width, height });
    return blocks;
}

static JSAMPARRAY on_rows(j_common_ptr common, int pool, JDIMENSION width, JDIMENSION height)
{
    struct jpeg_memory *memory = memory_of(common);
    JSAMPARRAY rows = memory->own.alloc_sarray(common, pool, width, height);

    note(memory, (struct jpeg_area) { JPEG_ROWS, { .rows = rows }, width, height });
    return rows;
}

static void *on_bytes(j_common_ptr common, int pool, size_t size)
{
    struct jpeg_memory *memory = memory_of(common);
    void *bytes = memory->own.alloc_large(common, pool, size);

    note(memory, (struct jpeg_area) { JPEG_BYTES, { .bytes = bytes }, size, 1 });
    return bytes;
}

/* May leave: not all coefficients were there yet. */
static void wipe(j_common_ptr common, struct jpeg_memory *memory)
{
    while (memory->count > 0) {
        const struct jpeg_area area = memory->areas[--memory->count];

        if (area.kind == JPEG_BYTES) sodium_memzero(area.at.bytes, area.width);
        for (JDIMENSION i = 0; area.kind == JPEG_ROWS && i < area.height; i++) sodium_memzero(area.at.rows[i], area.width);
        for (JDIMENSION i = 0; area.kind == JPEG_BLOCKS && i < area.height; i++)
            sodium_memzero(memory->own.access_virt_barray(common, area.at.blocks, i, 1, TRUE)[0], area.width * sizeof(JBLOCK));
    }
}

static void on_free(j_common_ptr common, int pool)
{
    struct jpeg_memory *memory = memory_of(common);

    if (pool == JPOOL_IMAGE) wipe(common, memory);
    memory->own.free_pool(common, pool);
}

static void watch_memory(j_common_ptr common, struct jpeg_memory *memory)
{
    common->mem->max_memory_to_use = MEMORY_MAX;
    memory->own = *common->mem;
    common->mem->request_virt_barray = on_blocks;
    common->mem->alloc_sarray = on_rows;
    common->mem->alloc_large = on_bytes;
    common->mem->free_pool = on_free;
}

/* -- the output ------------------------------------------------------------------------------------------------------ */

static void begin_output(j_compress_ptr to)
{
    (void)to;
}

/* There is one buffer. */
static boolean on_full(j_compress_ptr to)
{
    jpeg_leave((struct jpeg *)(void *)to->err, PICTURE_TOO_LARGE);
    return FALSE;
}

/* -- the copy -------------------------------------------------------------------------------------------------------- */

static void prepare_reading(struct jpeg *jpeg, const uint8_t *file, size_t size)
{
    jpeg->from.err = jpeg_std_error(&jpeg->errors);
    jpeg->errors.error_exit = on_error;
    jpeg->errors.emit_message = on_message;
    jpeg->errors.output_message = say_nothing;
    jpeg_create_decompress(&jpeg->from);
    jpeg->progress.progress_monitor = on_progress;
    jpeg->from.progress = &jpeg->progress;
    watch_memory((j_common_ptr)&jpeg->from, &jpeg->from_memory);
    jpeg_mem_src(&jpeg->from, file, (unsigned long)size);
}

static void prepare_writing(struct jpeg *jpeg, uint8_t *picture, size_t room)
{
    jpeg->to.err = &jpeg->errors;
    jpeg_create_compress(&jpeg->to);
    watch_memory((j_common_ptr)&jpeg->to, &jpeg->to_memory);
    jpeg->out = (struct jpeg_destination_mgr) { .next_output_byte = picture, .free_in_buffer = room, .init_destination = begin_output,
                                                .empty_output_buffer = on_full, .term_destination = begin_output };
    jpeg->to.dest = &jpeg->out;
}

static void copy(struct jpeg *jpeg)
{
    jvirt_barray_ptr *coefficients;

    if ((uint64_t)jpeg->from.image_width * jpeg->from.image_height > LIMIT_IMAGE_PIXELS) jpeg_leave(jpeg, PICTURE_TOO_LARGE);
    coefficients = jpeg_read_coefficients(&jpeg->from);
    if (jpeg->errors.num_warnings > 0) jpeg_leave(jpeg, PICTURE_NO_IMAGE);
    jpeg_copy_critical_parameters(&jpeg->from, &jpeg->to);
    jpeg->to.optimize_coding = TRUE;
    jpeg_write_coefficients(&jpeg->to, coefficients);
    jpeg_finish_compress(&jpeg->to);
}

static void read_header(struct jpeg *jpeg)
{
    if (jpeg_read_header(&jpeg->from, TRUE) != JPEG_HEADER_OK) jpeg_leave(jpeg, PICTURE_NO_IMAGE);
}

static void make(struct jpeg *jpeg, const struct attempt *attempt)
{
    read_header(jpeg);
    if ((uint64_t)jpeg->from.image_width * jpeg->from.image_height > LIMIT_IMAGE_PIXELS_SCALED) jpeg_leave(jpeg, PICTURE_TOO_LARGE);
    if (attempt->denominator == 0) copy(jpeg);
    else jpeg_scale(jpeg, attempt->denominator, attempt->quality);
}

static void run(struct jpeg *jpeg, const struct attempt *attempt, const uint8_t *file, size_t size, uint8_t *picture, size_t room)
{
    if (setjmp(jpeg->leave) != 0) return;
    prepare_reading(jpeg, file, size);
    prepare_writing(jpeg, picture, room);
    make(jpeg, attempt);
}

static void clean(struct jpeg *jpeg)
{
    while (setjmp(jpeg->leave) != 0) continue; /* what can't be wiped was not there */
    wipe((j_common_ptr)&jpeg->to, &jpeg->to_memory);
    wipe((j_common_ptr)&jpeg->from, &jpeg->from_memory);
    jpeg_destroy_compress(&jpeg->to);
    jpeg_destroy_decompress(&jpeg->from);
}

static enum picture_fault try_at(const struct attempt *attempt, const uint8_t *file, size_t size, uint8_t *picture, size_t room, size_t *picture_size)
{
    struct jpeg *jpeg = calloc(1, sizeof(*jpeg)); /* not on the stack: it is changed between setjmp and longjmp */
    enum picture_fault fault;

    if (jpeg == NULL) return PICTURE_TOO_LARGE;
    run(jpeg, attempt, file, size, picture, room);
    fault = jpeg->fault;
    if (fault == PICTURE_FINE) *picture_size = room - jpeg->out.free_in_buffer;
    clean(jpeg);
    free(jpeg);
    return fault;
}

enum picture_fault picture_strip_jpeg(const uint8_t *file, size_t size, uint8_t *picture, size_t room, size_t *picture_size)
{
    enum picture_fault fault = PICTURE_TOO_LARGE;

    for (size_t i = 0; fault == PICTURE_TOO_LARGE && i < ARRAY_LENGTH(attempts); i++)
        fault = try_at(&attempts[i], file, size, picture, room, picture_size);
    return fault;
}

/* -- the look -------------------------------------------------------------------------------------------------------- */

/* In the scans a marker is none but where FF is not followed by 00: EOI stands there once, and previews in the headers, which have their own, are behind us.
   From the back, because it is the last of most files. */
static bool has_end(const uint8_t *scans, size_t size)
{
    for (size_t end = size; end >= 2; end--)
        if (scans[end - 2] == 0xff && scans[end - 1] == JPEG_EOI) return true;
    return false;
}

static void look(struct jpeg *jpeg, const uint8_t *file, size_t size)
{
    if (setjmp(jpeg->leave) != 0) return;
    prepare_reading(jpeg, file, size);
    read_header(jpeg);
    if (jpeg->errors.num_warnings > 0 || !has_end(jpeg->from.src->next_input_byte, jpeg->from.src->bytes_in_buffer))
        jpeg_leave(jpeg, PICTURE_NO_IMAGE);
}

enum picture_fault picture_look_jpeg(const uint8_t *file, size_t size)
{
    struct jpeg *jpeg = calloc(1, sizeof(*jpeg));
    enum picture_fault fault;

    if (jpeg == NULL) return PICTURE_TOO_LARGE;
    look(jpeg, file, size);
    fault = jpeg->fault;
    clean(jpeg);
    free(jpeg);
    return fault;
}
