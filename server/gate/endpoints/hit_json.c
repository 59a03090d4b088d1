#include "server/gate/endpoints/hit_json.h"

#include "server/gate/endpoints/list_json.h"

json_t *hit_json(const struct db_hit *hit)
{
    char cursor[24];

    (void)snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)hit->cursor);
    return json_pack("{so ss ss ss ss ss so so ss si sf sI sI sb sb sI so}", "hit", base64_json(hit->id, sizeof hit->id), "cursor", cursor, "list",
                     hit->list, "reference", hit->reference, "site", hit->site, "lane", hit->lane, "seen_at", time_json(hit->seen_ms),
                     "recorded_at", time_json(hit->recorded_ms), "grade", platesieve_grade_name((enum platesieve_grade)hit->grade), "candidate",
                     (int)hit->candidate, "confidence", (double)hit->confidence, "revision", (json_int_t)hit->revision, "age_s",
                     (json_int_t)hit->age_s, "verify", hit->verify, "covert", hit->covert, "count", (json_int_t)hit->count, "last_seen_at",
                     time_json(hit->last_seen_ms));
}
