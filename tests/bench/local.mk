# The benchmarks' own programs; tests/bench/run builds and uses them.
if HAVE_SSL
noinst_PROGRAMS += tests/bench/load tests/bench/bare
endif

tests_bench_load_SOURCES = \
	tests/bench/load.h \
	tests/bench/load.c \
	tests/bench/load_histogram.c \
	tests/bench/load_http.c \
	tests/bench/load_loop.c \
	tests/bench/load_noise.c \
	tests/bench/load_post.c \
	tests/bench/load_redis.c
tests_bench_load_CPPFLAGS = $(AM_CPPFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
tests_bench_load_LDADD = $(SSL_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS)

tests_bench_bare_SOURCES = tests/bench/bare.c
tests_bench_bare_CPPFLAGS = $(AM_CPPFLAGS) $(MHD_CFLAGS) $(GNUTLS_CFLAGS)
tests_bench_bare_LDADD = $(MHD_LIBS) $(GNUTLS_LIBS)

noinst_PROGRAMS += tests/bench/check_bench
tests_bench_check_bench_CFLAGS = $(GATE_CORE_CFLAGS)
tests_bench_check_bench_LDADD = $(GATE_CORE_LIBS)
tests_bench_check_bench_LDFLAGS = $(AM_LDFLAGS) -static

noinst_PROGRAMS += tests/bench/index_bench
tests_bench_index_bench_CFLAGS = $(GATE_CORE_CFLAGS)
tests_bench_index_bench_LDADD = $(GATE_CORE_LIBS)
tests_bench_index_bench_LDFLAGS = $(AM_LDFLAGS) -static

noinst_PROGRAMS += tests/bench/voprf_bench
tests_bench_voprf_bench_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
tests_bench_voprf_bench_LDADD = libplatesieve.la $(SODIUM_LIBS)
tests_bench_voprf_bench_LDFLAGS = $(AM_LDFLAGS) -static

EXTRA_DIST += \
	tests/bench/run \
	tests/bench/lib/bench.py \
	tests/bench/lib/checks.py \
	tests/bench/lib/evaluations.py \
	tests/bench/lib/feeder.py \
	tests/bench/lib/index.py \
	tests/bench/lib/lane_engines.py \
	tests/bench/lib/lane_messages.py \
	tests/bench/lib/lane_pictures.py \
	tests/bench/lib/lanes.py \
	tests/bench/lib/large.py \
	tests/bench/lib/lists.py \
	tests/bench/lib/made_up.py \
	tests/bench/lib/pictures.py \
	tests/bench/lib/profiling.py \
	tests/bench/lib/report.py \
	tests/bench/lib/stage.py \
	tests/bench/lib/streams.py
