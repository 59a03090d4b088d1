/* A JPEG that is too large as it is: decoded at a smaller size, which costs libjpeg less than the whole, and compressed anew, row by row. */
#include "client/picture/jpeg.h"

static bool same_colours(J_COLOR_SPACE colours)
{
    return colours == JCS_GRAYSCALE || colours == JCS_YCbCr || colours == JCS_RGB;
}

static void begin(struct jpeg *jpeg, unsigned denominator, int quality)
{
    jpeg->from.scale_num = 1;
    jpeg->from.scale_denom = denominator;
    jpeg->from.out_color_space = jpeg->from.jpeg_color_space; /* what a camera saw is not converted */
    if (!jpeg_start_decompress(&jpeg->from)) jpeg_leave(jpeg, PICTURE_NO_IMAGE);
    if ((uint64_t)jpeg->from.output_width * jpeg->from.output_height > LIMIT_IMAGE_PIXELS) jpeg_leave(jpeg, PICTURE_TOO_LARGE);
    jpeg->to.image_width = jpeg->from.output_width;
    jpeg->to.image_height = jpeg->from.output_height;
    jpeg->to.input_components = jpeg->from.output_components;
    jpeg->to.in_color_space = jpeg->from.out_color_space;
    jpeg_set_defaults(&jpeg->to);
    jpeg_set_quality(&jpeg->to, quality, TRUE);
    jpeg_start_compress(&jpeg->to, TRUE);
}

void jpeg_scale(struct jpeg *jpeg, unsigned denominator, int quality)
{
    JSAMPARRAY row;

    if (!same_colours(jpeg->from.jpeg_color_space)) jpeg_leave(jpeg, PICTURE_TOO_LARGE);
    begin(jpeg, denominator, quality);
    row = jpeg->from.mem->alloc_sarray((j_common_ptr)&jpeg->from, JPOOL_IMAGE, jpeg->to.image_width * (JDIMENSION)jpeg->to.input_components, 1);
    while (jpeg->from.output_scanline < jpeg->from.output_height) {
        if (jpeg_read_scanlines(&jpeg->from, row, 1) != 1 || jpeg->errors.num_warnings > 0) jpeg_leave(jpeg, PICTURE_NO_IMAGE);
        (void)jpeg_write_scanlines(&jpeg->to, row, 1);
    }
    jpeg_finish_compress(&jpeg->to);
    if (jpeg->errors.num_warnings > 0) jpeg_leave(jpeg, PICTURE_NO_IMAGE);
}
