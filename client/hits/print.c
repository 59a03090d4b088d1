/* One hit, for people or for programs. */
#include "client/hits/hits.h"
#include "client/http/problem.h"

static const char *kind_name(enum reference_kind kind)
{
    switch (kind) {
    case REFERENCE_SEALED: return "opened";
    case REFERENCE_DERIVED: return "derived";
    case REFERENCE_DIGEST: return "digest";
    default: return "as-sent";
    }
}

static bool print_hit_json(json_t *hit, const struct reference *reference)
{
    json_t *text = json_string(reference->text);

    json_object_set(hit, "reference_sent", json_object_get(hit, "reference"));
    json_object_set_new(hit, "reference", text == NULL ? json_null() : text);
    json_object_set_new(hit, "reference_kind", json_string(kind_name(reference->kind)));
    return print_json(json_incref(hit));
}

/* What the officer at the lane made of it, which is not the agency's verdict; "" when he said nothing. */
static const char *lane_word(json_t *hit)
{
    json_t *says = json_object_get(hit, "lane_says");
    const char *judgement = json_string_value(json_object_get(says, "judgement"));

    if (judgement != NULL) return judgement;
    return json_is_string(json_object_get(says, "acknowledged_at")) ? "seen" : "";
}

/* HIT is printable already. */
static bool print_hit_text(json_t *hit, const struct reference *reference)
{
    const char *id = "", *list = "", *site = "", *lane = "", *seen = "", *grade = "", *verdict = "",
               *shared_by = "";
    char shown[LIMIT_REFERENCE_MAX + 16], where[2 * LIMIT_NAME_MAX + 2], remarks[256];
    const char *said = lane_word(hit);
    json_int_t count = 1, pictures = 0;
    int covert = 0, verify = 0;

    (void)json_unpack(hit, "{s?s, s?s, s?s, s?s, s?s, s?s, s?I, s?b, s?b, s?I}", "hit", &id, "list", &list, "site", &site,
                      "lane", &lane, "seen_at", &seen, "grade", &grade, "count", &count, "covert", &covert, "verify",
                      &verify, "evidence", &pictures);
    (void)json_unpack(json_object_get(hit, "verdict"), "{s:s}", "verdict", &verdict);
    if (json_is_string(json_object_get(hit, "shared_by")))
        shared_by = json_string_value(json_object_get(hit, "shared_by"));
    snprintf(where, sizeof(where), "%s/%s", site, lane);
    snprintf(remarks, sizeof(remarks), "%s%s%s%s%s%.32s%s%.32s%s%.48s", count > 1 ? " read again" : "",
             pictures > 0 ? " picture" : "", covert ? " covert" : "",
             verify ? " verify: list was old" : "", *verdict == '\0' ? "" : " ", verdict,
             *said == '\0' ? "" : " the lane says: ", said,
             *shared_by == '\0' ? "" : " shared by ", shared_by);
    make_printable(remarks); /* a text may have been cut */
    if (reference->kind == REFERENCE_DERIVED) snprintf(shown, sizeof(shown), "(none: %.10s)", reference->text);
    else snprintf(shown, sizeof(shown), "%s", reference->text);
    make_printable(shown);
    return printf("%-24.24s  %-16s  %-32s  %-14s  %-7s  %5lld  %-22.22s%s\n", seen, list, shown, where, grade,
                  (long long)count, hit_id_valid(id) ? id : "", remarks) >= 0;
}

bool hit_print(json_t *hit, const struct reference_key *key, bool json)
{
    const char *sent = json_string_value(json_object_get(hit, "reference")),
               *list = json_string_value(json_object_get(hit, "list"));
    struct reference reference;
    json_t *shown;
    bool printed;

    if (sent == NULL || list == NULL) return false;
    reference_open(key, list, sent, &reference);
    if (json) return print_hit_json(hit, &reference);
    shown = json_printable(hit);
    printed = print_hit_text(shown, &reference);
    json_decref(shown);
    return printed;
}

void hit_print_heading(void)
{
    printf("%-24s  %-16s  %-32s  %-14s  %-7s  %5s  %s\n", "seen at", "list", "reference", "lane", "match", "count", "hit");
}
