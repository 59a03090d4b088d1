# platesieve: the command for lanes, agencies, operators and the certificate authority.
CLIENT_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(UTF8PROC_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS) $(INIH_CFLAGS) $(EXPAT_CFLAGS) $(CURL_CFLAGS) $(SQLITE_CFLAGS) $(SYSTEMD_CFLAGS) $(MHD_CFLAGS)
CLIENT_LIBS = client/libclient.a crypto/libevidence.a libplatesieve.la $(SODIUM_LIBS) $(UTF8PROC_LIBS) $(CRYPTO_LIBS) -lssl $(JANSSON_LIBS) $(JPEG_LIBS) $(PNG_LIBS) $(INIH_LIBS) $(EXPAT_LIBS) $(CURL_LIBS) $(SQLITE_LIBS) $(SYSTEMD_LIBS) $(MHD_LIBS) -lcsv -lpthread

noinst_LIBRARIES += client/libclient.a
client_libclient_a_SOURCES = \
	client/base64.h \
	client/believed.c \
	client/believed.h \
	client/ca.c \
	client/ca.h \
	client/ca_approve.c \
	client/ca_code.c \
	client/ca_codes.c \
	client/ca_codes.h \
	client/ca_collect.c \
	client/ca_collect.h \
	client/ca_issue.c \
	client/ca_judge.c \
	client/ca_judge.h \
	client/ca_revoke.c \
	client/ca_sign.c \
	client/ca_store.c \
	client/certificate.c \
	client/certificate.h \
	client/client.h \
	client/command.c \
	client/csv.c \
	client/csv.h \
	client/engines/adapters.h \
	client/engines/axis.c \
	client/engines/country.c \
	client/engines/country.h \
	client/engines/document.c \
	client/engines/document.h \
	client/engines/document_form.c \
	client/engines/document_internal.h \
	client/engines/document_json.c \
	client/engines/document_xml.c \
	client/engines/engine.c \
	client/engines/engine.h \
	client/engines/frigate.c \
	client/engines/genetec.c \
	client/engines/hikvision.c \
	client/engines/json_tidy.c \
	client/engines/make.c \
	client/engines/plain.c \
	client/engines/platerecognizer.c \
	client/engines/region_name.c \
	client/engines/region_name.h \
	client/engines/rekor.c \
	client/engines/take_picture.c \
	client/engines/take_plate.c \
	client/engines/take_region.c \
	client/engines/take_time.c \
	client/engines/value.c \
	client/engines/verkada.c \
	client/enrol_code.c \
	client/enrol_code.h \
	client/enrol.c \
	client/enrol.h \
	client/enrol_ask.c \
	client/enrol_files.c \
	client/enrol_take.c \
	client/epoch_listing.c \
	client/epoch_listing.h \
	client/epochs.c \
	client/epochs.h \
	client/evaluator.c \
	client/evaluator.h \
	client/evaluator_internal.h \
	client/evaluator_shared.c \
	client/file.c \
	client/file.h \
	client/fixed.c \
	client/fixed.h \
	client/fixed_ncic.c \
	client/histogram.c \
	client/histogram.h \
	client/hits.c \
	client/hits.h \
	client/hits_follow.c \
	client/hits_print.c \
	client/hits_question.c \
	client/hits_evidence.c \
	client/hits_verdict.c \
	client/hits_webhook.c \
	client/http.c \
	client/http.h \
	client/http_as.c \
	client/http_group.c \
	client/http_group.h \
	client/http_internal.h \
	client/http_stream.c \
	client/http_stream.h \
	client/identity.c \
	client/identity.h \
	client/identity_read.c \
	client/identity_try.c \
	client/import.c \
	client/import.h \
	client/import_options.c \
	client/import_options.h \
	client/key_servers.c \
	client/key_servers.h \
	client/keys.c \
	client/keys.h \
	client/keys_ceremony.c \
	client/keys_rotate.c \
	client/keys_rotate.h \
	client/keys_rotate_ask.c \
	client/lane/lane.c \
	client/lane/alert_book.c \
	client/lane/alert_book.h \
	client/lane/alert_command.c \
	client/lane/alert_command.h \
	client/lane/alert_display.c \
	client/lane/alert_display.h \
	client/lane/alert_stream.c \
	client/lane/alert_stream.h \
	client/lane/alert_text.c \
	client/lane/alert_text.h \
	client/lane/alerts.c \
	client/lane/alerts.h \
	client/lane/alerts_ask.c \
	client/lane/alerts_internal.h \
	client/lane/checker.h \
	client/lane/images.c \
	client/lane/images.h \
	client/lane/judgements.c \
	client/lane/judgements.h \
	client/lane/lane.h \
	client/lane/read.h \
	client/lane/captions.c \
	client/lane/captions.h \
	client/lane/similar.c \
	client/lane/similar.h \
	client/lane/vehicle_table.c \
	client/lane/vehicle_table.h \
	client/lane/vehicles.c \
	client/lane/vehicles.h \
	client/lane/display.c \
	client/lane/display.h \
	client/lane/check_answer.c \
	client/lane/check_body.c \
	client/lane/check_gates.c \
	client/lane/check_health.c \
	client/lane/check_internal.h \
	client/lane/check_line.c \
	client/lane/check_policy.c \
	client/lane/checker.c \
	client/lane/headers.c \
	client/lane/picture.c \
	client/lane/picture.h \
	client/lane/queue.c \
	client/lane/renew.c \
	client/lane/report.c \
	client/lane/tokens.c \
	client/lane/try.c \
	client/lane/try.h \
	client/lane/worker.c \
	client/list.c \
	client/list.h \
	client/list_create.c \
	client/list_flags.c \
	client/list_profile.c \
	client/list_oversight.c \
	client/list_push.c \
	client/list_rules.c \
	client/list_recipients.c \
	client/list_share.c \
	client/list_suppress.c \
	client/moment.c \
	client/moment.h \
	client/name.c \
	client/name.h \
	client/output.c \
	client/over_quota.c \
	client/over_quota.h \
	client/partial.c \
	client/partial.h \
	client/picture.c \
	client/picture.h \
	client/picture_jpeg.c \
	client/picture_jpeg.h \
	client/picture_jpeg_scale.c \
	client/picture_png.c \
	client/printable.c \
	client/printable.h \
	client/problem.c \
	client/problem.h \
	client/profile.c \
	client/profile.h \
	client/profile_file.c \
	client/progress.c \
	client/progress.h \
	client/push.c \
	client/push.h \
	client/push_chunk.c \
	client/push_delta.c \
	client/push_look.c \
	client/push_partial.c \
	client/push_pool.c \
	client/push_revision.c \
	client/push_row.c \
	client/push_run.h \
	client/push_sender.c \
	client/push_state.c \
	client/push_state.h \
	client/push_summary.c \
	client/push_watch.c \
	client/push_watch.h \
	client/push_watch_file.c \
	client/push_watch_task.c \
	client/reference.c \
	client/reference.h \
	client/registry.c \
	client/remarks.c \
	client/remarks.h \
	client/renew.c \
	client/report.c \
	client/rows.c \
	client/rows.h \
	client/rule_options.c \
	client/rule_options.h \
	client/say.c \
	client/say.h \
	client/seen.c \
	client/seen.h \
	client/share_book.c \
	client/share_book.h \
	client/source.c \
	client/source.h \
	client/state.c \
	client/state.h \
	client/status.c \
	client/status_lanes.c \
	client/status_lanes.h \
	client/token.c \
	client/when.c \
	client/when.h \
	client/wiping.c \
	client/wiping.h
nodist_client_libclient_a_SOURCES = client/lane/display_page.c
client_libclient_a_CFLAGS = $(CLIENT_CFLAGS)

# The page for alerts, as it is.
client/lane/display_page.c: client/lane/display.html client/lane/embed.awk
	$(AM_V_GEN)$(MKDIR_P) client/lane && LC_ALL=C $(AWK) -f $(srcdir)/client/lane/embed.awk $(srcdir)/client/lane/display.html > $@.new && mv $@.new $@
CLEANFILES += client/lane/display_page.c client/lane/display_page.c.new
EXTRA_DIST += client/lane/display.html client/lane/embed.awk

# the lane service
client_libclient_a_SOURCES += \
	client/lane/buffers.c client/lane/buffers.h \
	client/lane/calibration.c client/lane/calibration.h \
	client/lane/command.c client/lane/command.h \
	client/lane/config.c client/lane/config.h \
	client/lane/counts.c client/lane/counts.h \
	client/lane/input.c \
	client/lane/journal.c \
	client/lane/listener.c client/lane/listener.h \
	client/lane/message.c \
	client/lane/metrics.c \
	client/lane/pages.c client/lane/pages.h \
	client/lane/reply.c \
	client/lane/reporter.c client/lane/reporter.h \
	client/lane/request.c \
	client/lane/routes.c \
	client/lane/service.c client/lane/service.h client/lane/service_pictures.c \
	client/lane/status.c client/lane/status.h \
	client/lane/status_command.c \
	client/lane/waiting.c client/lane/waiting.h \
	client/lane/workers.c \
	server/http/settings.c server/http/settings.h \
	server/http/standard_streams.c server/http/standard_streams.h

bin_PROGRAMS += platesieve
platesieve_SOURCES = client/main.c $(SERVER_HTTP_ZEROING)
platesieve_CFLAGS = $(CLIENT_CFLAGS)
platesieve_LDFLAGS = $(AM_LDFLAGS) -static
platesieve_LDADD = $(CLIENT_LIBS)

# libplatesieve-client: what a reader links that has its lane inside.  The same sources as the command's, under names that no program has.
lib_LTLIBRARIES += libplatesieve-client.la
libplatesieve_client_la_SOURCES = \
	client/library/asker.c \
	client/library/check.c \
	client/library/library.h \
	client/library/names.h \
	client/library/open.c \
	client/library/picture.c \
	client/believed.c \
	client/epoch_listing.c \
	client/epochs.c \
	client/evaluator.c \
	client/evaluator_shared.c \
	client/http.c \
	client/http_group.c \
	client/identity_read.c \
	client/identity_try.c \
	client/key_servers.c \
	client/lane/check_answer.c \
	client/lane/check_body.c \
	client/lane/check_gates.c \
	client/lane/check_health.c \
	client/lane/check_line.c \
	client/lane/check_policy.c \
	client/lane/checker.c \
	client/lane/headers.c \
	client/lane/images.c \
	client/lane/pages.c \
	client/lane/picture.c \
	client/lane/tokens.c \
	client/file.c \
	client/moment.c \
	client/name.c \
	client/over_quota.c \
	client/picture.c \
	client/picture_jpeg.c \
	client/picture_jpeg_scale.c \
	client/picture_png.c \
	client/problem.c \
	client/say.c \
	client/share_book.c \
	client/wiping.c \
	crypto/anchors.c \
	crypto/evidence_check.c \
	crypto/evidence_form.c \
	crypto/evidence_noise.c \
	crypto/evidence_seal.c \
	crypto/list_header.c \
	crypto/list_header_json.c
libplatesieve_client_la_CPPFLAGS = $(AM_CPPFLAGS) -include $(top_srcdir)/client/library/names.h
libplatesieve_client_la_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS)
libplatesieve_client_la_LIBADD = libplatesieve.la $(CURL_LIBS) $(JANSSON_LIBS) $(JPEG_LIBS) $(PNG_LIBS) $(CRYPTO_LIBS) -lssl $(SODIUM_LIBS) -lpthread
# current:revision:age, as of libplatesieve
libplatesieve_client_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined $(WHOLE_LDFLAGS) \
	-Wl,--version-script=$(srcdir)/client/library/libplatesieve-client.map
libplatesieve_client_la_DEPENDENCIES = client/library/libplatesieve-client.map libplatesieve.la
EXTRA_DIST += client/library/libplatesieve-client.map
pkgconfig_DATA += client/library/libplatesieve-client.pc
