#include "client/alerts/page.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define HASH_TEXT 45 /* of SHA-256, in base64 */

/* Of what stands between <TAG> and </TAG>: there is one of each. */
static void hash_of(const char *open, const char *close, char text[HASH_TEXT])
{
    const char *begin = strstr(display_page, open), *end = begin == NULL ? NULL : strstr(begin, close);
    uint8_t hash[crypto_hash_sha256_BYTES] = { 0 };

    if (end != NULL) {
        begin += strlen(open);
        crypto_hash_sha256(hash, (const uint8_t *)begin, (size_t)(end - begin));
    }
    sodium_bin2base64(text, HASH_TEXT, hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL);
}

void display_policy(char policy[DISPLAY_POLICY_TEXT])
{
    char script[HASH_TEXT], style[HASH_TEXT];

    hash_of("<script>", "</script>", script);
    hash_of("<style>", "</style>", style);
    snprintf(policy, DISPLAY_POLICY_TEXT,
             "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
             "frame-ancestors 'none'",
             script, style);
}
