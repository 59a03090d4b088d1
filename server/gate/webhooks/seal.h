/* A receiver's secret: as it is stored, as it is told, and what it signs (Standard Webhooks 1.0.0, standardwebhooks.com). */
#ifndef SERVER_GATE_WEBHOOKS_SEAL_H
#define SERVER_GATE_WEBHOOKS_SEAL_H

#include <platesieve/limits.h>
#include <stdint.h>

#include "server/http/reason.h"

#define WEBHOOK_SECRET_TEXT 51    /* "whsec_", base64 with padding, and the ending zero */
#define WEBHOOK_SIGNATURE_TEXT 48 /* "v1,", base64 with padding, and the ending zero */

/* The key is made of KEY, the gates' MAC key; agency, name and URL are bound in (XChaCha20-Poly1305). */
void webhook_secret_seal(const uint8_t key[32], const char *agency, const char *name, const char *url,
                         const uint8_t secret[WEBHOOK_SECRET_BYTES], uint8_t sealed[WEBHOOK_SEALED_BYTES]);
/* REASON_INTERNAL when it does not open: another gates' key, another row's, a changed address. */
struct result webhook_secret_open(const uint8_t key[32], const char *agency, const char *name, const char *url,
                                  const uint8_t sealed[WEBHOOK_SEALED_BYTES], uint8_t secret[WEBHOOK_SECRET_BYTES]);
void webhook_secret_print(const uint8_t secret[WEBHOOK_SECRET_BYTES], char text[WEBHOOK_SECRET_TEXT]);
/* HMAC-SHA-256 over "<ID>.<SECONDS>.<BODY>". */
void webhook_sign(const uint8_t secret[WEBHOOK_SECRET_BYTES], const char *id, int64_t seconds, const char *body, size_t size,
                  char text[WEBHOOK_SIGNATURE_TEXT]);

#endif
