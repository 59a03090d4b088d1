# The key server.  What is worth a unit test lies in the library.
KEYS_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(JANSSON_CFLAGS)
KEYS_LIBS = libkeys.a $(SERVER_HTTP_LIBS) libplatesieve.la $(SODIUM_LIBS)
noinst_LIBRARIES += libkeys.a
libkeys_a_SOURCES = \
	server/keys/config.c server/keys/config.h \
	server/keys/epoch_file.c server/keys/epoch_file.h \
	server/keys/epoch_key.c server/keys/epoch_key.h \
	server/keys/epoch_store.c server/keys/epoch_store.h \
	server/keys/epoch_store_internal.h server/keys/epoch_store_open.c \
	server/keys/keeper.c server/keys/keeper.h \
	server/keys/rotation.c server/keys/rotation.h \
	server/keys/schedule.c server/keys/schedule.h \
	server/keys/seed_tree.c server/keys/seed_tree.h \
	server/keys/share.c server/keys/share.h
libkeys_a_CFLAGS = $(KEYS_CFLAGS)

sbin_PROGRAMS += platesieve-keyd
platesieve_keyd_SOURCES = \
	server/keys/endpoints/epoch_key.c \
	server/keys/endpoints/epochs.c \
	server/keys/endpoints/evaluate.c \
	server/keys/endpoints/probes.c \
	server/keys/endpoints/rotation.c \
	server/keys/endpoints/status.c \
	server/keys/keyd.h \
	server/keys/main.c \
	server/keys/readiness.c \
	server/keys/routes.c \
	$(SERVER_HTTP_ZEROING)
platesieve_keyd_CFLAGS = $(KEYS_CFLAGS)
platesieve_keyd_LDFLAGS = $(AM_LDFLAGS) -static
platesieve_keyd_LDADD = $(KEYS_LIBS)
