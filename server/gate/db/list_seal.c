/* See list_seal.h. */
#include "server/gate/db/list_seal.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>

#include "server/http/log.h"

/* -- the MAC: every field with its length in front, in this order.  A new field goes to the end. ---------------------------------------- */

static void mac_number(crypto_auth_hmacsha256_state *state, uint64_t number)
{
    uint64_t wire = htobe64(number);
    crypto_auth_hmacsha256_update(state, (const unsigned char *)&wire, sizeof(wire));
}

static void mac_text(crypto_auth_hmacsha256_state *state, const char *text)
{
    size_t size = strlen(text);
    mac_number(state, size);
    crypto_auth_hmacsha256_update(state, (const unsigned char *)text, size);
}

static void mac_rules(crypto_auth_hmacsha256_state *state, const struct db_list *list)
{
    mac_number(state, list->number);
    mac_text(state, list->agency);
    mac_text(state, list->id);
    mac_text(state, list->category);
    mac_text(state, list->instruction);
    mac_number(state, list->site_count);
    for (size_t i = 0; i < list->site_count; i++) mac_text(state, list->sites[i]);
    mac_number(state, list->priority);
    mac_number(state, list->grade);
    mac_number(state, list->covert);
    mac_number(state, list->suspended);
    mac_number(state, list->cooldown_s);
    mac_number(state, list->retention_days);
    mac_number(state, list->age_limit_s);
    mac_number(state, list->cap_tokens);
}

/* Who approved it, until when, who suspended it, what was refused. */
static void mac_oversight(crypto_auth_hmacsha256_state *state, const struct db_list *list)
{
    mac_number(state, (uint64_t)list->ends_ms);
    mac_number(state, list->rules_version);
    mac_number(state, list->approved);
    mac_text(state, list->asked_by);
    mac_text(state, list->approved_by);
    mac_number(state, (uint64_t)list->approved_ms);
    mac_text(state, list->suspended_by);
    mac_text(state, list->suspended_why);
    mac_number(state, (uint64_t)list->suspended_ms);
    mac_number(state, (uint64_t)list->resumed_ms);
    mac_number(state, list->refused);
    mac_text(state, list->refused_by);
    mac_number(state, (uint64_t)list->refused_ms);
    mac_number(state, list->refused_from);
    mac_number(state, list->refused_to);
}

/* Last, and nothing where there is nothing to say: so lists that were sealed before there were calibration lists stay what they are.  All before it says how long it
   is, so nothing else looks like it. */
static void mac_calibration(crypto_auth_hmacsha256_state *state, const struct list_rules *rules)
{
    if (rules->calibration) mac_text(state, "calibration");
}

void list_mac(const struct seal_keys *keys, const struct sealed_list *sealed, uint8_t mac[LIST_MAC_BYTES])
{
    const struct db_list *list = &sealed->list;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, keys->list, sizeof(keys->list));
    mac_rules(&state, list);
    mac_number(&state, list->revision);
    mac_number(&state, list->entries);
    mac_number(&state, (uint64_t)list->committed_ms);
    mac_number(&state, sealed->base_segment);
    mac_number(&state, sealed->edition);
    mac_number(&state, sealed->header_serial);
    mac_number(&state, list->has_header);
    crypto_auth_hmacsha256_update(&state, list->header_id, sizeof(list->header_id)); /* zero without one */
    crypto_auth_hmacsha256_update(&state, sealed->link, sizeof(sealed->link));
    mac_oversight(&state, list);
    mac_number(&state, sealed->grade_segment);
    mac_calibration(&state, &list->rules);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
}

void request_mac(const struct seal_keys *keys, uint32_t list, uint32_t rules_version, const struct db_request *request, uint8_t mac[LIST_MAC_BYTES])
{
    const struct list_rules *rules = &request->rules;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, keys->request, sizeof(keys->request));
    mac_number(&state, list);
    mac_number(&state, request->number);
    mac_number(&state, rules_version);
    mac_text(&state, request->asked_by);
    mac_number(&state, (uint64_t)request->asked_ms);
    mac_number(&state, (uint64_t)request->expires_ms);
    mac_text(&state, rules->category);
    mac_text(&state, rules->instruction);
    mac_number(&state, rules->site_count);
    for (size_t i = 0; i < rules->site_count; i++) mac_text(&state, rules->sites[i]);
    mac_number(&state, rules->priority);
    mac_number(&state, rules->grade);
    mac_number(&state, rules->covert);
    mac_number(&state, rules->cooldown_s);
    mac_number(&state, rules->retention_days);
    mac_number(&state, rules->age_limit_s);
    mac_number(&state, (uint64_t)rules->ends_ms);
    mac_calibration(&state, rules);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
}

/* -- reading a row -------------------------------------------------------------------------------------------------------------------------- */

struct result list_sealed_take(const struct db_conn *conn, const PGresult *result, int number, struct sealed_list *sealed)
{
    struct row row = { .result = result, .number = number };
    struct db_list *list = &sealed->list;
    uint8_t mac[LIST_MAC_BYTES];
    *sealed = (struct sealed_list){ 0 };
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    bool taken = !failed(db_list_take(result, number, list));
    if (list->grade >= PLATESIEVE_GRADES) taken = false, list->grade = PLATESIEVE_FULL;
    sealed->base_segment = (uint32_t)row_int(&row, LIST_COLUMN_COUNT);
    sealed->grade_segment = (uint32_t)row_int(&row, LIST_COLUMN_COUNT + 1);
    sealed->edition = (uint64_t)row_int(&row, LIST_COLUMN_COUNT + 2);
    sealed->header_serial = (uint64_t)row_int(&row, LIST_COLUMN_COUNT + 3);
    row_bytes(&row, LIST_COLUMN_COUNT + 4, sealed->link, sizeof(sealed->link));
    row_bytes(&row, LIST_COLUMN_COUNT + 5, sealed->mac, sizeof(sealed->mac));
    list_mac(conn->keys, sealed, mac);
    sealed->intact = taken && !row.bad && sodium_memcmp(mac, sealed->mac, sizeof(mac)) == 0;
    return list->number > 0 && list->agency[0] && list->id[0] ? OK : FAIL(REASON_DATABASE);
}

/* -- changing it ---------------------------------------------------------------------------------------------------------------------------- */

/* Its lock is what serialises openings, commits and changes of one list. */
static const struct statement lock_list = {
    "lock_list", "SELECT " LIST_SEALED_COLUMNS " FROM lists WHERE agency = $1::text AND id = $2::text FOR UPDATE"
};
static const struct statement seal_list = {
    "seal_list", "UPDATE lists SET edition = $2::int8, link = $3::bytea, mac = $4::bytea WHERE number = $1::int4"
};

static bool is_older(const struct db_conn *conn, const struct sealed_list *sealed)
{
    return conn->served && conn->served->older(conn->served->context, sealed->list.agency, sealed->list.id, sealed->edition, sealed->mac);
}

struct result db_list_lock(struct db_conn *conn, const char *agency, const char *list, struct sealed_list *sealed)
{
    PGresult *result RESULT_CLEANUP = NULL;
    struct params params = { 0 };
    params_text(&params, agency);
    params_text(&params, list);
    TRY(conn_run(conn, &lock_list, &params, &result));
    if (PQntuples(result) == 0) return FAIL(REASON_NOT_FOUND);
    TRY(list_sealed_take(conn, result, 0, sealed));
    /* whatever the database answered: it is this list that was asked for */
    bool it_is = strcmp(sealed->list.agency, agency) == 0 && strcmp(sealed->list.id, list) == 0;
    if (it_is && sealed->intact && !is_older(conn, sealed)) return OK;
    log_line(LOG_ERR, "list %s/%s can't be changed: in the database it is %s", agency, list,
             sealed->intact && it_is ? "older than what was served" : "not what gates made of it");
    return FAIL(REASON_FORGED);
}

struct result db_list_seal(struct db_conn *conn, struct sealed_list *sealed)
{
    struct params params = { 0 };
    uint64_t changed = 0;
    if (!conn->keys) return FAIL(REASON_INTERNAL);
    sealed->edition++;
    list_mac(conn->keys, sealed, sealed->mac);
    sealed->intact = true;
    params_int4(&params, sealed->list.number);
    params_int8(&params, (int64_t)sealed->edition);
    params_bytes(&params, sealed->link, sizeof(sealed->link));
    params_bytes(&params, sealed->mac, sizeof(sealed->mac));
    TRY(conn_do(conn, &seal_list, &params, &changed));
    return changed == 1 ? OK : FAIL(REASON_INTERNAL);
}
