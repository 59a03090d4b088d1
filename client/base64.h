/* base64url without padding, as the protocol writes binary values. */
#ifndef CLIENT_BASE64_H
#define CLIENT_BASE64_H

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline void base64_print(const uint8_t *bytes, size_t size, char *text, size_t text_size)
{
    sodium_bin2base64(text, text_size, bytes, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* How many bytes TEXT (NULL: none) stands for, at most MAX; 0 for anything else. */
static inline size_t base64_parse_some(const char *text, uint8_t *bytes, size_t max)
{
    size_t size = 0;

    return text != NULL && sodium_base642bin(bytes, max, text, strlen(text), NULL, &size, NULL,
                                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0
               ? size
               : 0;
}

/* Exactly SIZE bytes, which is not 0; false for anything else. */
static inline bool base64_parse(const char *text, uint8_t *bytes, size_t size)
{
    return base64_parse_some(text, bytes, size) == size;
}

#endif
