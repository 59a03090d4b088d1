/* From whatever code an engine or a hot file uses to the ISO code that goes into a message. */
#include <platesieve/platesieve.h>

#include "cleanup.h"
#include "crypto/jurisdiction_table.h"

static const char *const codes_names[] = {
    [PLATESIEVE_CODES_ISO] = "iso",
    [PLATESIEVE_CODES_NCIC] = "ncic",
    [PLATESIEVE_CODES_AAMVA] = "aamva",
    [PLATESIEVE_CODES_USPS] = "usps",
};

bool platesieve_codes_parse(const char *name, enum platesieve_codes *codes)
{
    for (size_t i = 0; i < ARRAY_LENGTH(codes_names); i++) {
        if (strcmp(name, codes_names[i]) == 0) {
            *codes = (enum platesieve_codes)i;
            return true;
        }
    }
    return false;
}

/* Bytes of white space at the beginning of TEXT's SIZE bytes: ASCII's, or a no-break space in UTF-8; 0 if there is none. */
static size_t space_at_start(const char *text, size_t size)
{
    if (size >= 1 && (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r')))
        return 1;
    return size >= 2 && memcmp(text, "\xC2\xA0", 2) == 0 ? 2 : 0;
}

static size_t space_at_end(const char *text, size_t size)
{
    if (size >= 1 && space_at_start(text + size - 1, 1) == 1)
        return 1;
    return size >= 2 && memcmp(text + size - 2, "\xC2\xA0", 2) == 0 ? 2 : 0;
}

/* Trims CODE and puts it, in capitals, into KEY; false when it can't be a code. */
static bool key_make(const char *code, size_t size, char key[PLATESIEVE_JURISDICTION_MAX + 1])
{
    size_t space;

    while ((space = space_at_start(code, size)) > 0) {
        code += space;
        size -= space;
    }
    while ((space = space_at_end(code, size)) > 0)
        size -= space;
    if (size > PLATESIEVE_JURISDICTION_MAX)
        return false;
    memset(key, 0, PLATESIEVE_JURISDICTION_MAX + 1);
    for (size_t i = 0; i < size; i++) {
        if (code[i] == 0)
            return false;
        key[i] = code[i] >= 'a' && code[i] <= 'z' ? (char)(code[i] - 'a' + 'A') : code[i];
    }
    return true;
}

/* Rows of both kinds of table begin with the code that they are sorted by. */
static int compare_code(const void *key, const void *row)
{
    return strcmp(key, row);
}

static const char *find_pair(enum platesieve_codes codes, const char *key)
{
    const struct jurisdiction_pairs *table = &jurisdiction_pairs[codes];
    const struct jurisdiction_pair *pair = bsearch(key, table->pairs, table->count, sizeof *pair, compare_code);

    return pair != NULL ? pair->iso : NULL;
}

struct platesieve_result platesieve_jurisdiction_map(enum platesieve_codes codes, const char *code, size_t size,
                                                     struct platesieve_jurisdiction *jurisdiction)
{
    char key[PLATESIEVE_JURISDICTION_MAX + 1];
    const char *iso;

    *jurisdiction = (struct platesieve_jurisdiction){ 0 };
    if ((size_t)codes >= ARRAY_LENGTH(codes_names))
        return (struct platesieve_result){ PLATESIEVE_BAD_ARGUMENT };
    if (!key_make(code, size, key))
        return (struct platesieve_result){ PLATESIEVE_UNKNOWN_JURISDICTION };
    if (key[0] == 0)
        return (struct platesieve_result){ PLATESIEVE_OK };
    iso = find_pair(codes, key);
    if (iso == NULL && codes == PLATESIEVE_CODES_ISO)
        iso = bsearch(key, jurisdiction_iso, jurisdiction_iso_count, sizeof jurisdiction_iso[0], compare_code);
    if (iso == NULL)
        return (struct platesieve_result){ PLATESIEVE_UNKNOWN_JURISDICTION };
    memcpy(jurisdiction->code, iso, strlen(iso));
    return (struct platesieve_result){ PLATESIEVE_OK };
}
