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
	server/gate/entries.c \
	server/gate/entries.h \
	server/gate/index.c \
	server/gate/index.h \
	server/gate/index_build.c \
	server/gate/index_table.h \
	server/gate/policy.c \
	server/gate/policy.h \
	server/gate/policy_text.c \
	server/gate/policy_text.h \
	server/gate/sighting.h \
	server/gate/text.c \
	server/gate/text.h
libgate_core_a_CFLAGS = $(GATE_CORE_CFLAGS)

include server/gate/db/local.mk
