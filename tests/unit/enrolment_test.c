/* The gate's waiting room: its order, its limits, and what is answered to whom. */
#include "server/gate/enrolment.h"

#include <gnutls/x509.h>
#include <sodium.h>
#include <stdio.h>

#include "cmocka_all.h"

#define NOW INT64_C(1790000000000)

struct room {
    struct metrics *metrics;
    struct enrolments *enrolments;
    struct enrolment waiting[LIMIT_ENROLMENTS];
};

static uint8_t csr[LIMIT_CSR_BYTES]; /* a real one */
static size_t csr_size;

static void make_csr(void)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crq_t request;

    gnutls_x509_privkey_init(&key);
    gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crq_init(&request);
    gnutls_x509_crq_set_key(request, key);
    gnutls_x509_crq_sign2(request, key, GNUTLS_DIG_SHA256, 0);
    csr_size = sizeof csr;
    assert_int_equal(gnutls_x509_crq_export(request, GNUTLS_X509_FMT_DER, csr, &csr_size), 0);
    gnutls_x509_crq_deinit(request);
    gnutls_x509_privkey_deinit(key);
}

static int make(void **state)
{
    struct room *room = calloc(1, sizeof *room);

    room->metrics = metrics_create();
    room->enrolments = enrolments_create(room->metrics);
    if (csr_size == 0) make_csr();
    *state = room;
    return room->enrolments == NULL;
}

static int drop(void **state)
{
    struct room *room = *state;

    enrolments_destroy(room->enrolments);
    metrics_destroy(room->metrics);
    free(room);
    return 0;
}

static struct enrolment stranger(const char *place, unsigned number)
{
    struct enrolment request = { .csr_size = csr_size, .mac_size = PLATESIEVE_MAC_BYTES };

    memcpy(request.csr, csr, csr_size);
    memcpy(request.mac, &number, sizeof number);
    snprintf(request.place, sizeof request.place, "%s", place);
    return request;
}

static struct enrolment renewal(const char *name, unsigned number)
{
    struct enrolment request = stranger("", number);

    snprintf(request.from, sizeof request.from, "%s", name);
    return request;
}

static enum reason add(struct room *room, struct enrolment request, int64_t tick_ms)
{
    return enrolments_add(room->enrolments, &request, NOW, tick_ms).reason;
}

static void test_order_and_repeats(void **state)
{
    struct room *room = *state;
    struct enrolment first = stranger("a", 1), again = stranger("b", 1), found;

    assert_false(failed(enrolments_add(room->enrolments, &first, NOW, 0)));
    assert_int_equal(strlen(first.id), ENROLMENT_ID_TEXT);
    assert_int_equal(add(room, stranger("a", 2), 1), REASON_NONE);
    assert_false(failed(enrolments_add(room->enrolments, &again, NOW + 5, 5)));
    assert_string_equal(first.id, again.id);
    assert_int_equal(enrolments_waiting(room->enrolments, 10, room->waiting), 2);
    assert_string_equal(room->waiting[0].id, first.id);
    assert_int_equal(room->waiting[1].mac[0], 2);
    assert_false(failed(enrolments_get(room->enrolments, first.id, 10, &found)));
    assert_int_equal(found.state, ENROLMENT_WAITING);
    assert_int_equal(enrolments_get(room->enrolments, "", 10, &found).reason, REASON_NOT_FOUND);
    assert_int_equal(enrolments_get(room->enrolments, "AAAAAAAAAAAAAAAAAAAAAA", 10, &found).reason, REASON_NOT_FOUND);
}

static void test_answers(void **state)
{
    struct room *room = *state;
    struct enrolment request = stranger("a", 1), found, again = stranger("a", 1);

    (void)!failed(enrolments_add(room->enrolments, &request, NOW, 0));
    assert_int_equal(enrolments_answer(room->enrolments, request.id, 1, csr, csr_size, "").reason, REASON_CERTIFICATE);
    assert_false(failed(enrolments_answer(room->enrolments, request.id, 1, NULL, 0, "code")));
    assert_int_equal(enrolments_answer(room->enrolments, request.id, 1, NULL, 0, "code").reason, REASON_ANSWERED);
    assert_int_equal(enrolments_waiting(room->enrolments, 2, room->waiting), 0);
    assert_false(failed(enrolments_get(room->enrolments, request.id, 2, &found)));
    assert_string_equal(found.refused, "code");
    assert_false(failed(enrolments_add(room->enrolments, &again, NOW, 3))); /* judged again */
    assert_string_not_equal(again.id, request.id);
    assert_int_equal(enrolments_waiting(room->enrolments, 4, room->waiting), 1);
}

static void test_the_share_of_an_address(void **state)
{
    struct room *room = *state;
    unsigned number = 0, taken = 0;

    while (add(room, stranger("a", number++), 0) == REASON_NONE) taken++;
    assert_int_equal(taken, LIMIT_ENROLMENTS_PER_ADDRESS);
    while (add(room, stranger("b", number++), 0) == REASON_NONE) taken++;
    while (add(room, stranger("c", number++), 0) == REASON_NONE) taken++;
    assert_int_equal(taken, LIMIT_ENROLMENTS_STRANGERS);
    assert_int_equal(add(room, stranger("d", number++), 0), REASON_WAITING_ROOM);
    for (unsigned i = 0; i < LIMIT_ENROLMENTS - LIMIT_ENROLMENTS_STRANGERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "reader/north/%u", i);
        assert_int_equal(add(room, renewal(name, 0), 0), REASON_NONE);
    }
    assert_int_equal(add(room, renewal("reader/north/99", 0), 0), REASON_WAITING_ROOM);
    assert_int_equal(add(room, renewal("reader/north/1", 7), 0), REASON_NONE); /* in the place of its own */
    assert_int_equal(enrolments_waiting(room->enrolments, 1, room->waiting), LIMIT_ENROLMENTS);
    assert_int_equal(add(room, stranger("d", number), LIMIT_ENROLMENT_S * INT64_C(1000)), REASON_NONE); /* the others waited too long */
    assert_int_equal(enrolments_waiting(room->enrolments, LIMIT_ENROLMENT_S * INT64_C(1000), room->waiting), 1);
}

/* What was answered makes room when it is needed, the oldest first. */
static void test_answered_ones_make_room(void **state)
{
    struct room *room = *state;
    struct enrolment first = renewal("reader/north/1000", 0), second = renewal("reader/north/1001", 0), found;

    (void)!failed(enrolments_add(room->enrolments, &first, NOW, 0));
    (void)!failed(enrolments_add(room->enrolments, &second, NOW, 0));
    (void)!failed(enrolments_answer(room->enrolments, second.id, 0, NULL, 0, "early"));
    (void)!failed(enrolments_answer(room->enrolments, first.id, 0, NULL, 0, "early"));
    for (unsigned i = 0; i < LIMIT_ENROLMENTS - 1; i++) {
        char name[32];
        snprintf(name, sizeof name, "reader/north/%u", i);
        assert_int_equal(add(room, renewal(name, 0), 0), REASON_NONE);
    }
    assert_int_equal(enrolments_get(room->enrolments, first.id, 1, &found).reason, REASON_NOT_FOUND);
    assert_false(failed(enrolments_get(room->enrolments, second.id, 1, &found)));
}

static void test_what_is_no_request(void **state)
{
    struct room *room = *state;
    struct enrolment request = stranger("a", 1);

    request.csr_size--;
    assert_int_equal(add(room, request, 0), REASON_CERTIFICATE);
    request.csr_size = 0;
    assert_int_equal(add(room, request, 0), REASON_CERTIFICATE);
    request = renewal("reader/north/1", 1);
    memcpy(request.certificate, csr, csr_size);
    request.certificate_size = csr_size;
    assert_int_equal(add(room, request, 0), REASON_CERTIFICATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_repeats, make, drop),
        cmocka_unit_test_setup_teardown(test_answers, make, drop),
        cmocka_unit_test_setup_teardown(test_the_share_of_an_address, make, drop),
        cmocka_unit_test_setup_teardown(test_answered_ones_make_room, make, drop),
        cmocka_unit_test_setup_teardown(test_what_is_no_request, make, drop),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
