/* Inside db/ only: a list's rules as parameters and columns, the same for lists and for requests. */
#ifndef SERVER_GATE_DB_RULES_H
#define SERVER_GATE_DB_RULES_H

#include "server/gate/db/conn.h"

#define RULES_COLUMNS "category, instruction, sites, priority, grade, covert, cooldown_s, retention_days, age_limit_s, ends_at, calibration"
#define RULES_COUNT 11
/* Parameters $2 to $12, in the order of the columns. */
#define RULES_VALUES \
    "$2::text, $3::text, $4::text[], $5::int2, $6::int2, $7::bool, $8::int4, $9::int4, $10::int4, nullif($11::timestamptz, 'epoch'), $12::bool"

/* SITES is filled, and freed by the caller when the statement has run.  REASON_INTERNAL without memory. */
struct result rules_params(struct params *params, const struct list_rules *rules, struct array *sites);
/* From the columns that begin at COLUMN. */
void rules_take(struct row *row, int column, struct list_rules *rules);

/* Makes the rules wait for the second person. */
struct result db_request_make(struct db_conn *conn, uint32_t list, uint32_t rules_version, const struct list_rules *rules, const char *who,
                              const struct list_limits *limits);

#endif
