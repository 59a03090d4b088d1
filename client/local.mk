# platesieve: the command for lanes, agencies, operators and the certificate authority.
bin_PROGRAMS += platesieve
platesieve_SOURCES = \
	client/ca.c \
	client/ca.h \
	client/ca_issue.c \
	client/ca_revoke.c \
	client/ca_sign.c \
	client/ca_store.c \
	client/client.h \
	client/command.c \
	client/file.c \
	client/file.h \
	client/main.c \
	client/moment.c \
	client/moment.h \
	client/name.c \
	client/name.h \
	client/say.c \
	client/token.c
platesieve_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS)
platesieve_LDFLAGS = $(AM_LDFLAGS) -static
platesieve_LDADD = libplatesieve.la $(SODIUM_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS) $(CURL_LIBS) -lcsv
