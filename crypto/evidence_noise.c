/* Does it look like ciphertext?  Pearson's chi-square over how often each value occurs.  Of ciphertext the sum is near the number of values
   less one; a JPEG of some ten kilobytes is far over it, because its code words are not all as likely and each FF brings a 00.

   The bounds: for 256 values, each expected 16 times and more, the sum is over 450 or under 125 in fewer than one of 10^11 cases; for 16
   values, each expected 4 times and more, over 110 in fewer than one of 10^12.  (Distribution with 255 and 15 degrees of freedom; the
   distance to the promised 10^-9 is for what the approximation lacks at so few.) */
#include "crypto/evidence.h"
#include "include/cleanup.h"

#define VALUES 256
#define VALUES_COARSE 16
#define EXPECTED_MIN 16.0
#define SUM_MIN 125.0
#define SUM_MAX 450.0
#define SUM_MAX_COARSE 110.0

/* First bytes, long enough that ciphertext has them by chance in fewer than one of 10^14 cases. */
static const struct {
    size_t at, size;
    const char *bytes;
} marks[] = {
    { 0, 8, "\x89PNG\r\n\x1a\n" },
    { 6, 5, "JFIF" },     /* with its ending zero; in the first segment of a JPEG */
    { 6, 6, "Exif\0" },
    { 0, 6, "GIF87a" },
    { 0, 6, "GIF89a" },
    { 8, 7, "WEBPVP8" },
    { 4, 8, "ftypheic" },
    { 4, 8, "ftypmif1" },
    { 4, 8, "ftypavif" },
    { 0, 6, "\xff\xd8\xff\xdb\x00\x43" }, /* a JPEG without either begins with its tables */
    { 0, 6, "\xff\xd8\xff\xdb\x00\x84" },
};

bool evidence_is_image(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < ARRAY_LENGTH(marks); i++)
        if (size >= marks[i].at + marks[i].size && memcmp(bytes + marks[i].at, marks[i].bytes, marks[i].size) == 0) return true;
    return false;
}

static double chi_square(const uint32_t *counts, size_t values, size_t size)
{
    const double expected = (double)size / (double)values;
    double sum = 0;

    for (size_t i = 0; i < values; i++) sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    return sum;
}

bool evidence_looks_readable(const uint8_t *bytes, size_t size)
{
    uint32_t counts[VALUES] = { 0 }, coarse[VALUES_COARSE] = { 0 };
    double sum;

    if (evidence_is_image(bytes, size)) return true;
    for (size_t i = 0; i < size; i++) counts[bytes[i]]++;
    if ((double)size >= EXPECTED_MIN * VALUES) {
        sum = chi_square(counts, VALUES, size);
        return sum < SUM_MIN || sum > SUM_MAX;
    }
    if (size < EVIDENCE_PICTURE_MIN) return false; /* too little to be one, and to tell */
    for (size_t i = 0; i < VALUES; i++) coarse[i / VALUES_COARSE] += counts[i];
    return chi_square(coarse, VALUES_COARSE, size) > SUM_MAX_COARSE;
}
