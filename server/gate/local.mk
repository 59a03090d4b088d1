# what server/gate/ holds

# The core: index, entries, catalogue, policy, check, cooldown.  No HTTP server, no SQL.
GATE_CORE_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(URCU_CFLAGS) $(YAJL_CFLAGS) $(JANSSON_CFLAGS)
GATE_CORE_LIBS = libgate-core.a libserver-http.a libplatesieve.la $(YAJL_LIBS) $(URCU_LIBS) $(SODIUM_LIBS) -lpthread -lm
noinst_LIBRARIES += libgate-core.a
libgate_core_a_SOURCES = \
	server/gate/catalogue.c \
	server/gate/catalogue.h \
	server/gate/check.c \
	server/gate/check.h \
	server/gate/check_batch.c \
	server/gate/check_batch.h \
	server/gate/check_decode.c \
	server/gate/check_match.c \
	server/gate/check_match.h \
	server/gate/check_parse.c \
	server/gate/check_text.c \
	server/gate/cooldown.c \
	server/gate/cooldown.h \
	server/gate/coverage.c \
	server/gate/coverage.h \
	server/gate/entries.c \
	server/gate/entries.h \
	server/gate/excess.c \
	server/gate/excess.h \
	server/gate/index.c \
	server/gate/index.h \
	server/gate/index_build.c \
	server/gate/index_table.h \
	server/gate/lane_state.c \
	server/gate/lane_state.h \
	server/gate/lanes.c \
	server/gate/lanes.h \
	server/gate/list_alarms.c \
	server/gate/list_alarms.h \
	server/gate/list_rules.c \
	server/gate/list_rules.h \
	server/gate/policy.c \
	server/gate/policy.h \
	server/gate/policy_text.c \
	server/gate/policy_text.h \
	server/gate/sighting.h \
	server/gate/suppressions.c \
	server/gate/suppressions.h \
	server/gate/tally.c \
	server/gate/tally.h \
	server/gate/text.c \
	server/gate/text.h
libgate_core_a_CFLAGS = $(GATE_CORE_CFLAGS)

include server/gate/db/local.mk

# What lies on the gate's own disk, and how a part becomes slots.
noinst_LIBRARIES += libgate-disk.a
libgate_disk_a_SOURCES = \
	server/gate/part_parse.c \
	server/gate/part_parse.h \
	server/gate/served.c \
	server/gate/served.h \
	server/gate/spool.c \
	server/gate/spool.h \
	server/gate/spool_record.c \
	server/gate/spool_record.h \
	server/gate/spool_store.c \
	server/gate/spool_store.h \
	server/gate/state.c \
	server/gate/state.h
libgate_disk_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SQLITE_CFLAGS) $(YAJL_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
GATE_DISK_LIBS = libgate-disk.a $(GATE_CORE_LIBS) $(SQLITE_LIBS) $(CRYPTO_LIBS) $(SERVER_HTTP_LIBS)

# What follows PostgreSQL and the key server.
GATE_FOLLOW_CFLAGS = $(GATE_DATA_CFLAGS) $(CRYPTO_CFLAGS)
GATE_FOLLOW_LIBS = libgate-follow.a $(GATE_DATA_LIBS) $(GATE_DISK_LIBS) -lssl $(CRYPTO_LIBS)
noinst_LIBRARIES += libgate-follow.a
libgate_follow_a_SOURCES = \
	server/gate/epoch_book.c \
	server/gate/epoch_book.h \
	server/gate/follow.c \
	server/gate/follow.h \
	server/gate/follow_epochs.c \
	server/gate/follow_excess.c \
	server/gate/follow_hear.c \
	server/gate/follow_internal.h \
	server/gate/follow_keys.c \
	server/gate/follow_lists.c \
	server/gate/follow_load.c \
	server/gate/follow_publish.c \
	server/gate/follow_round.h \
	server/gate/follow_segments.c \
	server/gate/follow_segments.h \
	server/gate/follow_stream.c \
	server/gate/follow_sweep.c \
	server/gate/follow_tidy.c \
	server/gate/follow_verify.c \
	server/gate/follow_watch.c \
	server/gate/key_map.c \
	server/gate/key_map.h \
	server/gate/keys_answer.c \
	server/gate/keys_answer.h \
	server/gate/keys_client.c \
	server/gate/keys_client.h \
	server/gate/keys_shares.c \
	server/gate/keys_shares.h
libgate_follow_a_CFLAGS = $(GATE_FOLLOW_CFLAGS)

# The daemon.
sbin_PROGRAMS += platesieved
platesieved_SOURCES = \
	server/gate/anchor_files.c \
	server/gate/anchor_files.h \
	server/gate/config.c \
	server/gate/config.h \
	server/gate/endpoints/checks.c \
	server/gate/endpoints/commit.c \
	server/gate/endpoints/enrolments.c \
	server/gate/endpoints/evidence.c \
	server/gate/endpoints/fields.c \
	server/gate/endpoints/fields.h \
	server/gate/endpoints/flags.c \
	server/gate/endpoints/flags.h \
	server/gate/endpoints/hit_json.c \
	server/gate/endpoints/hit_json.h \
	server/gate/endpoints/hit_query.c \
	server/gate/endpoints/hit_query.h \
	server/gate/endpoints/header.c \
	server/gate/endpoints/hit_stream.c \
	server/gate/endpoints/hits.c \
	server/gate/endpoints/judgements.c \
	server/gate/endpoints/lane.c \
	server/gate/endpoints/lane_hit.h \
	server/gate/endpoints/lane_word_json.c \
	server/gate/endpoints/lane_word_json.h \
	server/gate/endpoints/lane_report.c \
	server/gate/endpoints/lanes.c \
	server/gate/endpoints/lanes_json.c \
	server/gate/endpoints/lanes_json.h \
	server/gate/endpoints/list_json.c \
	server/gate/endpoints/list_json.h \
	server/gate/endpoints/lists.c \
	server/gate/endpoints/oversight.c \
	server/gate/endpoints/parts.c \
	server/gate/endpoints/probes.c \
	server/gate/endpoints/refused.h \
	server/gate/endpoints/retention.c \
	server/gate/endpoints/revisions.c \
	server/gate/endpoints/rule_fields.c \
	server/gate/endpoints/rule_fields.h \
	server/gate/endpoints/rules.c \
	server/gate/endpoints/sharing.c \
	server/gate/endpoints/status.c \
	server/gate/endpoints/suppressions.c \
	server/gate/endpoints/verdict_json.c \
	server/gate/endpoints/verdict_json.h \
	server/gate/endpoints/verdicts.c \
	server/gate/enrolment.c \
	server/gate/enrolment.h \
	server/gate/feed.c \
	server/gate/feed.h \
	server/gate/feed_follower.c \
	server/gate/feed_internal.h \
	server/gate/feed_late.c \
	server/gate/gate.h \
	server/gate/lanes_keeper.c \
	server/gate/lanes_keeper.h \
	server/gate/lanes_view.c \
	server/gate/list_command.c \
	server/gate/list_command.h \
	server/gate/main.c \
	server/gate/readiness.c \
	server/gate/readiness.h \
	server/gate/routes.c \
	server/gate/routes.h \
	server/gate/endpoints/webhook_json.h \
	server/gate/endpoints/webhooks.c \
	server/gate/webhook_seal.c \
	server/gate/webhook_seal.h \
	server/gate/webhook_transfer.c \
	server/gate/webhook_transfer.h \
	server/gate/webhook_url.c \
	server/gate/webhook_url.h \
	server/gate/webhooks.c \
	server/gate/webhooks.h \
	$(SERVER_HTTP_ZEROING)
platesieved_CFLAGS = $(GATE_DATA_CFLAGS) $(MHD_CFLAGS) $(CRYPTO_CFLAGS)
platesieved_LDFLAGS = $(AM_LDFLAGS) -static
platesieved_LDADD = $(GATE_FOLLOW_LIBS) $(EVIDENCE_LIBS) $(SERVER_HTTP_LIBS)
