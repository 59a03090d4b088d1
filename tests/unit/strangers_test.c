/* How many strangers are let in, and how often. */
#include "server/http/strangers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "cmocka_all.h"

#define NOW 1000000

static int make(void **state)
{
    *state = strangers_create();
    return *state == NULL;
}

static int drop(void **state)
{
    strangers_destroy(*state);
    return 0;
}

static void test_at_a_time(void **state)
{
    struct strangers *strangers = *state;
    unsigned inside = 0;

    while (strangers_enter(strangers, "192.0.2.1", NOW)) inside++;
    assert_int_equal(inside, LIMIT_STRANGERS_PER_ADDRESS);
    while (strangers_enter(strangers, "192.0.2.2", NOW)) inside++;
    assert_int_equal(inside, LIMIT_STRANGERS);
    assert_false(strangers_enter(strangers, "192.0.2.3", NOW));
    strangers_leave(strangers, "192.0.2.1");
    assert_true(strangers_enter(strangers, "192.0.2.3", NOW));
    strangers_leave(strangers, "192.0.2.77"); /* was never inside */
    assert_false(strangers_enter(strangers, "192.0.2.3", NOW));
}

static unsigned come_and_go(struct strangers *strangers, const char *place, int64_t now_ms, unsigned times)
{
    unsigned entered = 0;

    for (unsigned i = 0; i < times; i++) {
        if (!strangers_enter(strangers, place, now_ms)) continue;
        entered++;
        strangers_leave(strangers, place);
    }
    return entered;
}

static void test_rate_of_an_address(void **state)
{
    assert_int_equal(come_and_go(*state, "192.0.2.1", NOW, 500), LIMIT_STRANGERS_BURST_PER_ADDRESS);
    assert_int_equal(come_and_go(*state, "192.0.2.1", NOW + 1000, 500), LIMIT_STRANGERS_PER_SECOND_AND_ADDRESS);
    assert_int_equal(come_and_go(*state, "192.0.2.1", NOW + 1010, 500), 0);
    assert_int_equal(come_and_go(*state, "192.0.2.2", NOW + 1010, 500), LIMIT_STRANGERS_BURST_PER_ADDRESS);
    assert_int_equal(come_and_go(*state, "192.0.2.1", NOW + INT64_C(1000000000), 500), LIMIT_STRANGERS_BURST_PER_ADDRESS);
}

static void test_rate_of_all(void **state)
{
    unsigned entered = 0;
    char place[32];

    for (unsigned i = 0; i < 1000; i++) { /* more places than are remembered */
        snprintf(place, sizeof place, "10.0.%u.%u", i / 250, i % 250);
        entered += come_and_go(*state, place, NOW, 2);
    }
    assert_int_equal(entered, LIMIT_STRANGERS_BURST);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(place, sizeof place, "10.1.%u.%u", i / 250, i % 250);
        entered += come_and_go(*state, place, NOW + 1000, 2);
    }
    assert_int_equal(entered, LIMIT_STRANGERS_BURST + LIMIT_STRANGERS_PER_SECOND);
}

/* A clock that stands still or jumps back lets nobody in beside the limits. */
static void test_clock_goes_back(void **state)
{
    assert_int_equal(come_and_go(*state, "192.0.2.1", NOW, 500), LIMIT_STRANGERS_BURST_PER_ADDRESS);
    assert_int_equal(come_and_go(*state, "192.0.2.1", NOW - 500000, 500), 0);
}

static void test_places(void **state)
{
    struct sockaddr_in four = { .sin_family = AF_INET };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    struct sockaddr none = { .sa_family = AF_UNIX };
    char place[LIMIT_ADDRESS_TEXT + 1];

    inet_pton(AF_INET, "192.0.2.7", &four.sin_addr);
    strangers_place((struct sockaddr *)&four, place);
    assert_string_equal(place, "192.0.2.7");
    inet_pton(AF_INET6, "2001:db8:1:2:3:4:5:6", &six.sin6_addr);
    strangers_place((struct sockaddr *)&six, place);
    assert_string_equal(place, "2001:db8:1:2::/64");
    inet_pton(AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &six.sin6_addr);
    strangers_place((struct sockaddr *)&six, place);
    assert_string_equal(place, "ffff:ffff:ffff:ffff::/64");
    strangers_place(&none, place);
    assert_string_equal(place, "");
    assert_false(strangers_enter(*state, place, NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_at_a_time, make, drop),
        cmocka_unit_test_setup_teardown(test_rate_of_an_address, make, drop),
        cmocka_unit_test_setup_teardown(test_rate_of_all, make, drop),
        cmocka_unit_test_setup_teardown(test_clock_goes_back, make, drop),
        cmocka_unit_test_setup_teardown(test_places, make, drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
