# what server/gate/ holds

# The core: index, entries, catalogue, policy, check, cooldown.  No HTTP server, no SQL.
GATE_CORE_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(URCU_CFLAGS) $(YAJL_CFLAGS) $(JANSSON_CFLAGS)
GATE_CORE_LIBS = libgate-core.a libserver-http.a libplatesieve.la $(YAJL_LIBS) $(URCU_LIBS) $(SODIUM_LIBS) -lpthread -lm
noinst_LIBRARIES += libgate-core.a
libgate_core_a_SOURCES = \
	server/gate/text.c server/gate/text.h \
	server/gate/fields.c server/gate/fields.h \
	server/gate/check/batch.c server/gate/check/batch.h \
	server/gate/check/check.c server/gate/check/check.h \
	server/gate/check/cooldown.c server/gate/check/cooldown.h \
	server/gate/check/decode.c \
	server/gate/check/match.c server/gate/check/match.h \
	server/gate/check/parse.c \
	server/gate/check/policy.c server/gate/check/policy.h \
	server/gate/check/policy_text.c server/gate/check/policy_text.h \
	server/gate/check/recall.c server/gate/check/recall.h \
	server/gate/check/sighting.h \
	server/gate/check/tally.c server/gate/check/tally.h \
	server/gate/check/tally_json.c server/gate/check/tally_view.h \
	server/gate/check/tally_names.c \
	server/gate/check/text.c \
	server/gate/index/build.c \
	server/gate/index/catalogue.c server/gate/index/catalogue.h \
	server/gate/index/coverage.c server/gate/index/coverage.h \
	server/gate/index/entries.c server/gate/index/entries.h \
	server/gate/index/index.c server/gate/index/index.h \
	server/gate/index/table.h \
	server/gate/lanes/lanes.c server/gate/lanes/lanes.h \
	server/gate/lanes/report.c server/gate/lanes/report.h \
	server/gate/lanes/state.c server/gate/lanes/state.h \
	server/gate/lists/alarms.c server/gate/lists/alarms.h \
	server/gate/lists/excess.c server/gate/lists/excess.h \
	server/gate/lists/rules.c server/gate/lists/rules.h \
	server/gate/lists/suppressions.c server/gate/lists/suppressions.h
libgate_core_a_CFLAGS = $(GATE_CORE_CFLAGS)

include server/gate/db/local.mk

# What lies on the gate's own disk, and how a part becomes slots.
noinst_LIBRARIES += libgate-disk.a
libgate_disk_a_SOURCES = \
	server/gate/served.c server/gate/served.h \
	server/gate/state.c server/gate/state.h \
	server/gate/lists/part_parse.c server/gate/lists/part_parse.h \
	server/gate/spool/queue.c server/gate/spool/queue.h \
	server/gate/spool/record.c server/gate/spool/record.h \
	server/gate/spool/spool.c server/gate/spool/spool.h \
	server/gate/spool/store.c server/gate/spool/store.h
libgate_disk_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SQLITE_CFLAGS) $(URCU_CFLAGS) $(YAJL_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
GATE_DISK_LIBS = libgate-disk.a $(GATE_CORE_LIBS) $(SQLITE_LIBS) $(CRYPTO_LIBS) $(SERVER_HTTP_LIBS)

# What follows PostgreSQL and the key server.
GATE_FOLLOW_CFLAGS = $(GATE_DATA_CFLAGS) $(CRYPTO_CFLAGS)
GATE_FOLLOW_LIBS = libgate-follow.a $(GATE_DATA_LIBS) $(GATE_DISK_LIBS) -lssl $(CRYPTO_LIBS)
noinst_LIBRARIES += libgate-follow.a
libgate_follow_a_SOURCES = \
	server/gate/follow/epochs.c \
	server/gate/follow/excess.c \
	server/gate/follow/follow.c server/gate/follow/follow.h \
	server/gate/follow/hear.c \
	server/gate/follow/internal.h \
	server/gate/follow/keys.c \
	server/gate/follow/lists.c \
	server/gate/follow/load.c \
	server/gate/follow/publish.c \
	server/gate/follow/round.h \
	server/gate/follow/segments.c server/gate/follow/segments.h \
	server/gate/follow/stream.c \
	server/gate/follow/sweep.c \
	server/gate/follow/tidy.c \
	server/gate/follow/verify.c \
	server/gate/follow/watch.c \
	server/gate/keys/answer.c server/gate/keys/answer.h \
	server/gate/keys/client.c server/gate/keys/client.h \
	server/gate/keys/epoch_book.c server/gate/keys/epoch_book.h \
	server/gate/keys/key_map.c server/gate/keys/key_map.h \
	server/gate/keys/shares.c server/gate/keys/shares.h
libgate_follow_a_CFLAGS = $(GATE_FOLLOW_CFLAGS)

# The daemon.
sbin_PROGRAMS += platesieved
platesieved_SOURCES = \
	server/gate/anchor_files.c server/gate/anchor_files.h \
	server/gate/config.c server/gate/config.h \
	server/gate/enrolment.c server/gate/enrolment.h \
	server/gate/gate.h \
	server/gate/main.c \
	server/gate/readiness.c server/gate/readiness.h \
	server/gate/routes.c server/gate/routes.h \
	server/gate/endpoints/checks.c \
	server/gate/endpoints/commit.c \
	server/gate/endpoints/enrolments.c \
	server/gate/endpoints/evidence.c \
	server/gate/endpoints/flags.c server/gate/endpoints/flags.h \
	server/gate/endpoints/header.c \
	server/gate/endpoints/hit_json.c server/gate/endpoints/hit_json.h \
	server/gate/endpoints/hit_query.c server/gate/endpoints/hit_query.h \
	server/gate/endpoints/hit_stream.c \
	server/gate/endpoints/hits.c \
	server/gate/endpoints/judgements.c \
	server/gate/endpoints/lane.c \
	server/gate/endpoints/lane_hit.h \
	server/gate/endpoints/lane_report.c \
	server/gate/endpoints/lane_word_json.c server/gate/endpoints/lane_word_json.h \
	server/gate/endpoints/lanes.c \
	server/gate/endpoints/lanes_json.c server/gate/endpoints/lanes_json.h \
	server/gate/endpoints/list_json.c server/gate/endpoints/list_json.h \
	server/gate/endpoints/lists.c \
	server/gate/endpoints/oversight.c \
	server/gate/endpoints/parts.c \
	server/gate/endpoints/probes.c \
	server/gate/endpoints/refused.h \
	server/gate/endpoints/retention.c \
	server/gate/endpoints/revisions.c \
	server/gate/endpoints/rule_fields.c server/gate/endpoints/rule_fields.h \
	server/gate/endpoints/rules.c \
	server/gate/endpoints/sharing.c \
	server/gate/endpoints/status.c \
	server/gate/endpoints/suppressions.c \
	server/gate/endpoints/verdict_json.c server/gate/endpoints/verdict_json.h \
	server/gate/endpoints/verdicts.c \
	server/gate/endpoints/webhook_json.h \
	server/gate/endpoints/webhooks.c \
	server/gate/feed/feed.c server/gate/feed/feed.h \
	server/gate/feed/follower.c \
	server/gate/feed/internal.h \
	server/gate/feed/late.c \
	server/gate/lanes/keeper.c server/gate/lanes/keeper.h \
	server/gate/lanes/view.c \
	server/gate/lists/command.c server/gate/lists/command.h \
	server/gate/webhooks/seal.c server/gate/webhooks/seal.h \
	server/gate/webhooks/transfer.c server/gate/webhooks/transfer.h \
	server/gate/webhooks/url.c server/gate/webhooks/url.h \
	server/gate/webhooks/webhooks.c server/gate/webhooks/webhooks.h \
	$(SERVER_HTTP_ZEROING)
platesieved_CFLAGS = $(GATE_DATA_CFLAGS) $(MHD_CFLAGS) $(CRYPTO_CFLAGS)
platesieved_LDFLAGS = $(AM_LDFLAGS) -static
platesieved_LDADD = $(GATE_FOLLOW_LIBS) $(EVIDENCE_LIBS) $(SERVER_HTTP_LIBS)
