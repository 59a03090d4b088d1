#include "client/enrol/code.h"

#include <sodium.h>
#include <string.h>

#define DATA 26 /* symbols of 5 bits: two zero bits, then the code's 128, the highest first */

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static_assert(PLATESIEVE_CODE_TEXT == DATA + 2, "two symbols check the others");
static_assert(DATA * 5 == 2 + PLATESIEVE_CODE_BYTES * 8, "all bits have their place");

/* -- the check ----------------------------------------------------------------------------------------------------- */

/* In the field of 32 elements, x^5 = x^2 + 1. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0;

    for (unsigned bit = 0; bit < 5; bit++)
        if ((b >> bit & 1) != 0) product ^= (unsigned)a << bit;
    for (unsigned bit = 8; bit >= 5; bit--)
        if ((product >> bit & 1) != 0) product ^= 0x25u << (bit - 5);
    return (uint8_t)product;
}

/* x to the power of N. */
static uint8_t power(unsigned n)
{
    uint8_t result = 1;

    while (n-- > 0) result = multiply(result, 2);
    return result;
}

static uint8_t inverse(uint8_t a)
{
    uint8_t result = 1;

    for (unsigned i = 0; i < 30; i++) result = multiply(result, a); /* a^31 = 1 */
    return result;
}

/* Σ s_i and Σ x^i s_i: both are zero for a whole code.  The factors x^0 to x^27 differ, so that no one or two wrong
 * symbols leave both as they were. */
static void sums(const uint8_t *symbols, size_t count, uint8_t *plain, uint8_t *weighted)
{
    *plain = *weighted = 0;
    for (size_t i = 0; i < count; i++) {
        *plain ^= symbols[i];
        *weighted ^= multiply(power((unsigned)i), symbols[i]);
    }
}

static void add_check(uint8_t symbols[PLATESIEVE_CODE_TEXT])
{
    uint8_t plain, weighted;

    sums(symbols, DATA, &plain, &weighted);
    symbols[DATA + 1] = multiply((uint8_t)(weighted ^ multiply(power(DATA), plain)),
                                 inverse((uint8_t)(power(DATA) ^ power(DATA + 1))));
    symbols[DATA] = plain ^ symbols[DATA + 1];
}

/* -- text ---------------------------------------------------------------------------------------------------------- */

void enrol_code_print(const uint8_t code[PLATESIEVE_CODE_BYTES], char text[ENROL_CODE_PRINTED + 1])
{
    uint8_t symbols[PLATESIEVE_CODE_TEXT] = { 0 };
    size_t used = 0;

    for (unsigned bit = 0; bit < PLATESIEVE_CODE_BYTES * 8; bit++)
        if ((code[bit / 8] >> (7 - bit % 8) & 1) != 0) symbols[(bit + 2) / 5] |= (uint8_t)(1u << (4 - (bit + 2) % 5));
    add_check(symbols);
    for (size_t i = 0; i < PLATESIEVE_CODE_TEXT; i++) {
        if (i > 0 && i % 4 == 0) text[used++] = '-';
        text[used++] = alphabet[symbols[i]];
    }
    text[used] = '\0';
    sodium_memzero(symbols, sizeof(symbols));
}

/* -1: not of the alphabet. */
static int symbol_of(char c)
{
    const char *found;

    if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    found = c == '\0' ? NULL : strchr(alphabet, c);
    return found == NULL ? -1 : (int)(found - alphabet);
}

static bool take_symbols(const char *text, size_t size, uint8_t symbols[PLATESIEVE_CODE_TEXT])
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++) {
        const int symbol = symbol_of(text[i]);

        if (text[i] == '-' || text[i] == ' ' || text[i] == '\t') continue;
        if (symbol < 0 || count == PLATESIEVE_CODE_TEXT) return false;
        symbols[count++] = (uint8_t)symbol;
    }
    return count == PLATESIEVE_CODE_TEXT;
}

bool enrol_code_parse(const char *text, size_t size, uint8_t code[PLATESIEVE_CODE_BYTES])
{
    uint8_t symbols[PLATESIEVE_CODE_TEXT], plain = 1, weighted = 1;
    bool whole = take_symbols(text, size, symbols);

    if (whole) sums(symbols, PLATESIEVE_CODE_TEXT, &plain, &weighted);
    whole = whole && plain == 0 && weighted == 0 && symbols[0] < 8;
    memset(code, 0, PLATESIEVE_CODE_BYTES);
    for (unsigned bit = 0; whole && bit < PLATESIEVE_CODE_BYTES * 8; bit++)
        if ((symbols[(bit + 2) / 5] >> (4 - (bit + 2) % 5) & 1) != 0) code[bit / 8] |= (uint8_t)(1u << (7 - bit % 8));
    sodium_memzero(symbols, sizeof(symbols));
    return whole;
}

/* -- the code at work ---------------------------------------------------------------------------------------------- */

void enrol_code_mac(const uint8_t code[PLATESIEVE_CODE_BYTES], const uint8_t *csr, size_t size,
                    uint8_t mac[PLATESIEVE_MAC_BYTES])
{
    static const char context[] = "platesieve/1/enrol"; /* with its ending zero */
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, code, PLATESIEVE_CODE_BYTES);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)context, sizeof(context));
    crypto_auth_hmacsha256_update(&state, csr, size);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
}
