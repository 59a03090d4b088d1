# what both daemons share: listener, peer identity, router, request, reply, limits, metrics
noinst_LIBRARIES += libserver-http.a
libserver_http_a_SOURCES = \
	server/http/acceptor.c server/http/acceptor.h \
	server/http/clock.c server/http/clock.h \
	server/http/connection.c \
	server/http/daemon.c server/http/daemon.h \
	server/http/daemon_options.c server/http/daemon_options.h \
	server/http/exchange.c \
	server/http/file_io.c server/http/file_io.h \
	server/http/grades.c server/http/grades.h \
	server/http/http.h \
	server/http/internal.h \
	server/http/identities.c server/http/identities.h \
	server/http/json.c server/http/json.h \
	server/http/key_source.c server/http/key_source.h \
	server/http/later.c \
	server/http/listen.c \
	server/http/log.c server/http/log.h \
	server/http/metrics.c server/http/metrics.h \
	server/http/peer.c \
	server/http/pkcs11_key.c server/http/pkcs11_key.h \
	server/http/pkcs11_token.c server/http/pkcs11_token.h \
	server/http/pkcs11_uri.c server/http/pkcs11_uri.h \
	server/http/probes.c server/http/probes.h \
	server/http/quota.c server/http/quota.h server/http/quota_book.h \
	server/http/quota_file.c server/http/quota_file.h \
	server/http/quota_profile.c server/http/quota_profile.h \
	server/http/quota_report.c \
	server/http/quota_watch.c \
	server/http/quota_word.h \
	server/http/registry.c server/http/registry.h \
	server/http/registry_command.c server/http/registry_command.h \
	server/http/reason.c server/http/reason.h \
	server/http/reply.c \
	server/http/request.c \
	server/http/revoked.c server/http/revoked.h \
	server/http/rights.c server/http/rights.h \
	server/http/roll.c server/http/roll.h \
	server/http/roll_file.c server/http/roll_file.h \
	server/http/roll_parse.c \
	server/http/router.c server/http/router.h \
	server/http/routes.c \
	server/http/sealed_file.c server/http/sealed_file.h \
	server/http/secret_file.c server/http/secret_file.h \
	server/http/server.c \
	server/http/settings.c server/http/settings.h \
	server/http/stack.c \
	server/http/standard_streams.c server/http/standard_streams.h \
	server/http/stream.c \
	server/http/strangers.c server/http/strangers.h \
	server/http/ticker.c \
	server/http/tls_io.c \
	server/http/trust.c server/http/trust.h \
	server/http/worker.c
libserver_http_a_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(GNUTLS_CFLAGS) $(JANSSON_CFLAGS) $(INIH_CFLAGS) $(SYSTEMD_CFLAGS) $(SODIUM_CFLAGS) $(P11KIT_CFLAGS)
# what a program that links libserver-http.a links besides
SERVER_HTTP_LIBS = libserver-http.a $(MHD_LIBS) $(GNUTLS_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(SYSTEMD_LIBS) $(P11KIT_LIBS) $(SODIUM_LIBS) -lpthread
# each daemon lists this among its own sources
SERVER_HTTP_ZEROING = server/http/zeroing_free.c
