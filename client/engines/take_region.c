/* Jurisdictions as engines state them. */
#include "client/engines/country.h"
#include "client/engines/document_internal.h"
#include "client/engines/region_name.h"

#define REGION_MAX 16 /* characters of one that is looked at */

struct region {
    char text[REGION_MAX + 1]; /* capitals, '-' for '_' and ' ' */
    size_t size;
};

/* A country whose states or provinces issue the plates: without them, nothing is known of one. */
static bool has_parts(const char *country, size_t size)
{
    static const char *const countries[] = { "US", "CA", "MX", "USA", "CAN", "MEX" };

    for (size_t i = 0; i < ARRAY_LENGTH(countries); i++)
        if (strlen(countries[i]) == size && memcmp(countries[i], country, size) == 0) return true;
    return false;
}

enum meaning { MEANS_THIS, MEANS_NOTHING_KNOWN, MEANS_NOTHING };

/* False: it can't be a region. */
static bool region_make(struct value value, struct region *region)
{
    const char *text = value.text, *end = text + value.size;

    *region = (struct region){ .size = 0 };
    while (text < end && (*text == ' ' || *text == '\t')) text++;
    while (end > text && (end[-1] == ' ' || end[-1] == '\t')) end--;
    if (end - text > REGION_MAX) return false;
    for (; text < end; text++) {
        char c = *text;

        if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
        if (c == '_' || c == ' ') c = '-';
        if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-') return false;
        region->text[region->size++] = c;
    }
    return true;
}

static bool map(enum platesieve_codes codes, const char *text, size_t size, struct platesieve_jurisdiction *jurisdiction)
{
    return !platesieve_failed(platesieve_jurisdiction_map(codes, text, size, jurisdiction)) && jurisdiction->code[0] != '\0';
}

static bool map_part(const char country[2], const char *part, size_t size, struct platesieve_jurisdiction *jurisdiction)
{
    char text[3 + REGION_MAX] = { country[0], country[1], '-' };

    memcpy(text + 3, part, size);
    return map(PLATESIEVE_CODES_ISO, text, 3 + size, jurisdiction);
}

/* "US-MO", "EU-NL", "AU-QLD" */
static enum meaning two_parts(const struct region *region, struct platesieve_jurisdiction *jurisdiction)
{
    if (map(PLATESIEVE_CODES_ISO, region->text, region->size, jurisdiction)) return MEANS_THIS;
    if (region->text[2] != '-') return MEANS_NOTHING;
    if (memcmp(region->text, "EU", 2) == 0) return map(PLATESIEVE_CODES_ISO, region->text + 3, region->size - 3, jurisdiction) ? MEANS_THIS : MEANS_NOTHING;
    return map(PLATESIEVE_CODES_ISO, region->text, 2, jurisdiction) ? MEANS_THIS : MEANS_NOTHING;
}

/* Two letters of an engine that says parts of a country, when nobody says of which: Georgia or Gabon? */
static enum meaning part_or_country(const char *text, struct platesieve_jurisdiction *jurisdiction)
{
    struct platesieve_jurisdiction part, country;
    const bool is_part = map(PLATESIEVE_CODES_USPS, text, 2, &part), is_country = map(PLATESIEVE_CODES_ISO, text, 2, &country);

    if (is_part && is_country && strcmp(part.code, country.code) != 0) return MEANS_NOTHING;
    *jurisdiction = is_part ? part : country;
    return is_part || is_country ? MEANS_THIS : MEANS_NOTHING;
}

static enum meaning two_letters(const struct engine_options *options, bool of_parts, const char *text, struct platesieve_jurisdiction *jurisdiction)
{
    const bool told = options->country[0] != '\0';

    if (of_parts && told && map_part(options->country, text, 2, jurisdiction)) return MEANS_THIS;
    if (has_parts(text, 2)) return MEANS_NOTHING_KNOWN;
    if (of_parts && !told) return part_or_country(text, jurisdiction);
    if (map(PLATESIEVE_CODES_ISO, text, 2, jurisdiction)) return MEANS_THIS;
    return told && map_part(options->country, text, 2, jurisdiction) ? MEANS_THIS : MEANS_NOTHING;
}

static enum meaning understand(const struct engine_options *options, enum platesieve_codes codes, const struct region *region,
                               struct platesieve_jurisdiction *jurisdiction)
{
    const struct value country = engine_country((struct value){ .kind = VALUE_TEXT, .text = region->text, .size = region->size });

    if (region->size == 0) return MEANS_NOTHING_KNOWN;
    if (options->codes_known && map(options->codes, region->text, region->size, jurisdiction)) return MEANS_THIS;
    if (memchr(region->text, '-', region->size) != NULL) return two_parts(region, jurisdiction);
    if (has_parts(region->text, region->size) && region->size == 3) return MEANS_NOTHING_KNOWN;
    if (country.kind == VALUE_TEXT) return two_letters(options, false, country.text, jurisdiction);
    if (options->country[0] != '\0' && region->size == 3 && map_part(options->country, region->text, 3, jurisdiction)) return MEANS_THIS;
    if (region->size != 2) return MEANS_NOTHING;
    return two_letters(options, !options->codes_known && codes != PLATESIEVE_CODES_ISO, region->text, jurisdiction);
}

static enum meaning by_name(const struct engine_options *options, struct value region, struct platesieve_jurisdiction *jurisdiction)
{
    const struct value code = engine_region_name(region, options->country);

    return code.kind == VALUE_TEXT && map(PLATESIEVE_CODES_ISO, code.text, code.size, jurisdiction) ? MEANS_THIS : MEANS_NOTHING;
}

void engine_region(const struct engine_options *options, struct engine_reads *reads, struct engine_read *read, enum platesieve_codes codes,
                   struct value region, struct value confidence, enum engine_scale scale)
{
    struct platesieve_jurisdiction jurisdiction = { 0 };
    struct region text;
    enum meaning meaning = MEANS_NOTHING;

    if (region.kind == VALUE_NONE) return;
    if (region.kind == VALUE_TEXT && region_make(region, &text)) meaning = understand(options, codes, &text, &jurisdiction);
    if (meaning == MEANS_NOTHING) meaning = by_name(options, region, &jurisdiction);
    if (meaning == MEANS_NOTHING) reads->faults[ENGINE_REGION]++;
    if (meaning != MEANS_THIS) return;
    read->jurisdiction = jurisdiction;
    read->region_confidence = confidence_take(reads, confidence, scale, false);
}
