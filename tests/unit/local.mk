# What tests/unit/ holds: one program for each module, linked with the real objects.  One block for each test.
EXTRA_DIST += tests/unit/cmocka_all.h tests/unit/shared.h tests/unit/unit.h
# Data that is not part of the project lies beside the source tree, unless the environment says otherwise.
AM_TESTS_ENVIRONMENT = PLATESIEVE_SHARED="$${PLATESIEVE_SHARED:-$(abs_top_srcdir)/../shared}"; export PLATESIEVE_SHARED;

if HAVE_CMOCKA
# first, because they wait: the others run meanwhile
check_PROGRAMS += tests/unit/follow_test
tests_unit_follow_test_SOURCES = tests/unit/follow_test.c tests/unit/follow_scene.h
tests_unit_follow_test_CFLAGS = $(GATE_FOLLOW_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_follow_test_LDADD = $(GATE_FOLLOW_LIBS) $(CMOCKA_LIBS)
tests_unit_follow_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/follow_load_test
tests_unit_follow_load_test_SOURCES = tests/unit/follow_load_test.c tests/unit/follow_scene.h
tests_unit_follow_load_test_CFLAGS = $(GATE_FOLLOW_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_follow_load_test_LDADD = $(GATE_FOLLOW_LIBS) $(CMOCKA_LIBS)
tests_unit_follow_load_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/csv_test
tests_unit_csv_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_csv_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_csv_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/evidence_test
tests_unit_evidence_test_SOURCES = tests/unit/evidence_test.c tests/unit/evidence_scene.h
tests_unit_evidence_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_evidence_test_LDADD = $(EVIDENCE_LIBS) $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_evidence_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/picture_test
tests_unit_picture_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_picture_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_picture_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/images_test
tests_unit_images_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_images_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_images_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/waiting_test
tests_unit_waiting_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_waiting_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_waiting_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/alert_book_test
tests_unit_alert_book_test_SOURCES = tests/unit/alert_book_test.c tests/unit/alerts_scene.h
tests_unit_alert_book_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_alert_book_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_alert_book_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/lane_check_test
tests_unit_lane_check_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_lane_check_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_lane_check_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/gate_clocks_test
tests_unit_gate_clocks_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_gate_clocks_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_gate_clocks_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/alerts_test
tests_unit_alerts_test_SOURCES = tests/unit/alerts_test.c tests/unit/alerts_scene.h
tests_unit_alerts_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_alerts_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_alerts_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/vehicles_test
tests_unit_vehicles_test_SOURCES = tests/unit/vehicles_test.c tests/unit/vehicle_scene.h
tests_unit_vehicles_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_vehicles_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_vehicles_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/vehicles_random_test
tests_unit_vehicles_random_test_SOURCES = tests/unit/vehicles_random_test.c tests/unit/vehicle_scene.h
tests_unit_vehicles_random_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_vehicles_random_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_vehicles_random_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/captions_test
tests_unit_captions_test_SOURCES = tests/unit/captions_test.c tests/unit/vehicle_scene.h
tests_unit_captions_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_captions_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_captions_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/moment_test
tests_unit_moment_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_moment_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_moment_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/printable_test
tests_unit_printable_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_printable_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_printable_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/reference_test
tests_unit_reference_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_reference_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_reference_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/push_state_test
tests_unit_push_state_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_push_state_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_push_state_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/fixed_test
tests_unit_fixed_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_fixed_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_fixed_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/partial_test
tests_unit_partial_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_partial_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_partial_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/when_test
tests_unit_when_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_when_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_when_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/rows_test
tests_unit_rows_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_rows_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_rows_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/engine_test
tests_unit_engine_test_SOURCES = tests/unit/engine_test.c tests/unit/engine_scene.h
tests_unit_engine_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_engine_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_engine_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/engine_memory_test
tests_unit_engine_memory_test_SOURCES = tests/unit/engine_memory_test.c tests/unit/engine_scene.h
tests_unit_engine_memory_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_engine_memory_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_engine_memory_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/engine_form_test
tests_unit_engine_form_test_SOURCES = tests/unit/engine_form_test.c tests/unit/engine_scene.h
tests_unit_engine_form_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_engine_form_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_engine_form_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/check_test
tests_unit_check_test_SOURCES = tests/unit/check_test.c tests/unit/check_scene.h tests/unit/scene.c tests/unit/scene.h
tests_unit_check_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_check_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_check_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/check_answer_test
tests_unit_check_answer_test_SOURCES = tests/unit/check_answer_test.c tests/unit/check_scene.h tests/unit/scene.c tests/unit/scene.h
tests_unit_check_answer_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_check_answer_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_check_answer_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/coverage_test
tests_unit_coverage_test_SOURCES = tests/unit/coverage_test.c tests/unit/scene.c tests/unit/scene.h
tests_unit_coverage_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_coverage_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_coverage_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/excess_test
tests_unit_excess_test_SOURCES = tests/unit/excess_test.c
tests_unit_excess_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_excess_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_excess_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/lanes_test
tests_unit_lanes_test_SOURCES = tests/unit/lanes_test.c
tests_unit_lanes_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_lanes_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_lanes_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/list_rules_test
tests_unit_list_rules_test_SOURCES = tests/unit/list_rules_test.c
tests_unit_list_rules_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_list_rules_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_list_rules_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/check_parse_test
tests_unit_check_parse_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_check_parse_test_SOURCES = tests/unit/check_parse_test.c tests/unit/scene.h
tests_unit_check_parse_test_LDADD = $(GATE_CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_check_parse_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/cooldown_test
tests_unit_cooldown_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_cooldown_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_cooldown_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/suppressions_test
tests_unit_suppressions_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_suppressions_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_suppressions_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/policy_test
tests_unit_policy_test_SOURCES = tests/unit/policy_test.c tests/unit/scene.c tests/unit/scene.h
tests_unit_policy_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_policy_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_policy_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/entries_test
tests_unit_entries_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_entries_test_LDADD = $(GATE_CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_entries_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/index_test
tests_unit_index_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_index_test_LDADD = $(GATE_CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_index_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/jurisdiction_test
tests_unit_jurisdiction_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_jurisdiction_test_LDADD = libplatesieve.la $(CMOCKA_LIBS)
tests_unit_jurisdiction_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/message_test
tests_unit_message_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_message_test_LDADD = libplatesieve.la $(CMOCKA_LIBS)
tests_unit_message_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/plate_test
tests_unit_plate_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_plate_test_LDADD = libplatesieve.la $(CMOCKA_LIBS)
tests_unit_plate_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/secret_test
tests_unit_secret_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_secret_test_LDADD = libplatesieve.la $(CMOCKA_LIBS)
tests_unit_secret_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/token_test
tests_unit_token_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_token_test_LDADD = libplatesieve.la $(CMOCKA_LIBS) $(SODIUM_LIBS) $(JANSSON_LIBS)
tests_unit_token_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/voprf_test
tests_unit_voprf_test_SOURCES = tests/unit/voprf_test.c tests/unit/voprf_scene.h
tests_unit_voprf_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_voprf_test_LDADD = libplatesieve.la $(CMOCKA_LIBS) $(SODIUM_LIBS)
tests_unit_voprf_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/voprf_batch_test
tests_unit_voprf_batch_test_SOURCES = tests/unit/voprf_batch_test.c tests/unit/voprf_scene.h
tests_unit_voprf_batch_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_voprf_batch_test_LDADD = libplatesieve.la $(CMOCKA_LIBS) $(SODIUM_LIBS)
tests_unit_voprf_batch_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/voprf_sum_test
tests_unit_voprf_sum_test_SOURCES = tests/unit/voprf_sum_test.c tests/unit/voprf_scene.h
tests_unit_voprf_sum_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_voprf_sum_test_LDADD = libplatesieve.la $(CMOCKA_LIBS) $(SODIUM_LIBS)
tests_unit_voprf_sum_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/voprf_share_test
tests_unit_voprf_share_test_SOURCES = tests/unit/voprf_share_test.c tests/unit/voprf_scene.h
tests_unit_voprf_share_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_voprf_share_test_LDADD = libplatesieve.la $(CMOCKA_LIBS) $(SODIUM_LIBS)
tests_unit_voprf_share_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/voprf_vectors_test
tests_unit_voprf_vectors_test_SOURCES = tests/unit/voprf_vectors_test.c tests/unit/voprf_scene.h
tests_unit_voprf_vectors_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_voprf_vectors_test_LDADD = libplatesieve.la $(CMOCKA_LIBS) $(SODIUM_LIBS) $(JANSSON_LIBS)
tests_unit_voprf_vectors_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/db_test
tests_unit_db_test_SOURCES = tests/unit/db_test.c tests/unit/db_scene.h
tests_unit_db_test_CFLAGS = $(GATE_DATA_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_db_test_LDADD = $(GATE_DATA_LIBS) $(CMOCKA_LIBS)
tests_unit_db_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/db_hits_test
tests_unit_db_hits_test_SOURCES = tests/unit/db_hits_test.c tests/unit/db_scene.h
tests_unit_db_hits_test_CFLAGS = $(GATE_DATA_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_db_hits_test_LDADD = $(GATE_DATA_LIBS) $(CMOCKA_LIBS)
tests_unit_db_hits_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/part_parse_test
tests_unit_part_parse_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_part_parse_test_LDADD = $(GATE_DISK_LIBS) $(CMOCKA_LIBS)
tests_unit_part_parse_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/spool_test
tests_unit_spool_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_spool_test_LDADD = $(GATE_DISK_LIBS) $(CMOCKA_LIBS)
tests_unit_spool_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/key_source_test
tests_unit_key_source_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS) $(P11KIT_CFLAGS)
tests_unit_key_source_test_LDADD = $(SERVER_HTTP_LIBS) libplatesieve.la $(SODIUM_LIBS) $(CMOCKA_LIBS)
tests_unit_key_source_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/seal_test
tests_unit_seal_test_CFLAGS = $(GATE_DATA_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_seal_test_LDADD = $(GATE_DATA_LIBS) $(CMOCKA_LIBS)
tests_unit_seal_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/served_test
tests_unit_served_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_served_test_LDADD = $(GATE_DISK_LIBS) $(CMOCKA_LIBS)
tests_unit_served_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/state_test
tests_unit_state_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_state_test_LDADD = $(GATE_DISK_LIBS) $(CMOCKA_LIBS)
tests_unit_state_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/tally_test
tests_unit_tally_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_tally_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_tally_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/recall_test
tests_unit_recall_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_recall_test_LDADD = $(GATE_CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_recall_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/ledger_test
tests_unit_ledger_test_SOURCES = tests/unit/ledger_test.c tests/unit/scene.c tests/unit/scene.h
tests_unit_ledger_test_CFLAGS = $(GATE_CORE_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_ledger_test_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_ledger_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/registry_test
tests_unit_registry_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_registry_test_LDADD = $(SERVER_HTTP_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/roll_test
tests_unit_roll_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_roll_test_LDADD = $(SERVER_HTTP_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/peer_test
tests_unit_peer_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_peer_test_LDADD = $(SERVER_HTTP_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/clock_test
tests_unit_clock_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_clock_test_LDADD = $(SERVER_HTTP_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/metrics_test
tests_unit_metrics_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_metrics_test_LDADD = $(SERVER_HTTP_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/settings_test
tests_unit_settings_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_test_LDADD = $(SERVER_HTTP_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/json_test
tests_unit_json_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_json_test_LDADD = $(SERVER_HTTP_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/enrol_code_test
tests_unit_enrol_code_test_CFLAGS = $(CLIENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_enrol_code_test_LDADD = $(CLIENT_LIBS) $(CMOCKA_LIBS)
tests_unit_enrol_code_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/strangers_test
tests_unit_strangers_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_strangers_test_LDADD = $(SERVER_HTTP_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/enrolment_test
tests_unit_enrolment_test_SOURCES = tests/unit/enrolment_test.c server/gate/enrolment.c
tests_unit_enrolment_test_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS) $(SODIUM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_enrolment_test_LDADD = $(SERVER_HTTP_LIBS) $(SODIUM_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/router_test
tests_unit_router_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_router_test_LDADD = $(SERVER_HTTP_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/quota_test
tests_unit_quota_test_SOURCES = tests/unit/quota_test.c tests/unit/quota_scene.h
tests_unit_quota_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_quota_test_LDADD = $(SERVER_HTTP_LIBS) libplatesieve.la $(SODIUM_LIBS) $(CMOCKA_LIBS)
tests_unit_quota_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/quota_file_test
tests_unit_quota_file_test_SOURCES = tests/unit/quota_file_test.c tests/unit/quota_scene.h
tests_unit_quota_file_test_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_quota_file_test_LDADD = $(SERVER_HTTP_LIBS) libplatesieve.la $(SODIUM_LIBS) $(CMOCKA_LIBS)
tests_unit_quota_file_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/schedule_test
tests_unit_schedule_test_CFLAGS = $(KEYS_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_schedule_test_LDADD = $(KEYS_LIBS) $(CMOCKA_LIBS)
tests_unit_schedule_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/rotation_test
tests_unit_rotation_test_CFLAGS = $(KEYS_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_rotation_test_LDADD = $(KEYS_LIBS) $(CMOCKA_LIBS)
tests_unit_rotation_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/epoch_store_test
tests_unit_epoch_store_test_SOURCES = tests/unit/epoch_store_test.c tests/unit/epoch_scene.h
tests_unit_epoch_store_test_CFLAGS = $(KEYS_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_epoch_store_test_LDADD = $(KEYS_LIBS) $(CMOCKA_LIBS)
tests_unit_epoch_store_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/epoch_pairs_test
tests_unit_epoch_pairs_test_SOURCES = tests/unit/epoch_pairs_test.c tests/unit/epoch_scene.h
tests_unit_epoch_pairs_test_CFLAGS = $(KEYS_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_epoch_pairs_test_LDADD = $(KEYS_LIBS) $(CMOCKA_LIBS)
tests_unit_epoch_pairs_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/seed_tree_test
tests_unit_seed_tree_test_CFLAGS = $(KEYS_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_seed_tree_test_LDADD = $(KEYS_LIBS) $(CMOCKA_LIBS)
tests_unit_seed_tree_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/keys_shares_test
tests_unit_keys_shares_test_CFLAGS = $(GATE_FOLLOW_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_keys_shares_test_LDADD = $(GATE_FOLLOW_LIBS) $(CMOCKA_LIBS)
tests_unit_keys_shares_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/keys_answer_test
tests_unit_keys_answer_test_CFLAGS = $(GATE_FOLLOW_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_keys_answer_test_LDADD = $(GATE_FOLLOW_LIBS) $(CMOCKA_LIBS)
tests_unit_keys_answer_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/epoch_book_test
tests_unit_epoch_book_test_CFLAGS = $(GATE_FOLLOW_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_epoch_book_test_LDADD = $(GATE_FOLLOW_LIBS) $(CMOCKA_LIBS)
tests_unit_epoch_book_test_LDFLAGS = $(AM_LDFLAGS) -static

check_PROGRAMS += tests/unit/key_map_test
tests_unit_key_map_test_CFLAGS = $(GATE_FOLLOW_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_key_map_test_LDADD = $(GATE_FOLLOW_LIBS) $(CMOCKA_LIBS)
tests_unit_key_map_test_LDFLAGS = $(AM_LDFLAGS) -static
endif
