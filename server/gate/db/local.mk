# what server/gate/db/ holds: the only code that sees libpq; and what stands on it: spool, state, follow
GATE_DATA_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS) $(SODIUM_CFLAGS) $(SQLITE_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS) $(URCU_CFLAGS)
GATE_DATA_LIBS = libgatedb.a $(GATE_CORE_LIBS) $(PQ_LIBS) $(SQLITE_LIBS) $(CURL_LIBS) $(JANSSON_LIBS)
noinst_LIBRARIES += libgatedb.a
libgatedb_a_SOURCES = \
	server/gate/db/commit.c \
	server/gate/db/conn.c \
	server/gate/db/conn.h \
	server/gate/db/copy.c \
	server/gate/db/copy.h \
	server/gate/db/days.c \
	server/gate/db/db.h \
	server/gate/db/epochs.c \
	server/gate/db/evidence.c \
	server/gate/db/evidence.h \
	server/gate/db/headers.c \
	server/gate/db/feed.c \
	server/gate/db/fence.c \
	server/gate/db/hits.c \
	server/gate/db/lane_word.c \
	server/gate/db/lanes.c \
	server/gate/db/lanes.h \
	server/gate/db/list_seal.c \
	server/gate/db/list_seal.h \
	server/gate/db/lists.c \
	server/gate/db/lists.h \
	server/gate/db/load.c \
	server/gate/db/load.h \
	server/gate/db/migrate.c \
	server/gate/db/migrate.h \
	server/gate/db/migrations.h \
	server/gate/db/oversight.c \
	server/gate/db/params.c \
	server/gate/db/parts.c \
	server/gate/db/pool.c \
	server/gate/db/retention.c \
	server/gate/db/reseal.c \
	server/gate/db/revisions.c \
	server/gate/db/row.c \
	server/gate/db/rules.c \
	server/gate/db/rules.h \
	server/gate/db/seal.c \
	server/gate/db/seal.h \
	server/gate/db/sums.h \
	server/gate/db/sharing.c \
	server/gate/db/suppressions.c \
	server/gate/db/tidy.c \
	server/gate/db/verdicts.c \
	server/gate/db/webhooks.c \
	server/gate/db/webhooks.h
nodist_libgatedb_a_SOURCES = schema/migrations.c
libgatedb_a_CFLAGS = $(GATE_DATA_CFLAGS)
