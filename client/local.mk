# platesieve: the command for lanes, agencies, operators and the certificate authority.
CLIENT_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(UTF8PROC_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS) $(INIH_CFLAGS) $(EXPAT_CFLAGS) $(CURL_CFLAGS) $(SQLITE_CFLAGS) $(SYSTEMD_CFLAGS) $(MHD_CFLAGS)
CLIENT_LIBS = client/libclient.a crypto/libevidence.a libplatesieve.la $(SODIUM_LIBS) $(UTF8PROC_LIBS) $(CRYPTO_LIBS) -lssl $(JANSSON_LIBS) $(JPEG_LIBS) $(PNG_LIBS) $(INIH_LIBS) $(EXPAT_LIBS) $(CURL_LIBS) $(SQLITE_LIBS) $(SYSTEMD_LIBS) $(MHD_LIBS) -lcsv -lpthread

noinst_LIBRARIES += client/libclient.a
client_libclient_a_SOURCES = \
	client/base64.h \
	client/client.h \
	client/command.c \
	client/file.c client/file.h \
	client/histogram.c client/histogram.h \
	client/moment.c client/moment.h \
	client/output.c \
	client/pages.c client/pages.h \
	client/printable.c client/printable.h \
	client/progress.c client/progress.h \
	client/registry.c \
	client/report.c \
	client/say.c client/say.h \
	client/state.c client/state.h \
	client/status.c \
	client/status_lanes.c client/status_lanes.h \
	client/alerts/alerts.c client/alerts/alerts.h \
	client/alerts/ask.c \
	client/alerts/book.c client/alerts/book.h \
	client/alerts/command.c client/alerts/command.h \
	client/alerts/display.c client/alerts/display.h \
	client/alerts/internal.h \
	client/alerts/judgements.c client/alerts/judgements.h \
	client/alerts/page.c client/alerts/page.h \
	client/alerts/stream.c client/alerts/stream.h \
	client/alerts/text.c client/alerts/text.h \
	client/ca/approve.c \
	client/ca/ca.c client/ca/ca.h \
	client/ca/code.c \
	client/ca/codes.c client/ca/codes.h \
	client/ca/collect.c client/ca/collect.h \
	client/ca/issue.c \
	client/ca/judge.c client/ca/judge.h \
	client/ca/revoke.c \
	client/ca/sign.c \
	client/ca/store.c \
	client/check/answer.c \
	client/check/body.c \
	client/check/checker.c client/check/checker.h \
	client/check/clocks.c \
	client/check/gates.c \
	client/check/headers.c \
	client/check/health.c \
	client/check/internal.h \
	client/check/line.c \
	client/check/policy.c \
	client/check/tokens.c \
	client/engines/adapters.h \
	client/engines/axis.c \
	client/engines/country.c client/engines/country.h \
	client/engines/dahua.c \
	client/engines/document.c client/engines/document.h \
	client/engines/document_form.c \
	client/engines/document_internal.h \
	client/engines/document_json.c \
	client/engines/document_xml.c \
	client/engines/engine.c client/engines/engine.h \
	client/engines/frigate.c \
	client/engines/genetec.c \
	client/engines/hikvision.c \
	client/engines/json_tidy.c \
	client/engines/make.c \
	client/engines/plain.c \
	client/engines/platerecognizer.c \
	client/engines/region_name.c client/engines/region_name.h \
	client/engines/rekor.c \
	client/engines/take_picture.c \
	client/engines/take_plate.c \
	client/engines/take_region.c \
	client/engines/take_time.c \
	client/engines/unifi.c \
	client/engines/value.c \
	client/engines/verkada.c \
	client/enrol/ask.c \
	client/enrol/code.c client/enrol/code.h \
	client/enrol/enrol.c client/enrol/enrol.h \
	client/enrol/files.c \
	client/enrol/renew.c \
	client/enrol/take.c \
	client/hits/evidence.c \
	client/hits/follow.c \
	client/hits/hits.c client/hits/hits.h \
	client/hits/print.c \
	client/hits/question.c \
	client/hits/verdict.c \
	client/hits/webhook.c \
	client/http/as.c \
	client/http/group.c client/http/group.h \
	client/http/http.c client/http/http.h \
	client/http/internal.h \
	client/http/over_quota.c client/http/over_quota.h \
	client/http/problem.c client/http/problem.h \
	client/http/stream.c client/http/stream.h \
	client/http/tls.c \
	client/http/wiping.c client/http/wiping.h \
	client/identity/believed.c client/identity/believed.h \
	client/identity/certificate.c client/identity/certificate.h \
	client/identity/identity.c client/identity/identity.h \
	client/identity/name.c client/identity/name.h \
	client/identity/read.c \
	client/identity/try.c \
	client/import/csv.c client/import/csv.h \
	client/import/fixed.c client/import/fixed.h \
	client/import/fixed_ncic.c \
	client/import/import.c client/import/import.h \
	client/import/import_options.c client/import/import_options.h \
	client/import/partial.c client/import/partial.h \
	client/import/profile.c client/import/profile.h \
	client/import/profile_file.c \
	client/import/reference.c client/import/reference.h \
	client/import/remarks.c client/import/remarks.h \
	client/import/rows.c client/import/rows.h \
	client/import/source.c client/import/source.h \
	client/import/when.c client/import/when.h \
	client/keys/ceremony.c \
	client/keys/keys.c client/keys/keys.h \
	client/keys/rotate.c client/keys/rotate.h \
	client/keys/rotate_ask.c \
	client/lane/buffers.c client/lane/buffers.h \
	client/lane/calibration.c client/lane/calibration.h \
	client/lane/command.c client/lane/command.h \
	client/lane/config.c client/lane/config.h \
	client/lane/counts.c client/lane/counts.h \
	client/lane/handed.c client/lane/handed.h \
	client/lane/harden.c \
	client/lane/input.c \
	client/lane/journal.c \
	client/lane/lane.c client/lane/lane.h \
	client/lane/listener.c client/lane/listener.h \
	client/lane/message.c \
	client/lane/metrics.c \
	client/lane/picture.c client/lane/picture.h \
	client/lane/places.c client/lane/places.h \
	client/lane/queue.c \
	client/lane/read.h \
	client/lane/renew.c \
	client/lane/reply.c \
	client/lane/report.c \
	client/lane/reporter.c client/lane/reporter.h \
	client/lane/request.c \
	client/lane/routes.c \
	client/lane/service.c client/lane/service.h \
	client/lane/service_pictures.c \
	client/lane/status.c client/lane/status.h \
	client/lane/status_command.c \
	client/lane/try.c client/lane/try.h \
	client/lane/waiting.c client/lane/waiting.h \
	client/lane/worker.c \
	client/lane/workers.c \
	client/list/create.c \
	client/list/flags.c \
	client/list/list.c client/list/list.h \
	client/list/oversight.c \
	client/list/profile.c \
	client/list/push.c \
	client/list/recipients.c \
	client/list/rule_options.c client/list/rule_options.h \
	client/list/rules.c \
	client/list/share.c \
	client/list/suppress.c \
	client/picture/images.c client/picture/images.h \
	client/picture/jpeg.c client/picture/jpeg.h \
	client/picture/jpeg_scale.c \
	client/picture/picture.c client/picture/picture.h \
	client/picture/png.c \
	client/push/chunk.c \
	client/push/commit.c \
	client/push/delta.c \
	client/push/look.c \
	client/push/partial.c \
	client/push/pool.c \
	client/push/push.c client/push/push.h \
	client/push/revision.c \
	client/push/row.c \
	client/push/run.h \
	client/push/seen.c client/push/seen.h \
	client/push/sender.c \
	client/push/state.c client/push/state.h \
	client/push/stream.c \
	client/push/summary.c \
	client/push/watch.c client/push/watch.h \
	client/push/watch_file.c \
	client/push/watch_task.c \
	client/tokens/epoch_listing.c client/tokens/epoch_listing.h \
	client/tokens/epochs.c client/tokens/epochs.h \
	client/tokens/evaluator.c client/tokens/evaluator.h \
	client/tokens/evaluator_internal.h \
	client/tokens/evaluator_shared.c \
	client/tokens/key_servers.c client/tokens/key_servers.h \
	client/tokens/share_book.c client/tokens/share_book.h \
	client/tokens/token.c \
	client/vehicles/captions.c client/vehicles/captions.h \
	client/vehicles/similar.c client/vehicles/similar.h \
	client/vehicles/vehicle_table.c client/vehicles/vehicle_table.h \
	client/vehicles/vehicles.c client/vehicles/vehicles.h \
	server/http/settings.c server/http/settings.h \
	server/http/standard_streams.c server/http/standard_streams.h
nodist_client_libclient_a_SOURCES = client/alerts/page_html.c
client_libclient_a_CFLAGS = $(CLIENT_CFLAGS)

# The page for alerts, as it is.
client/alerts/page_html.c: client/alerts/page.html client/alerts/embed.awk
	$(AM_V_GEN)$(MKDIR_P) client/alerts && LC_ALL=C $(AWK) -f $(srcdir)/client/alerts/embed.awk $(srcdir)/client/alerts/page.html > $@.new && mv $@.new $@
CLEANFILES += client/alerts/page_html.c client/alerts/page_html.c.new
EXTRA_DIST += client/alerts/page.html client/alerts/embed.awk

bin_PROGRAMS += platesieve
platesieve_SOURCES = client/main.c $(SERVER_HTTP_ZEROING)
platesieve_CFLAGS = $(CLIENT_CFLAGS)
platesieve_LDFLAGS = $(AM_LDFLAGS) -static
platesieve_LDADD = $(CLIENT_LIBS)

# libplatesieve-client: what a reader links that has its lane inside.  The same sources as the command's, under names that no program has.
lib_LTLIBRARIES += libplatesieve-client.la
libplatesieve_client_la_SOURCES = \
	client/file.c \
	client/moment.c \
	client/pages.c \
	client/say.c \
	client/check/answer.c \
	client/check/body.c \
	client/check/checker.c \
	client/check/clocks.c \
	client/check/gates.c \
	client/check/headers.c \
	client/check/health.c \
	client/check/line.c \
	client/check/policy.c \
	client/check/tokens.c \
	client/http/group.c \
	client/http/http.c \
	client/http/over_quota.c \
	client/http/problem.c \
	client/http/tls.c \
	client/http/wiping.c \
	client/identity/believed.c \
	client/identity/name.c \
	client/identity/read.c \
	client/identity/try.c \
	client/lane/picture.c \
	client/library/asker.c \
	client/library/check.c \
	client/library/library.h \
	client/library/names.h \
	client/library/open.c \
	client/library/picture.c \
	client/picture/images.c \
	client/picture/jpeg.c \
	client/picture/jpeg_scale.c \
	client/picture/picture.c \
	client/picture/png.c \
	client/printable.c \
	client/tokens/epoch_listing.c \
	client/tokens/epochs.c \
	client/tokens/evaluator.c \
	client/tokens/evaluator_shared.c \
	client/tokens/key_servers.c \
	client/tokens/share_book.c \
	crypto/anchors.c \
	crypto/evidence_check.c \
	crypto/evidence_form.c \
	crypto/evidence_noise.c \
	crypto/evidence_seal.c \
	crypto/list_header.c \
	crypto/list_header_json.c
libplatesieve_client_la_CPPFLAGS = $(AM_CPPFLAGS) -include $(top_srcdir)/client/library/names.h
libplatesieve_client_la_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(UTF8PROC_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS)
libplatesieve_client_la_LIBADD = libplatesieve.la $(CURL_LIBS) $(JANSSON_LIBS) $(JPEG_LIBS) $(PNG_LIBS) $(CRYPTO_LIBS) -lssl $(SODIUM_LIBS) $(UTF8PROC_LIBS) -lpthread
# current:revision:age, as of libplatesieve
libplatesieve_client_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined $(WHOLE_LDFLAGS) \
	-Wl,--version-script=$(srcdir)/client/library/libplatesieve-client.map
libplatesieve_client_la_DEPENDENCIES = client/library/libplatesieve-client.map libplatesieve.la
EXTRA_DIST += client/library/libplatesieve-client.map
pkgconfig_DATA += client/library/libplatesieve-client.pc
