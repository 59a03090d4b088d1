/* What jpeg.c and jpeg_scale.c share: libjpeg told to leave with a fault, to keep within its memory, and to leave nothing in it. */
#ifndef CLIENT_PICTURE_JPEG_H
#define CLIENT_PICTURE_JPEG_H

#include <jpeglib.h>
#include <setjmp.h>

#include "client/picture/picture.h"

#define JPEG_AREAS 64

struct jpeg_area { /* rows of samples, coefficients of one component, or bytes; as long as libjpeg has them */
    enum { JPEG_ROWS, JPEG_BLOCKS, JPEG_BYTES } kind;
    union {
        JSAMPARRAY rows;
        jvirt_barray_ptr blocks;
        void *bytes;
    } at;
    size_t width, height; /* of bytes: width */
};

/* One object of libjpeg's: where in its memory the picture is, and libjpeg's own functions behind ours. */
struct jpeg_memory {
    struct jpeg_memory_mgr own;
    size_t count;
    struct jpeg_area areas[JPEG_AREAS];
};

struct jpeg {
    struct jpeg_error_mgr errors; /* first: libjpeg hands it back */
    struct jpeg_progress_mgr progress;
    struct jpeg_destination_mgr out;
    struct jpeg_decompress_struct from;
    struct jpeg_compress_struct to;
    struct jpeg_memory from_memory, to_memory;
    enum picture_fault fault;
    jmp_buf leave;
};

_Noreturn void jpeg_leave(struct jpeg *jpeg, enum picture_fault fault);
/* After the headers were read: one half, a quarter or an eighth in each direction (DENOMINATOR; 1: as it is), compressed anew (QUALITY: up to 100). */
void jpeg_scale(struct jpeg *jpeg, unsigned denominator, int quality);

#endif
