/* Counting from many threads, and the text that comes of it. */
#include <pthread.h>

#include "server/http/metrics.h"
#include "tests/unit/unit.h"

#define THREADS 8
#define ROUNDS 20000

static void test_text(void **state)
{
    struct metrics *metrics = metrics_create();
    struct metric *clear = metrics_counter(metrics, "reads_total", "Reads.", "answer=\"clear\"");
    struct metric *depth = metrics_gauge(metrics, "depth", "Records.", "");
    struct metric *hit = metrics_counter(metrics, "reads_total", "Reads.", "answer=\"hit\"");
    size_t size = 0;
    (void)state;
    metric_add(clear, 3);
    metric_add(hit, 1);
    metric_set(depth, 2.5);
    char *text = metrics_text(metrics, &size);
    assert_string_equal(text, "# HELP reads_total Reads.\n# TYPE reads_total counter\n"
                              "reads_total{answer=\"clear\"} 3\nreads_total{answer=\"hit\"} 1\n"
                              "# HELP depth Records.\n# TYPE depth gauge\ndepth 2.5\n");
    assert_int_equal(size, strlen(text));
    free(text);
    metrics_destroy(metrics);
}

static void test_histogram(void **state)
{
    struct metrics *metrics = metrics_create();
    struct metric *seconds = metrics_histogram(metrics, "seconds", "Time.", "route=\"/x\"");
    size_t size;
    (void)state;
    metric_observe_ns(seconds, 100000); /* the bound belongs to the bucket */
    metric_observe_ns(seconds, 100001);
    metric_observe_ns(seconds, 20000000000);
    char *text = metrics_text(metrics, &size);
    assert_non_null(strstr(text, "seconds_bucket{route=\"/x\",le=\"0.0001\"} 1\n"));
    assert_non_null(strstr(text, "seconds_bucket{route=\"/x\",le=\"0.00025\"} 2\n"));
    assert_non_null(strstr(text, "seconds_bucket{route=\"/x\",le=\"10\"} 2\n"));
    assert_non_null(strstr(text, "seconds_bucket{route=\"/x\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "seconds_sum{route=\"/x\"} 20.000200001\n"));
    assert_non_null(strstr(text, "seconds_count{route=\"/x\"} 3\n"));
    free(text);
    metrics_destroy(metrics);
}

static void *count(void *metric)
{
    for (int i = 0; i < ROUNDS; i++) metric_add(metric, 1);
    return NULL;
}

static void test_no_addition_is_lost(void **state)
{
    struct metrics *metrics = metrics_create();
    struct metric *total = metrics_counter(metrics, "total", "All.", "");
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, count, total), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_true(metric_value(total) == THREADS * ROUNDS);
    metrics_destroy(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_no_addition_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
