# Fuzz targets, one for each parser, each with its corpus.  With --enable-fuzzing (CC=clang) they are libFuzzer programs:
#     build/tests/fuzz/plate_fuzz -max_total_time=60 a-new-folder tests/fuzz/corpus/plate
# Without, they run over the corpus as part of `make check`.
EXTRA_DIST += tests/fuzz/fuzz.h tests/fuzz/replay.c tests/fuzz/corpus

fuzz_targets = tests/fuzz/csv_fuzz tests/fuzz/engine_fuzz tests/fuzz/import_fuzz tests/fuzz/plate_fuzz tests/fuzz/part_fuzz tests/fuzz/check_fuzz tests/fuzz/judge_fuzz \
    tests/fuzz/evidence_fuzz tests/fuzz/keys_answer_fuzz tests/fuzz/lane_report_fuzz \
    tests/fuzz/roll_fuzz tests/fuzz/voprf_fuzz

if FUZZING
noinst_PROGRAMS += $(fuzz_targets)
fuzz_main =
fuzz_flags = -fsanitize=fuzzer
else
check_PROGRAMS += $(fuzz_targets)
fuzz_main = tests/fuzz/replay.c
fuzz_flags =
endif

tests_fuzz_plate_fuzz_SOURCES = tests/fuzz/plate_fuzz.c $(fuzz_main)
tests_fuzz_plate_fuzz_LDADD = libplatesieve.la
tests_fuzz_plate_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_part_fuzz_SOURCES = tests/fuzz/part_fuzz.c $(fuzz_main)
tests_fuzz_part_fuzz_LDADD = $(GATE_DISK_LIBS)
tests_fuzz_part_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_check_fuzz_SOURCES = tests/fuzz/check_fuzz.c $(fuzz_main)
tests_fuzz_check_fuzz_CFLAGS = $(GATE_CORE_CFLAGS)
tests_fuzz_check_fuzz_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS)
tests_fuzz_check_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_keys_answer_fuzz_SOURCES = tests/fuzz/keys_answer_fuzz.c $(fuzz_main)
tests_fuzz_keys_answer_fuzz_CFLAGS = $(GATE_FOLLOW_CFLAGS)
tests_fuzz_keys_answer_fuzz_LDADD = $(GATE_FOLLOW_LIBS)
tests_fuzz_keys_answer_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_lane_report_fuzz_SOURCES = tests/fuzz/lane_report_fuzz.c $(fuzz_main)
tests_fuzz_lane_report_fuzz_CFLAGS = $(GATE_CORE_CFLAGS)
tests_fuzz_lane_report_fuzz_LDADD = $(GATE_CORE_LIBS) $(JANSSON_LIBS)
tests_fuzz_lane_report_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_evidence_fuzz_SOURCES = tests/fuzz/evidence_fuzz.c tests/unit/evidence_scene.h $(fuzz_main)
tests_fuzz_evidence_fuzz_CFLAGS = $(CLIENT_CFLAGS)
tests_fuzz_evidence_fuzz_LDADD = $(EVIDENCE_LIBS) $(CLIENT_LIBS)
tests_fuzz_evidence_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_judge_fuzz_SOURCES = tests/fuzz/judge_fuzz.c $(fuzz_main)
tests_fuzz_judge_fuzz_CFLAGS = $(CLIENT_CFLAGS)
tests_fuzz_judge_fuzz_LDADD = $(CLIENT_LIBS)
tests_fuzz_judge_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_csv_fuzz_SOURCES = tests/fuzz/csv_fuzz.c $(fuzz_main)
tests_fuzz_csv_fuzz_CFLAGS = $(CLIENT_CFLAGS)
tests_fuzz_csv_fuzz_LDADD = $(CLIENT_LIBS)
tests_fuzz_csv_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_engine_fuzz_SOURCES = tests/fuzz/engine_fuzz.c $(fuzz_main)
tests_fuzz_engine_fuzz_CFLAGS = $(CLIENT_CFLAGS)
tests_fuzz_engine_fuzz_LDADD = $(CLIENT_LIBS)
tests_fuzz_engine_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_import_fuzz_SOURCES = tests/fuzz/import_fuzz.c $(fuzz_main)
tests_fuzz_import_fuzz_CFLAGS = $(CLIENT_CFLAGS)
tests_fuzz_import_fuzz_LDADD = $(CLIENT_LIBS)
tests_fuzz_import_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_roll_fuzz_SOURCES = tests/fuzz/roll_fuzz.c $(fuzz_main)
tests_fuzz_roll_fuzz_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_roll_fuzz_LDADD = $(SERVER_HTTP_LIBS)
tests_fuzz_roll_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static

tests_fuzz_voprf_fuzz_SOURCES = tests/fuzz/voprf_fuzz.c $(fuzz_main)
tests_fuzz_voprf_fuzz_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
tests_fuzz_voprf_fuzz_LDADD = libplatesieve.la $(SODIUM_LIBS)
tests_fuzz_voprf_fuzz_LDFLAGS = $(AM_LDFLAGS) $(fuzz_flags) -static
