/* What a list header says, as the JSON that is signed. */
#include <jansson.h>
#include <openssl/err.h>
#include <sodium.h>
#include <time.h>

#include "crypto/list_header.h"

#define FORM "list-header/1"
#define TIME_TEXT sizeof("2026-11-22T01:30:43.123Z")
#define CERTIFICATE_TEXT sodium_base64_ENCODED_LEN(LIMIT_CERTIFICATE_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)

/* -- times: RFC 3339, UTC, milliseconds -------------------------------------------------------------------------------------------------- */

static bool write_time(int64_t ms, char text[TIME_TEXT])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char second[TIME_TEXT];

    if (ms < 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 8099) return false;
    if (strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S", &tm) == 0) return false;
    return snprintf(text, TIME_TEXT, "%.19s.%03dZ", second, (int)(ms % 1000)) == TIME_TEXT - 1;
}

/* Exactly what write_time() makes of some moment. */
static bool parse_time(const char *text, int64_t *ms)
{
    struct tm tm = { 0 };
    char again[TIME_TEXT];
    const char *rest;

    if (text == NULL || strlen(text) != TIME_TEXT - 1) return false;
    rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL || *rest != '.' || strspn(rest + 1, "0123456789") != 3) return false;
    *ms = (int64_t)timegm(&tm) * 1000 + strtol(rest + 1, NULL, 10);
    return write_time(*ms, again) && strcmp(again, text) == 0;
}

/* -- reading ----------------------------------------------------------------------------------------------------------------------------- */

static bool take_name(const json_t *json, char name[LIMIT_NAME_MAX + 1])
{
    const char *text = json_string_value(json);

    if (text == NULL || !anchored_part_valid(text, json_string_length(json))) return false;
    memcpy(name, text, json_string_length(json) + 1);
    return true;
}

static bool take_agencies(const json_t *array, struct list_header *header)
{
    const size_t count = json_array_size(array);

    if (!json_is_array(array) || count > LIMIT_HEADER_AGENCIES) return false;
    for (size_t i = 0; i < count; i++) {
        if (!take_name(json_array_get(array, i), header->shared_with[i]) || strcmp(header->shared_with[i], header->agency) == 0) return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(header->shared_with[i], header->shared_with[k]) == 0) return false;
    }
    header->shared_count = count;
    return true;
}

/* All of the bytes, as DER. */
static X509 *parse_certificate(const json_t *json)
{
    uint8_t der[LIMIT_CERTIFICATE_BYTES], *again = NULL;
    const unsigned char *at = der;
    size_t size = 0;
    X509 *certificate;
    bool same;

    if (json_string_value(json) == NULL || json_string_length(json) >= CERTIFICATE_TEXT) return NULL;
    if (sodium_base642bin(der, sizeof(der), json_string_value(json), json_string_length(json), NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 || size == 0)
        return NULL;
    certificate = d2i_X509(NULL, &at, (long)size);
    same = certificate != NULL && i2d_X509(certificate, &again) == (int)size && memcmp(again, der, size) == 0;
    OPENSSL_free(again);
    if (same) return certificate;
    X509_free(certificate);
    return NULL;
}

static bool take_recipients(const json_t *array, struct list_header *header)
{
    const size_t count = json_array_size(array);

    if (!json_is_array(array) || count < 1 || count > LIMIT_HEADER_RECIPIENTS) return false;
    for (size_t i = 0; i < count; i++) {
        X509 *certificate = parse_certificate(json_array_get(array, i));

        if (certificate == NULL) return false;
        header->recipients[header->recipient_count++].certificate = certificate;
    }
    return true;
}

static bool take_members(json_t *json, struct list_header *header)
{
    const char *form = NULL, *signed_at = NULL, *expires = NULL;
    json_t *agency = NULL, *list = NULL, *recipients = NULL, *shared = NULL;
    json_int_t serial = 0;

    if (json_unpack(json, "{s:s, s:o, s:o, s:I, s:s, s:s, s:o, s:o !}", "platesieve", &form, "agency", &agency, "list", &list, "serial",
                    &serial, "signed_at", &signed_at, "expires", &expires, "recipients", &recipients, "shared_with", &shared) != 0)
        return false;
    if (strcmp(form, FORM) != 0 || serial < 1) return false;
    header->serial = (uint64_t)serial;
    return take_name(agency, header->agency) && take_name(list, header->list) && parse_time(signed_at, &header->signed_ms) &&
           parse_time(expires, &header->expires_ms) && header->expires_ms > header->signed_ms && take_agencies(shared, header) &&
           take_recipients(recipients, header);
}

enum list_header_fault list_header_parse(const char *text, size_t size, struct list_header *header)
{
    json_error_t error;
    json_t *json = size <= LIMIT_HEADER_BYTES ? json_loadb(text, size, JSON_REJECT_DUPLICATES, &error) : NULL;
    const bool good = json != NULL && take_members(json, header);

    sodium_memzero(&error, sizeof(error));
    json_decref(json);
    ERR_clear_error();
    return good ? LIST_HEADER_FINE : LIST_HEADER_FORM;
}

/* -- writing ------------------------------------------------------------------------------------------------------------------------------ */

static json_t *certificate_json(const X509 *certificate)
{
    uint8_t der[LIMIT_CERTIFICATE_BYTES], *at = der;
    char text[CERTIFICATE_TEXT];
    const int size = i2d_X509(certificate, NULL);

    if (size <= 0 || size > LIMIT_CERTIFICATE_BYTES || i2d_X509(certificate, &at) != size) return NULL;
    return json_string(sodium_bin2base64(text, sizeof(text), der, (size_t)size, sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

char *list_header_write(const struct list_header *header)
{
    char signed_at[TIME_TEXT], expires[TIME_TEXT], *text = NULL;
    json_t *recipients = json_array(), *shared = json_array(), *json;
    bool good = write_time(header->signed_ms, signed_at) && write_time(header->expires_ms, expires);

    for (size_t i = 0; i < header->recipient_count; i++)
        good = json_array_append_new(recipients, certificate_json(header->recipients[i].certificate)) == 0 && good;
    for (size_t i = 0; i < header->shared_count; i++)
        good = json_array_append_new(shared, json_string(header->shared_with[i])) == 0 && good;
    if (!good) {
        json_decref(recipients);
        json_decref(shared);
        return NULL;
    }
    json = json_pack("{ss ss ss sI ss ss so so}", "platesieve", FORM, "agency", header->agency, "list", header->list, "serial",
                     (json_int_t)header->serial, "signed_at", signed_at, "expires", expires, "recipients", recipients, "shared_with", shared);
    if (json != NULL) text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}
