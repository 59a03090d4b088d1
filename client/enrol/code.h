/* One-time codes as people carry them: 128 bits in 28 characters of Crockford's base 32, in groups of four, the last
 * two a check over the others (docs/protocol.md, chapter Enrolment). */
#ifndef CLIENT_ENROL_CODE_H
#define CLIENT_ENROL_CODE_H

#include <platesieve/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/cleanup.h"

#define ENROL_CODE_PRINTED (PLATESIEVE_CODE_TEXT + PLATESIEVE_CODE_TEXT / 4 - 1) /* "7X2K-...", with hyphens */

void enrol_code_print(const uint8_t code[PLATESIEVE_CODE_BYTES], char text[ENROL_CODE_PRINTED + 1]);
/* Small letters, O for 0, I and L for 1, hyphens and spaces are fine.  False for anything that is no code: one or two
 * wrong characters, or two that changed places, are always noticed. */
bool enrol_code_parse(const char *text, size_t size, uint8_t code[PLATESIEVE_CODE_BYTES]) MUST_USE;

/* HMAC-SHA-256(code, "platesieve/1/enrol" 00 CSR). */
void enrol_code_mac(const uint8_t code[PLATESIEVE_CODE_BYTES], const uint8_t *csr, size_t size,
                    uint8_t mac[PLATESIEVE_MAC_BYTES]);

#endif
