/* The ways out of alerts, for real: a pipe as standard output, a display that answers HTTP, commands; and what the officer says. */
#include "client/alerts/alerts.h"
#include "client/alerts/book.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/http/wiping.h"
#include "client/moment.h"
#include "client/picture/images.h"
#include "tests/unit/alerts_scene.h"
#include "tests/unit/cmocka_all.h"

#define WAIT_MS 8000
#define BODY_MAX (1u << 20)

static void nap_ms(long ms)
{
    const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&time, NULL);
}

/* -- ears ------------------------------------------------------------------------------------------------------------ */

struct heard {
    _Atomic unsigned well, lost, pictured;
    char judged[256];
};

static void on_delivered(void *context, const char *way, bool well)
{
    struct heard *heard = context;

    (void)way;
    if (well) heard->well++;
    else heard->lost++;
}

static void on_judged(void *context, const char *hit, const char *agency, const char *judgement, int64_t at_ms)
{
    struct heard *heard = context;

    assert_true(at_ms > 0);
    snprintf(heard->judged, sizeof(heard->judged), "%s %s %s", hit, agency, judgement);
}

static void on_pictured(void *context, const struct check_alert *alert, struct image *image)
{
    struct heard *heard = context;

    assert_non_null(alert);
    assert_non_null(image);
    heard->pictured++;
}

static struct alerts *create(struct alert_settings settings, struct heard *heard)
{
    const struct alert_ears ears = { heard, on_delivered, on_judged, on_pictured };
    struct alerts *alerts;

    if (settings.keep_max == 0) settings.keep_max = 8;
    if (settings.keep_s == 0) settings.keep_s = 60;
    if (settings.late_s == 0) settings.late_s = 60;
    memset(heard, 0, sizeof(*heard));
    alerts = alerts_create(&settings, &ears);
    assert_non_null(alerts);
    return alerts;
}

static void raise_of(struct alerts *alerts, const char *hit, uint8_t id, unsigned priority, struct image *image)
{
    const struct lane_read read = scene_read("FIRST", id, image);
    struct check_alert alert = scene_alert(hit, PLATESIEVE_SIMILAR, 0);

    alert.priority = priority;
    alerts_raise(alerts, &read, &alert);
}

static void raise_one(struct alerts *alerts, const char *hit, uint8_t id, struct image *image)
{
    raise_of(alerts, hit, id, 20, image);
}

static void wait_for(_Atomic unsigned *number, unsigned wanted)
{
    for (int waited_ms = 0; *number < wanted && waited_ms < WAIT_MS; waited_ms += 5) nap_ms(5);
    assert_int_equal(*number, wanted);
}

/* -- a display ------------------------------------------------------------------------------------------------------- */

struct screen {
    int listener;
    uint16_t port;
    pthread_t thread;
    _Atomic unsigned connections, requests;
    _Atomic int refuse; /* answers 503 to so many */
    _Atomic bool endless; /* answers 200 and goes on until nobody listens */
    _Atomic bool hangs;   /* has everything, and answers nothing */
    _Atomic unsigned stuck; /* so many connections hang for good, others do not */
    char body[BODY_MAX];
    char hits[1024]; /* of all alerts that it took, in their order */
};

static size_t read_some(int connection, char *to, size_t at, size_t room)
{
    const ssize_t got = recv(connection, to + at, room - at - 1, 0);

    if (got <= 0) return 0;
    to[at + (size_t)got] = '\0';
    return (size_t)got;
}

static void note_hit(struct screen *screen)
{
    json_t *json = json_loads(screen->body, 0, NULL);
    const char *hit = json_string_value(json_object_get(json, "hit"));
    const size_t size = strlen(screen->hits);

    if (hit != NULL) snprintf(screen->hits + size, sizeof(screen->hits) - size, "%s ", hit);
    json_decref(json);
}

/* One request on CONNECTION; false when it is closed. */
static bool serve_one(struct screen *screen, int connection, char *buffer)
{
    static const char good[] = "HTTP/1.1 204 No Content\r\n\r\n", bad[] = "HTTP/1.1 503 Not now\r\nContent-Length: 0\r\n\r\n";
    static const char endless[] = "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n";
    size_t size = 0, got, wanted = 0;
    const char *body = NULL, *length;

    buffer[0] = '\0';
    while (body == NULL || (size_t)(buffer + size - body) < wanted) {
        if ((got = read_some(connection, buffer, size, BODY_MAX)) == 0) return false;
        size += got;
        if (body != NULL || (body = strstr(buffer, "\r\n\r\n")) == NULL) continue;
        length = strstr(buffer, "Content-Length: ");
        if (length == NULL) return false;
        wanted = strtoul(length + 16, NULL, 10);
        body += 4;
    }
    if (screen->refuse > 0) {
        screen->refuse--;
        return send(connection, bad, sizeof(bad) - 1, MSG_NOSIGNAL) > 0;
    }
    while (screen->hangs) nap_ms(5);
    memcpy(screen->body, body, wanted + 1);
    note_hit(screen);
    screen->requests++;
    if (screen->endless) {
        (void)send(connection, endless, sizeof(endless) - 1, MSG_NOSIGNAL);
        while (send(connection, buffer, size, MSG_NOSIGNAL) > 0) continue;
        return false;
    }
    return send(connection, good, sizeof(good) - 1, MSG_NOSIGNAL) > 0;
}

static void *serve(void *argument)
{
    struct screen *screen = argument;
    char *buffer = malloc(BODY_MAX);
    int connection, held = -1;

    while (buffer != NULL && (connection = accept(screen->listener, NULL, NULL)) >= 0) {
        screen->connections++;
        if (screen->stuck > 0) {
            screen->stuck--;
            held = connection; /* one such is enough */
            continue;
        }
        while (serve_one(screen, connection, buffer)) continue;
        close(connection);
    }
    if (held >= 0) close(held);
    free(buffer);
    return NULL;
}

static void screen_start(struct screen *screen, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) }, .sin_port = htons(port) };
    socklen_t size = sizeof(address);
    const int yes = 1;

    screen->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(screen->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
    assert_int_equal(bind(screen->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(screen->listener, 8), 0);
    assert_int_equal(getsockname(screen->listener, (struct sockaddr *)&address, &size), 0);
    screen->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&screen->thread, NULL, serve, screen), 0);
}

/* After the lane has closed its connection. */
static void screen_stop(struct screen *screen)
{
    (void)shutdown(screen->listener, SHUT_RDWR);
    close(screen->listener);
    assert_int_equal(pthread_join(screen->thread, NULL), 0);
}

static struct screen screen;

static const char *screen_url(char url[64])
{
    snprintf(url, 64, "http://127.0.0.1:%u/alerts", screen.port);
    return url;
}

static json_t *shown(void)
{
    json_t *json = json_loads(screen.body, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(json);
    return json;
}

static const char *string_of(json_t *json, const char *first, const char *second)
{
    const json_t *value = json_object_get(json, first);

    return json_string_value(second == NULL ? value : json_object_get(value, second));
}

static void test_display(void **state)
{
    struct images *images = images_create(4u << 20);
    static uint8_t picture[300000];
    uint8_t id[PLATESIEVE_READ_ID_BYTES];
    struct image *image;
    struct heard heard;
    struct alerts *alerts;
    char url[64];
    json_t *json;

    (void)state;
    memcpy(picture, "\xff\xd8\xff\xe0", 4);
    memset(&screen, 0, sizeof(screen));
    screen_start(&screen, 0);
    alerts = create((struct alert_settings) { .display = screen_url(url) }, &heard);
    image = images_put(images, picture, sizeof(picture));
    raise_one(alerts, "a", 1, NULL);
    wait_for(&screen.requests, 1);
    json = shown();
    assert_string_equal(string_of(json, "hit", NULL), "a");
    assert_string_equal(string_of(json, "reading", "plate"), "FIRST");
    assert_true(json_is_null(json_object_get(json, "image")));
    json_decref(json);
    raise_one(alerts, "b", 2, image);
    wait_for(&screen.requests, 2);
    json = shown();
    assert_string_equal(string_of(json, "image", "type"), "image/jpeg");
    assert_int_equal(strlen(string_of(json, "image", "data")), 400000);
    json_decref(json);
    memset(id, 2, sizeof(id));
    assert_false(alerts_want_picture(alerts, id));
    memset(id, 1, sizeof(id));
    assert_true(alerts_want_picture(alerts, id));
    alerts_picture(alerts, id, image); /* of a, late */
    assert_false(alerts_want_picture(alerts, id));
    wait_for(&screen.requests, 3);
    json = shown();
    assert_string_equal(string_of(json, "hit", NULL), "a");
    assert_non_null(string_of(json, "image", "data"));
    json_decref(json);
    assert_int_equal(heard.pictured, 1);
    assert_int_equal(screen.connections, 1);
    wait_for(&heard.well, 3);
    image_release(image);
    alerts_destroy(alerts, 0);
    assert_int_equal(images_used(images), 0);
    screen_stop(&screen);
    images_destroy(images);
}

static void test_a_display_that_fails_and_comes_back(void **state)
{
    struct alerts_state looked;
    struct heard heard;
    struct alerts *alerts;
    char url[64];
    uint16_t port;

    (void)state;
    memset(&screen, 0, sizeof(screen));
    screen_start(&screen, 0);
    port = screen.port;
    screen.refuse = 2;
    alerts = create((struct alert_settings) { .display = screen_url(url) }, &heard);
    raise_one(alerts, "a", 1, NULL);
    wait_for(&screen.requests, 1); /* after two refusals */
    wait_for(&heard.well, 1);
    alerts_look(alerts, &looked);
    assert_true(looked.display.well);
    alerts_destroy(alerts, 0);
    screen_stop(&screen);
    alerts = create((struct alert_settings) { .display = url }, &heard);
    for (uint8_t i = 1; i <= 9; i++) { /* one more than are kept */
        const char hit[2] = { (char)('a' + i), '\0' };

        raise_one(alerts, hit, i, NULL);
    }
    nap_ms(400);
    alerts_look(alerts, &looked);
    assert_false(looked.display.well);
    assert_int_equal(looked.display.waiting, 8);
    assert_int_equal(looked.display.lost, 1);
    assert_int_equal(heard.lost, 1);
    memset(&screen, 0, sizeof(screen));
    screen_start(&screen, port);
    wait_for(&screen.requests, 8);
    wait_for(&heard.well, 8);
    alerts_look(alerts, &looked);
    assert_true(looked.display.well);
    assert_int_equal(looked.display.delivered, 8);
    alerts_destroy(alerts, 0);
    screen_stop(&screen);
}

/* Nothing waits for it but what is for it; that comes once, the gravest and latest first, without what the officer has seen elsewhere. */
static void test_a_display_that_hangs(void **state)
{
    struct alerts_state looked;
    struct heard heard;
    struct alerts *alerts;
    char url[64];

    (void)state;
    memset(&screen, 0, sizeof(screen));
    screen_start(&screen, 0);
    screen.hangs = true;
    alerts = create((struct alert_settings) { .display = screen_url(url), .command = "cat >/dev/null" }, &heard);
    raise_of(alerts, "first", 1, 20, NULL);
    raise_of(alerts, "seen", 2, 99, NULL);
    raise_of(alerts, "light", 3, 10, NULL);
    raise_of(alerts, "grave", 4, 90, NULL);
    raise_of(alerts, "later", 5, 20, NULL);
    wait_for(&heard.well, 5); /* commands */
    for (int waited_ms = 0; waited_ms < WAIT_MS; waited_ms += 5, nap_ms(5)) {
        alerts_look(alerts, &looked);
        if (!looked.display.well) break;
    }
    assert_false(looked.display.well);
    assert_string_equal(looked.display.why, "it does not answer");
    assert_true(looked.display.since_ms > 0);
    assert_int_equal(looked.display.waiting, 5);
    assert_int_equal(alerts_judge(alerts, "seen", "acknowledged"), ALERT_JUDGED);
    nap_ms(ALERT_PROMPT_MS + 100); /* whatever happened when it was raised, it has waited for long */
    raise_of(alerts, "newest", 6, 20, NULL);
    wait_for(&heard.well, 6);
    screen.hangs = false;
    wait_for(&heard.well, 11);
    assert_string_equal(screen.hits, "first grave newest later light ");
    alerts_look(alerts, &looked);
    assert_true(looked.display.well);
    assert_null(looked.display.why);
    assert_int_equal(looked.display.waiting, 0);
    assert_int_equal(looked.display.lost, 0);
    nap_ms(600);
    assert_int_equal(screen.requests, 5);
    alerts_destroy(alerts, 0);
    screen_stop(&screen);
}

/* It answers on another connection. */
static void test_a_display_of_which_a_part_hangs(void **state)
{
    struct alerts_state looked;
    struct heard heard;
    struct alerts *alerts;
    char url[64];

    (void)state;
    memset(&screen, 0, sizeof(screen));
    screen_start(&screen, 0);
    screen.stuck = 1;
    alerts = create((struct alert_settings) { .display = screen_url(url) }, &heard);
    raise_one(alerts, "a", 1, NULL);
    raise_one(alerts, "b", 2, NULL);
    wait_for(&heard.well, 2);
    assert_string_equal(screen.hits, "b a ");
    alerts_look(alerts, &looked);
    assert_true(looked.display.well);
    alerts_destroy(alerts, 0);
    screen_stop(&screen);
}

/* What is too old for it is lost, and said to be; that it is there again is noticed without an alert. */
static void test_what_is_too_old_for_a_display(void **state)
{
    struct alerts_state looked;
    struct heard heard;
    struct alerts *alerts;
    char url[64];

    (void)state;
    memset(&screen, 0, sizeof(screen));
    screen_start(&screen, 0);
    screen.hangs = true;
    alerts = create((struct alert_settings) { .display = screen_url(url), .late_s = 4 }, &heard);
    raise_one(alerts, "a", 1, NULL);
    raise_one(alerts, "b", 2, NULL);
    wait_for(&heard.lost, 2);
    alerts_look(alerts, &looked);
    assert_false(looked.display.well);
    assert_int_equal(looked.display.waiting, 0);
    screen.hangs = false;
    for (int waited_ms = 0; waited_ms < WAIT_MS && !looked.display.well; waited_ms += 5, nap_ms(5)) alerts_look(alerts, &looked);
    assert_true(looked.display.well);
    raise_one(alerts, "c", 3, NULL);
    wait_for(&heard.well, 1);
    alerts_destroy(alerts, 0);
    screen_stop(&screen);
}

/* It has the alert, and would show it forty times. */
static void test_a_display_that_talks_too_much(void **state)
{
    struct alerts_state looked;
    struct heard heard;
    struct alerts *alerts;
    char url[64];

    (void)state;
    memset(&screen, 0, sizeof(screen));
    screen_start(&screen, 0);
    screen.endless = true;
    alerts = create((struct alert_settings) { .display = screen_url(url) }, &heard);
    raise_one(alerts, "a", 1, NULL);
    wait_for(&heard.well, 1);
    nap_ms(600); /* longer than it takes to try again */
    assert_int_equal(screen.requests, 1);
    alerts_look(alerts, &looked);
    assert_true(looked.display.well);
    assert_int_equal(looked.display.waiting, 0);
    alerts_destroy(alerts, 0);
    screen_stop(&screen);
}

static void test_addresses(void **state)
{
    (void)state;
    assert_true(alerts_display_fits("http://127.0.0.1:8080/x?y=z"));
    assert_true(alerts_display_fits("http://localhost/"));
    assert_true(alerts_display_fits("http://[::1]:9"));
    assert_false(alerts_display_fits("https://127.0.0.1/"));
    assert_false(alerts_display_fits("http://10.0.0.1/"));
    assert_false(alerts_display_fits("http://localhost.example/"));
    assert_false(alerts_display_fits("http://127.0.0.1.example/"));
    assert_false(alerts_display_fits("http://user:word@127.0.0.1/"));
    assert_false(alerts_display_fits("http://127.0.0.1@example/"));
    assert_false(alerts_display_fits("file:///etc/passwd"));
    assert_false(alerts_display_fits("127.0.0.1"));
    assert_false(alerts_display_fits(""));
}

/* One after the other goes over one connection that stays open.  (How fast: tests/bench.) */
static void test_one_connection(void **state)
{
    struct heard heard;
    struct alerts *alerts;
    char url[64];

    (void)state;
    memset(&screen, 0, sizeof(screen));
    screen_start(&screen, 0);
    alerts = create((struct alert_settings) { .display = screen_url(url) }, &heard);
    for (unsigned i = 0; i < 50; i++) {
        const int64_t begin_ms = moment_monotonic_ms();
        char hit[8];

        snprintf(hit, sizeof(hit), "h%u", i);
        raise_one(alerts, hit, (uint8_t)i, NULL);
        while (screen.requests <= i && moment_monotonic_ms() - begin_ms < 5000) nap_ms(1);
        assert_int_equal(screen.requests, i + 1);
    }
    assert_int_equal(screen.connections, 1);
    alerts_destroy(alerts, 0);
    screen_stop(&screen);
}

/* -- standard output -------------------------------------------------------------------------------------------------- */

static int output_to(int fd)
{
    const int old = dup(STDOUT_FILENO);

    (void)fflush(stdout);
    assert_true(old >= 0);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    return old;
}

static void output_back(int old)
{
    assert_true(dup2(old, STDOUT_FILENO) >= 0);
    close(old);
}

static void test_output(void **state)
{
    char text[4096] = "";
    struct heard heard;
    struct alerts *alerts;
    int ends[2], old;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    old = output_to(ends[1]);
    alerts = create((struct alert_settings) { .print = true }, &heard);
    raise_one(alerts, "a", 1, NULL);
    assert_int_equal(heard.well, 1); /* it is there when the call is over */
    raise_one(alerts, "a", 2, NULL); /* another passage, the same hit */
    alerts_destroy(alerts, 0);
    alerts = create((struct alert_settings) { .print = true, .json = true }, &heard);
    raise_one(alerts, "b", 1, NULL);
    alerts_destroy(alerts, 0);
    output_back(old);
    close(ends[1]);
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    close(ends[0]);
    assert_non_null(strstr(text, "  ALERT  FIRST US-TX  stolen vehicle (customs/stolen), similar, list 26 h old: VERIFY, priority 20: "));
    assert_non_null(strstr(strchr(text, '\n'), "  ALERT  FIRST US-TX  stolen vehicle (customs/stolen), similar, list 26 h old: VERIFY, priority 20, raised 2 times: "));
    assert_non_null(strstr(text, "\n{\"hit\": \"b\""));
    assert_null(strstr(strstr(text, "\n{"), "FIRST"));
}

/* Nobody reads: nothing waits for it, nothing is lost while it is kept, and it comes when there is room. */
static void test_an_output_that_is_full(void **state)
{
    static char filling[65536], text[65536];
    struct alerts_state looked;
    struct heard heard;
    struct alerts *alerts;
    int ends[2], old;
    int64_t begin_ms;

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], filling, sizeof(filling)) > 0) continue;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    old = output_to(ends[1]);
    alerts = create((struct alert_settings) { .print = true }, &heard);
    begin_ms = moment_monotonic_ms();
    for (uint8_t i = 1; i <= 8; i++) {
        const char hit[2] = { (char)('a' + i), '\0' };

        raise_one(alerts, hit, i, NULL);
    }
    assert_true(moment_monotonic_ms() - begin_ms < 1000);
    alerts_look(alerts, &looked);
    output_back(old);
    assert_false(looked.output.well);
    assert_int_equal(looked.output.waiting, 8);
    while (read(ends[0], text, sizeof(text)) > 0) continue;
    old = output_to(ends[1]);
    nap_ms(300);
    output_back(old);
    assert_int_equal(heard.well, 8);
    alerts_look(alerts, &looked);
    assert_true(looked.output.well);
    alerts_destroy(alerts, 0);
    close(ends[0]);
    close(ends[1]);
}

/* -- commands ---------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/alerts-test-XXXXXX";

static json_t *load(const char *name)
{
    char path[128];
    json_t *json;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    json = json_load_file(path, JSON_DECODE_ANY, NULL);
    assert_int_equal(unlink(path), 0);
    assert_non_null(json);
    return json;
}

static void test_command(void **state)
{
    struct images *images = images_create(4u << 20);
    static uint8_t picture[900001];
    struct image *image = images_put(images, picture, sizeof(picture));
    struct heard heard;
    struct alerts *alerts;
    char line[256];
    json_t *json;

    (void)state;
    snprintf(line, sizeof(line), "cat >%s/it; echo FLOOD; echo FLOOD >&2; ls /proc/self/fd | wc -l >%s/fds", folder, folder);
    alerts = create((struct alert_settings) { .command = line }, &heard);
    raise_one(alerts, "a", 1, image);
    wait_for(&heard.well, 1);
    json = load("it");
    assert_string_equal(string_of(json, "reading", "plate"), "FIRST");
    assert_int_equal(strlen(string_of(json, "image", "data")), 1200004);
    json_decref(json);
    json = load("fds");
    assert_int_equal(json_integer_value(json), 4); /* its three and ls's own: nothing of ours is open there */
    json_decref(json);
    image_release(image);
    alerts_destroy(alerts, 0);
    assert_int_equal(images_used(images), 0);
    images_destroy(images);
}

static void test_a_command_that_reads_nothing(void **state)
{
    struct images *images = images_create(4u << 20);
    static uint8_t picture[900000];
    struct image *image = images_put(images, picture, sizeof(picture));
    struct heard heard;
    struct alerts *alerts = create((struct alert_settings) { .command = "exec true" }, &heard);

    (void)state;
    raise_one(alerts, "a", 1, image);
    wait_for(&heard.well, 1);
    alerts_destroy(alerts, 0);
    alerts = create((struct alert_settings) { .command = "exit 3" }, &heard);
    raise_one(alerts, "a", 1, image);
    wait_for(&heard.lost, 1);
    alerts_destroy(alerts, 0);
    alerts = create((struct alert_settings) { .command = "exec /no/such/program" }, &heard);
    raise_one(alerts, "a", 1, image);
    wait_for(&heard.lost, 1);
    alerts_destroy(alerts, 0);
    image_release(image);
    images_destroy(images);
}

/* Those that run on hold up neither the caller nor the end, and leave no process behind. */
static void test_commands_that_run_on(void **state)
{
    struct alerts_state looked;
    struct heard heard;
    char line[256], path[128], text[32] = "";
    struct alerts *alerts;
    int64_t begin_ms = moment_monotonic_ms();
    FILE *file;

    (void)state;
    snprintf(line, sizeof(line), "sleep 30 & echo $! >>%s/pids; sleep 30", folder);
    alerts = create((struct alert_settings) { .command = line }, &heard);
    for (uint8_t i = 1; i <= 6; i++) {
        const char hit[2] = { (char)('a' + i), '\0' };

        raise_one(alerts, hit, i, NULL);
    }
    nap_ms(500);
    alerts_look(alerts, &looked);
    assert_int_equal(looked.command.waiting, 2); /* four run */
    alerts_destroy(alerts, 0);
    assert_true(moment_monotonic_ms() - begin_ms < 5000);
    snprintf(path, sizeof(path), "%s/pids", folder);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(text, sizeof(text), file) != NULL) {
        char process[64];

        snprintf(process, sizeof(process), "/proc/%ld/fd/0", strtol(text, NULL, 10));
        for (unsigned i = 0; i < 200 && access(process, F_OK) == 0; i++) nap_ms(10);
        assert_int_not_equal(access(process, F_OK), 0); /* gone, or nobody's zombie */
    }
    fclose(file);
    assert_int_equal(unlink(path), 0);
}

/* -- the officer ------------------------------------------------------------------------------------------------------- */

static json_t *list_after(struct alerts *alerts, uint64_t after)
{
    size_t size = 0;
    char *text = alerts_list(alerts, after, &size);
    json_t *json;

    assert_non_null(text);
    assert_int_equal(strlen(text), size);
    json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    platesieve_secret_free(text);
    assert_non_null(json);
    return json;
}

static uint64_t next_of(json_t *json, size_t alerts, size_t kept)
{
    const uint64_t next = (uint64_t)json_integer_value(json_object_get(json, "next"));

    assert_int_equal(json_array_size(json_object_get(json, "alerts")), alerts);
    assert_int_equal(json_array_size(json_object_get(json, "kept")), kept);
    return next;
}

static void test_judging(void **state)
{
    struct heard heard;
    struct alerts *alerts = create((struct alert_settings) { .keep_max = 4 }, &heard);
    uint64_t next;
    json_t *json, *one;

    (void)state;
    json = list_after(alerts, 0);
    next = next_of(json, 0, 0);
    json_decref(json);
    assert_int_equal(alerts_judge(alerts, "a", "confirmed"), ALERT_UNKNOWN);
    raise_one(alerts, "a", 1, NULL);
    raise_one(alerts, "b", 2, NULL);
    json = list_after(alerts, next);
    next = next_of(json, 2, 2);
    json_decref(json);
    assert_int_equal(alerts_judge(alerts, "a", "guilty"), ALERT_NO_SUCH_WORD);
    assert_int_equal(heard.judged[0], 0);
    assert_int_equal(alerts_judge(alerts, "a", "acknowledged"), ALERT_JUDGED);
    assert_string_equal(heard.judged, "a customs acknowledged");
    assert_int_equal(alerts_judge(alerts, "a", "wrong-jurisdiction"), ALERT_JUDGED);
    assert_string_equal(heard.judged, "a customs wrong-jurisdiction");
    json = list_after(alerts, next);
    next = next_of(json, 1, 2);
    one = json_array_get(json_object_get(json, "alerts"), 0);
    assert_string_equal(string_of(one, "hit", NULL), "a");
    assert_string_equal(string_of(one, "judgement", NULL), "wrong-jurisdiction");
    assert_string_equal(string_of(one, "told", NULL), "pending");
    assert_non_null(string_of(one, "acknowledged_at", NULL));
    json_decref(json);
    alerts_told(alerts, "a", "done");
    json = list_after(alerts, next);
    next = next_of(json, 1, 2);
    assert_string_equal(string_of(json_array_get(json_object_get(json, "alerts"), 0), "told", NULL), "pending"); /* the other word */
    json_decref(json);
    alerts_told(alerts, "a", "done");
    alerts_told(alerts, "unknown", "done");
    json = list_after(alerts, next);
    next = next_of(json, 1, 2);
    assert_string_equal(string_of(json_array_get(json_object_get(json, "alerts"), 0), "told", NULL), "done");
    json_decref(json);
    json_decref(list_after(alerts, UINT64_MAX));
    assert_null(alerts_image(alerts, "a"));
    alerts_destroy(alerts, 0);
    alerts_destroy(NULL, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_display),
        cmocka_unit_test(test_a_display_that_fails_and_comes_back),
        cmocka_unit_test(test_a_display_that_hangs),
        cmocka_unit_test(test_a_display_of_which_a_part_hangs),
        cmocka_unit_test(test_what_is_too_old_for_a_display),
        cmocka_unit_test(test_a_display_that_talks_too_much),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_one_connection),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_an_output_that_is_full),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_a_command_that_reads_nothing),
        cmocka_unit_test(test_commands_that_run_on),
        cmocka_unit_test(test_judging),
    };
    int failed;

    if (!wiping_install() || platesieve_failed(platesieve_init()) || mkdtemp(folder) == NULL) return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) != 0 || failed != 0;
}
