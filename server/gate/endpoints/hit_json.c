#include "server/gate/endpoints/hit_json.h"

#include <sodium.h>

#include "server/gate/endpoints/lane_word_json.h"
#include "server/gate/endpoints/list_json.h"
#include "server/gate/endpoints/verdict_json.h"

struct result hit_id_parse(const char *text, uint8_t id[PLATESIEVE_HIT_ID_BYTES])
{
    size_t size = 0;

    if (strlen(text) != PLATESIEVE_TOKEN_TEXT ||
        sodium_base642bin(id, PLATESIEVE_HIT_ID_BYTES, text, PLATESIEVE_TOKEN_TEXT, NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        size != PLATESIEVE_HIT_ID_BYTES)
        return FAIL(REASON_NOT_FOUND);
    return OK;
}

/* What is left of a misread. */
static json_t *stone_json(const struct db_hit *hit)
{
    return json_pack("{so ss sI so}", "hit", base64_json(hit->id, sizeof hit->id), "list", hit->list, "count", (json_int_t)hit->count, "verdict",
                     verdict_json(hit));
}

json_t *hit_json(const struct db_hit *hit)
{
    char cursor[24];

    if (hit->verdict == VERDICT_MISREAD) return stone_json(hit);
    json_t *shared_by = hit->shared_by[0] == '\0' ? json_null() : json_string(hit->shared_by);
    (void)snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)hit->cursor);
    return json_pack("{so ss ss ss ss ss so so ss si sf sI sI sb sb sI so si so so so}", "hit", base64_json(hit->id, sizeof hit->id), "cursor", cursor,
                     "list", hit->list, "reference", hit->reference, "site", hit->site, "lane", hit->lane, "seen_at", time_json(hit->seen_ms),
                     "recorded_at", time_json(hit->recorded_ms), "grade", platesieve_grade_name((enum platesieve_grade)hit->grade), "candidate",
                     (int)hit->candidate, "confidence", (double)hit->confidence, "revision", (json_int_t)hit->revision, "age_s",
                     (json_int_t)hit->age_s, "verify", hit->verify, "covert", hit->covert, "count", (json_int_t)hit->count, "last_seen_at",
                     time_json(hit->last_seen_ms), "evidence", (int)hit->evidence, "verdict", verdict_json(hit), "lane_says",
                     lane_word_json(&hit->lane_says), "shared_by", shared_by);
}
