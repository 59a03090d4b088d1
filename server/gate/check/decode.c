/* The two small decoders of a check.  libsodium's for base64 runs in constant time, at ten times the cost: what is decoded here chooses
   the memory that is read next anyway. */
#include "server/gate/check/batch.h"

#define GOOD 0x40

/* The alphabet of RFC 4648, section 5; all else is 0. */
static const uint8_t values[256] = {
    ['A'] = GOOD | 0, ['B'] = GOOD | 1, ['C'] = GOOD | 2, ['D'] = GOOD | 3, ['E'] = GOOD | 4, ['F'] = GOOD | 5, ['G'] = GOOD | 6, ['H'] = GOOD | 7,
    ['I'] = GOOD | 8, ['J'] = GOOD | 9, ['K'] = GOOD | 10, ['L'] = GOOD | 11, ['M'] = GOOD | 12, ['N'] = GOOD | 13, ['O'] = GOOD | 14, ['P'] = GOOD | 15,
    ['Q'] = GOOD | 16, ['R'] = GOOD | 17, ['S'] = GOOD | 18, ['T'] = GOOD | 19, ['U'] = GOOD | 20, ['V'] = GOOD | 21, ['W'] = GOOD | 22, ['X'] = GOOD | 23,
    ['Y'] = GOOD | 24, ['Z'] = GOOD | 25, ['a'] = GOOD | 26, ['b'] = GOOD | 27, ['c'] = GOOD | 28, ['d'] = GOOD | 29, ['e'] = GOOD | 30, ['f'] = GOOD | 31,
    ['g'] = GOOD | 32, ['h'] = GOOD | 33, ['i'] = GOOD | 34, ['j'] = GOOD | 35, ['k'] = GOOD | 36, ['l'] = GOOD | 37, ['m'] = GOOD | 38, ['n'] = GOOD | 39,
    ['o'] = GOOD | 40, ['p'] = GOOD | 41, ['q'] = GOOD | 42, ['r'] = GOOD | 43, ['s'] = GOOD | 44, ['t'] = GOOD | 45, ['u'] = GOOD | 46, ['v'] = GOOD | 47,
    ['w'] = GOOD | 48, ['x'] = GOOD | 49, ['y'] = GOOD | 50, ['z'] = GOOD | 51, ['0'] = GOOD | 52, ['1'] = GOOD | 53, ['2'] = GOOD | 54, ['3'] = GOOD | 55,
    ['4'] = GOOD | 56, ['5'] = GOOD | 57, ['6'] = GOOD | 58, ['7'] = GOOD | 59, ['8'] = GOOD | 60, ['9'] = GOOD | 61, ['-'] = GOOD | 62, ['_'] = GOOD | 63,
};

bool check_decode16(const char *text, size_t size, uint8_t bytes[16])
{
    const uint8_t *in = (const uint8_t *)text;
    uint8_t good = GOOD, a, b;

    if (size != PLATESIEVE_TOKEN_TEXT) return false;
    for (size_t i = 0; i < 5; i++, in += 4, bytes += 3) {
        uint8_t c = values[in[2]], d = values[in[3]];

        a = values[in[0]];
        b = values[in[1]];
        good &= a & b & c & d;
        bytes[0] = (uint8_t)(a << 2 | (b & 0x3f) >> 4);
        bytes[1] = (uint8_t)(b << 4 | (c & 0x3f) >> 2);
        bytes[2] = (uint8_t)(c << 6 | (d & 0x3f));
    }
    a = values[in[0]];
    b = values[in[1]];
    bytes[0] = (uint8_t)(a << 2 | (b & 0x3f) >> 4);
    return (good & a & b) != 0 && (b & 0x0f) == 0;
}

bool check_decode_share(const char *text, size_t size, float *share)
{
    char copy[40]; /* no encoder needs as many for a double */
    char *end;
    double value;

    if (size == 0 || size >= sizeof(copy)) return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    value = strtod(copy, &end); /* under the C locale: nothing here calls setlocale() */
    *share = (float)value;
    return end == copy + size && value >= 0 && value <= 1;
}
