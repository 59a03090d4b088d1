# platesieve: the command for lanes, agencies, operators and the certificate authority.
CLIENT_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(UTF8PROC_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(INIH_CFLAGS) $(CURL_CFLAGS) $(SQLITE_CFLAGS)
CLIENT_LIBS = client/libclient.a crypto/libevidence.a libplatesieve.la $(SODIUM_LIBS) $(UTF8PROC_LIBS) $(CRYPTO_LIBS) -lssl $(JANSSON_LIBS) $(INIH_LIBS) $(CURL_LIBS) $(SQLITE_LIBS) -lcsv -lpthread

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
	client/hits_verdict.c \
	client/http.c \
	client/http.h \
	client/http_group.c \
	client/http_group.h \
	client/http_internal.h \
	client/identity.c \
	client/identity.h \
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
	client/lane.c \
	client/lane.h \
	client/lane_check.c \
	client/lane_policy.c \
	client/lane_queue.c \
	client/lane_renew.c \
	client/lane_report.c \
	client/lane_tokens.c \
	client/list.c \
	client/list.h \
	client/list_create.c \
	client/list_flags.c \
	client/list_profile.c \
	client/list_push.c \
	client/list_recipients.c \
	client/list_suppress.c \
	client/moment.c \
	client/moment.h \
	client/name.c \
	client/name.h \
	client/over_quota.c \
	client/over_quota.h \
	client/partial.c \
	client/partial.h \
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
	client/push_partial.c \
	client/push_pool.c \
	client/push_revision.c \
	client/push_row.c \
	client/push_run.h \
	client/push_sender.c \
	client/push_state.c \
	client/push_state.h \
	client/push_summary.c \
	client/reference.c \
	client/reference.h \
	client/registry.c \
	client/remarks.c \
	client/remarks.h \
	client/renew.c \
	client/rows.c \
	client/rows.h \
	client/say.c \
	client/seen.c \
	client/seen.h \
	client/share_book.c \
	client/share_book.h \
	client/source.c \
	client/source.h \
	client/state.c \
	client/state.h \
	client/status.c \
	client/token.c \
	client/when.c \
	client/when.h \
	client/wiping.c \
	client/wiping.h
client_libclient_a_CFLAGS = $(CLIENT_CFLAGS)

bin_PROGRAMS += platesieve
platesieve_SOURCES = client/main.c
platesieve_CFLAGS = $(CLIENT_CFLAGS)
platesieve_LDFLAGS = $(AM_LDFLAGS) -static
platesieve_LDADD = $(CLIENT_LIBS)
