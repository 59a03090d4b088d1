/* crypto/: list headers, sealed pictures, and what a gate can tell of them. */
#include "tests/unit/evidence_scene.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <platesieve/platesieve.h>

#include "tests/unit/cmocka_all.h"

#define DAY_MS INT64_C(86400000)

static struct scene scene;

static int set_up(void **unused)
{
    (void)unused;
    assert_false(platesieve_failed(platesieve_init()));
    return scene_make(&scene) ? 0 : 1;
}

static int tear_down(void **unused)
{
    (void)unused;
    scene_free(&scene);
    return 0;
}

/* -- headers ------------------------------------------------------------------------------------------------------- */

static enum list_header_fault sign_and_verify(const struct list_header *header, const struct person *signer, int64_t now_ms,
                                              struct list_header **verified)
{
    struct list_header *own = NULL;
    enum list_header_fault fault;
    uint8_t *der;
    size_t size;

    assert_int_equal(list_header_sign(header, signer->certificate, signer->key, &der, &size), LIST_HEADER_FINE);
    fault = list_header_verify(&scene.anchors, der, size, "customs", "stolen", now_ms, &own);
    assert_int_equal(own != NULL, fault == LIST_HEADER_FINE);
    free(der);
    if (verified != NULL) *verified = own;
    else list_header_free(own);
    return fault;
}

static void header_comes_back(void **unused)
{
    struct list_header header = scene_header(&scene.one), *read;

    (void)unused;
    header.serial = UINT64_C(1) << 40;
    header.recipient_count = 3;
    header.recipients[1].certificate = scene.two.certificate;
    header.recipients[2].certificate = scene.marshal.certificate;
    header.shared_count = 1;
    memcpy(header.shared_with[0], "marshals", 9);
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, &read), LIST_HEADER_FINE);
    assert_string_equal(read->agency, "customs");
    assert_string_equal(read->list, "stolen");
    assert_string_equal(read->signer, "ana");
    assert_true(read->serial == header.serial && read->signed_ms == header.signed_ms && read->expires_ms == header.expires_ms);
    assert_int_equal(read->recipient_count, 3);
    assert_string_equal(read->recipients[1].number, "2");
    assert_string_equal(read->recipients[2].agency, "marshals");
    assert_string_equal(read->shared_with[0], "marshals");
    list_header_free(read);
}

static void header_of_the_most_fits(void **unused)
{
    struct list_header header = scene_header(&scene.one);
    struct person people[LIMIT_HEADER_RECIPIENTS];

    (void)unused;
    header.recipient_count = LIMIT_HEADER_RECIPIENTS;
    for (size_t i = 0; i < LIMIT_HEADER_RECIPIENTS; i++) {
        people[i] = scene_person(&scene.ca, "evidence/customs/a-name-of-forty-eight-characters-which-is-the-mo");
        header.recipients[i].certificate = people[i].certificate;
    }
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_FINE);
    header.recipients[7].certificate = people[3].certificate;
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_RECIPIENT);
    for (size_t i = 0; i < LIMIT_HEADER_RECIPIENTS; i++) person_free(&people[i]);
}

static void header_names_evidence_of_its_agencies_only(void **unused)
{
    struct list_header header = scene_header(&scene.marshal);
    struct person stale = scene_person_for(&scene.ca, "evidence/customs/3", 5);

    (void)unused;
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_RECIPIENT);
    header.shared_count = 1;
    memcpy(header.shared_with[0], "marshals", 9);
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_RECIPIENT); /* not one of its own */
    header = scene_header(&scene.lane);
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_RECIPIENT);
    header = scene_header(&scene.ana);
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_RECIPIENT);
    header = scene_header(&stale);
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms + 60000, NULL), LIST_HEADER_RECIPIENT);
    person_free(&stale);
}

static void header_is_signed_by_a_user_of_its_agency(void **unused)
{
    const struct list_header header = scene_header(&scene.one);
    struct scene other;

    (void)unused;
    assert_int_equal(sign_and_verify(&header, &scene.ben, header.signed_ms, NULL), LIST_HEADER_SIGNER);
    assert_int_equal(sign_and_verify(&header, &scene.one, header.signed_ms, NULL), LIST_HEADER_SIGNER);
    assert_int_equal(sign_and_verify(&header, &scene.lane, header.signed_ms, NULL), LIST_HEADER_SIGNER);
    assert_true(scene_make(&other));
    assert_int_equal(sign_and_verify(&header, &other.ana, header.signed_ms, NULL), LIST_HEADER_SIGNER);
    scene_free(&other);
}

static void header_has_its_time(void **unused)
{
    struct list_header header = scene_header(&scene.one);

    (void)unused;
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms - 290000, NULL), LIST_HEADER_FINE);
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms - 310000, NULL), LIST_HEADER_EXPIRED);
    header.expires_ms = header.signed_ms + 1000;
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.expires_ms - 1, NULL), LIST_HEADER_FINE);
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.expires_ms, NULL), LIST_HEADER_EXPIRED);
    header.expires_ms = header.signed_ms + 401 * DAY_MS;
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_EXPIRED);
}

static void header_is_of_one_list(void **unused)
{
    struct list_header header = scene_header(&scene.one), *read;
    uint8_t *der;
    size_t size;

    (void)unused;
    assert_int_equal(list_header_sign(&header, scene.ana.certificate, scene.ana.key, &der, &size), LIST_HEADER_FINE);
    assert_int_equal(list_header_verify(&scene.anchors, der, size, "customs", "wanted", header.signed_ms, &read), LIST_HEADER_OTHER);
    assert_int_equal(list_header_verify(&scene.anchors, der, size, "marshals", "stolen", header.signed_ms, &read), LIST_HEADER_OTHER);
    free(der);
}

/* Each byte changed, each end cut off: never fine, but where nothing is said (the version, the case of the issuer's name). */
static void header_takes_no_change(void **unused)
{
    struct list_header header = scene_header(&scene.one), *read;
    unsigned fine = 0;
    uint8_t *der;
    size_t size;

    (void)unused;
    assert_int_equal(list_header_sign(&header, scene.ana.certificate, scene.ana.key, &der, &size), LIST_HEADER_FINE);
    for (size_t i = 0; i < size; i++) {
        der[i] ^= (uint8_t)(1 << i % 8);
        if (list_header_verify(&scene.anchors, der, size, "customs", "stolen", header.signed_ms, &read) == LIST_HEADER_FINE) {
            assert_true(++fine <= 8 && read->serial == header.serial && read->expires_ms == header.expires_ms);
            assert_int_equal(X509_cmp(read->recipients[0].certificate, scene.one.certificate), 0);
            assert_string_equal(read->signer, "ana");
            list_header_free(read);
        }
        der[i] ^= (uint8_t)(1 << i % 8);
        if (i % 17 == 0)
            assert_int_not_equal(list_header_verify(&scene.anchors, der, i, "customs", "stolen", header.signed_ms, &read), LIST_HEADER_FINE);
    }
    der = realloc(der, size + 1);
    der[size] = 0;
    assert_int_equal(list_header_verify(&scene.anchors, der, size + 1, "customs", "stolen", header.signed_ms, &read), LIST_HEADER_FORM);
    free(der);
}

static X509_CRL *crl_of(const struct ca *ca, X509 *revoked)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

    assert_true(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked)) == 1 && X509_REVOKED_set_revocationDate(entry, now) == 1);
    assert_true(X509_CRL_set_version(crl, 1) == 1 && X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate)) == 1 &&
                X509_CRL_set1_lastUpdate(crl, now) == 1 && X509_CRL_set1_nextUpdate(crl, now) == 1 && X509_CRL_add0_revoked(crl, entry) == 1 &&
                X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
    ASN1_TIME_free(now);
    return crl;
}

static void header_of_a_revoked_user_or_recipient(void **unused)
{
    struct list_header header = scene_header(&scene.one);
    struct anchors with, saved = scene.anchors;
    X509_CRL *crl;

    (void)unused;
    crl = crl_of(&scene.ca, scene.ana.certificate);
    assert_true(scene_anchors(&scene.ca, crl, &with));
    scene.anchors = with;
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_SIGNER);
    scene.anchors = saved;
    anchors_free(&with);
    X509_CRL_free(crl);
    crl = crl_of(&scene.ca, scene.one.certificate);
    assert_true(scene_anchors(&scene.ca, crl, &with));
    scene.anchors = with;
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_RECIPIENT);
    header.recipients[0].certificate = scene.two.certificate;
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, NULL), LIST_HEADER_FINE);
    scene.anchors = saved;
    anchors_free(&with);
    X509_CRL_free(crl);
}

static void header_json_is_strict(void **unused)
{
    struct list_header header = scene_header(&scene.one), read = { 0 };
    char *text = list_header_write(&header), changed[8192];
    static const struct {
        const char *from, *to;
    } changes[] = {
        { "list-header/1", "list-header/2" }, { "\"serial\":1", "\"serial\":0" },   { "\"serial\":1", "\"serial\":-1" },
        { "\"serial\":1", "\"serial\":\"1\"" }, { "\"list\":\"stolen\"", "\"list\":\"../x\"" },
        { "\"shared_with\":[]", "\"shared_with\":[\"customs\"]" }, { "\"shared_with\":[]", "\"shared_with\":[],\"more\":1" },
        { "\"shared_with\":[]", "\"shared_with\":[],\"serial\":2" }, { "\"recipients\":[\"", "\"recipients\":[\"\",\"" }, { "Z\",\"expires", "\",\"expires" },
        { "\"shared_with\":[]", "\"shared_with\":[\"a\",\"a\"]" },
    };

    (void)unused;
    assert_non_null(text);
    assert_int_equal(list_header_parse(text, strlen(text), &read), LIST_HEADER_FINE);
    X509_free(read.recipients[0].certificate);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const char *at = strstr(text, changes[i].from);

        assert_non_null(at);
        snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, changes[i].to, at + strlen(changes[i].from));
        read = (struct list_header) { 0 };
        assert_int_equal(list_header_parse(changed, strlen(changed), &read), LIST_HEADER_FORM);
        for (size_t k = 0; k < read.recipient_count; k++) X509_free(read.recipients[k].certificate);
    }
    free(text);
}

/* -- sealed pictures ----------------------------------------------------------------------------------------------- */

static struct list_header *verified(const struct person *const *people, size_t count)
{
    struct list_header header = scene_header(people[0]), *read = NULL;

    header.recipient_count = count;
    for (size_t i = 0; i < count; i++) header.recipients[i].certificate = people[i]->certificate;
    assert_int_equal(sign_and_verify(&header, &scene.ana, header.signed_ms, &read), LIST_HEADER_FINE);
    return read;
}

static struct list_header *verified_one(const struct person *person)
{
    return verified(&person, 1);
}

static void picture_comes_back(void **unused)
{
    static const size_t sizes[] = { 64, 1000, 16384, 200000, EVIDENCE_PICTURE_MAX };
    const struct person *const people[] = { &scene.one, &scene.two };
    struct list_header *header = verified(people, 2);
    uint8_t *picture = malloc(EVIDENCE_PICTURE_MAX + 1), *cms, *opened;
    size_t cms_size, opened_size;

    (void)unused;
    for (size_t i = 0; i < EVIDENCE_PICTURE_MAX; i++) picture[i] = (uint8_t)(i * i / 7);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_true(evidence_seal(header, picture, sizes[i], &cms, &cms_size));
        assert_true(cms_size > sizes[i] && cms_size < sizes[i] + 1200);
        assert_int_equal(evidence_check(cms, cms_size, header), EVIDENCE_FINE);
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(evidence_open(cms, cms_size, people[k]->certificate, people[k]->key, &opened, &opened_size), EVIDENCE_OPENED);
            assert_int_equal(opened_size, sizes[i]);
            assert_memory_equal(opened, picture, opened_size);
            OPENSSL_clear_free(opened, opened_size);
        }
        assert_int_equal(evidence_open(cms, cms_size, scene.marshal.certificate, scene.marshal.key, &opened, &opened_size),
                         EVIDENCE_NOT_FOR_THIS_KEY);
        assert_int_equal(evidence_open(cms, cms_size, scene.one.certificate, scene.marshal.key, &opened, &opened_size), EVIDENCE_DAMAGED);
        free(cms);
    }
    assert_false(evidence_seal(header, picture, EVIDENCE_PICTURE_MAX + 1, &cms, &cms_size));
    assert_false(evidence_seal(header, picture, 63, &cms, &cms_size));
    free(picture);
    list_header_free(header);
}

static void recipients_are_those_of_the_header(void **unused)
{
    const struct person *const both[] = { &scene.one, &scene.two };
    struct list_header *one = verified_one(&scene.one), *two = verified_one(&scene.two), *all = verified(both, 2);
    uint8_t picture[4096] = { 0 }, *cms;
    char texts[LIMIT_HEADER_RECIPIENTS][EVIDENCE_RECIPIENT_TEXT];
    size_t size;

    (void)unused;
    assert_true(evidence_seal(all, picture, sizeof(picture), &cms, &size));
    assert_int_equal(evidence_check(cms, size, all), EVIDENCE_FINE);
    assert_int_equal(evidence_check(cms, size, one), EVIDENCE_RECIPIENTS);
    assert_int_equal(evidence_recipients(cms, size, texts), 2);
    assert_true(strlen(texts[0]) > 20);
    free(cms);
    assert_true(evidence_seal(one, picture, sizeof(picture), &cms, &size));
    assert_int_equal(evidence_check(cms, size, all), EVIDENCE_RECIPIENTS);
    assert_int_equal(evidence_check(cms, size, two), EVIDENCE_RECIPIENTS);
    free(cms);
    list_header_free(one);
    list_header_free(two);
    list_header_free(all);
}

/* A flipped bit is refused by the gate or, in ciphertext and keys, noticed when it is opened. */
static void picture_takes_no_change(void **unused)
{
    struct list_header *header = verified_one(&scene.one);
    uint8_t picture[700], *cms, *opened;
    size_t size, opened_size;

    (void)unused;
    randombytes_buf(picture, sizeof(picture));
    assert_true(evidence_seal(header, picture, sizeof(picture), &cms, &size));
    for (size_t i = 0; i < size; i++) {
        cms[i] ^= (uint8_t)(1 << i % 8);
        if (evidence_check(cms, size, header) == EVIDENCE_FINE)
            assert_int_not_equal(evidence_open(cms, size, scene.one.certificate, scene.one.key, &opened, &opened_size), EVIDENCE_OPENED);
        assert_int_not_equal(evidence_check(cms, i, header), EVIDENCE_FINE);
        cms[i] ^= (uint8_t)(1 << i % 8);
    }
    cms = realloc(cms, size + 1);
    cms[size] = 0;
    assert_int_equal(evidence_check(cms, size + 1, header), EVIDENCE_FORM);
    free(cms);
    list_header_free(header);
}

static enum evidence_fault check_cms(CMS_ContentInfo *cms, const struct list_header *header)
{
    unsigned char *der = NULL;
    const int size = cms == NULL ? -1 : i2d_CMS_ContentInfo(cms, &der);
    enum evidence_fault fault;

    assert_true(size > 0);
    fault = evidence_check(der, (size_t)size, header);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    return fault;
}

static CMS_ContentInfo *encrypted(const uint8_t *picture, int size, const EVP_CIPHER *cipher, const EVP_MD *kdf, unsigned flags)
{
    BIO *in = BIO_new_mem_buf(picture, size);
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, cipher, CMS_BINARY | CMS_PARTIAL);
    CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(cms, scene.one.certificate, CMS_KEY_PARAM | flags);

    assert_non_null(recipient);
    if (kdf != NULL) assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_md(CMS_RecipientInfo_get0_pkey_ctx(recipient), kdf), 1);
    assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
    BIO_free(in);
    return cms;
}

static void other_cms_is_refused(void **unused)
{
    struct list_header *header = verified_one(&scene.one);
    uint8_t picture[8192];
    STACK_OF(X509) *to = sk_X509_new_null();
    BIO *in;

    (void)unused;
    randombytes_buf(picture, sizeof(picture));
    sk_X509_push(to, scene.one.certificate);
    assert_int_equal(check_cms(encrypted(picture, sizeof(picture), EVP_aes_256_gcm(), EVP_sha256(), 0), header), EVIDENCE_FINE);
    assert_int_equal(check_cms(encrypted(picture, sizeof(picture), EVP_aes_256_gcm(), EVP_sha256(), CMS_USE_KEYID), header), EVIDENCE_FINE);
    assert_int_equal(check_cms(encrypted(picture, sizeof(picture), EVP_aes_256_gcm(), NULL, 0), header), EVIDENCE_FORM); /* SHA-1 */
    assert_int_equal(check_cms(encrypted(picture, sizeof(picture), EVP_aes_256_gcm(), EVP_sha512(), 0), header), EVIDENCE_FORM);
    assert_int_equal(check_cms(encrypted(picture, sizeof(picture), EVP_aes_128_gcm(), EVP_sha256(), 0), header), EVIDENCE_FORM);
    assert_int_equal(check_cms(encrypted(picture, sizeof(picture), EVP_aes_256_cbc(), EVP_sha256(), 0), header), EVIDENCE_FORM);
    in = BIO_new_mem_buf(picture, sizeof(picture));
    assert_int_equal(check_cms(CMS_data_create(in, CMS_BINARY), header), EVIDENCE_READABLE);
    BIO_free(in);
    in = BIO_new_mem_buf(picture, sizeof(picture));
    assert_int_equal(check_cms(CMS_sign(scene.ana.certificate, scene.ana.key, NULL, in, CMS_BINARY), header), EVIDENCE_READABLE);
    BIO_free(in);
    in = BIO_new_mem_buf(picture, sizeof(picture));
    assert_int_equal(check_cms(CMS_digest_create(in, EVP_sha256(), CMS_BINARY), header), EVIDENCE_READABLE);
    BIO_free(in);
    sk_X509_free(to);
    list_header_free(header);
}

/* A file that begins as a JPEG does and goes on as its entropy-coded data might: skewed by far less than a text is. */
static void make_jpeg(uint8_t *bytes, size_t size)
{
    static const uint8_t begin[] = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00";

    randombytes_buf(bytes, size);
    for (size_t i = 1; i < size; i++)
        if (bytes[i - 1] == 0xff) bytes[i] = 0;
    memcpy(bytes, begin, sizeof(begin) - 1);
}

/* CMS that says it is sealed and holds the picture as it is: where the ciphertext would be. */
static void readable_pictures_are_refused(void **unused)
{
    struct list_header *header = verified_one(&scene.one);
    const size_t size = 200000;
    uint8_t *picture = malloc(size), *cms;
    size_t cms_size, at;

    (void)unused;
    make_jpeg(picture, size);
    assert_int_equal(evidence_check(picture, size, header), EVIDENCE_READABLE);
    assert_int_equal(evidence_check((const uint8_t *)"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 20, header), EVIDENCE_READABLE);
    assert_int_equal(evidence_check((const uint8_t *)"hello", 5, header), EVIDENCE_FORM);
    assert_int_equal(evidence_check((const uint8_t *)"", 0, header), EVIDENCE_FORM);
    assert_true(evidence_seal(header, picture, size, &cms, &cms_size));
    at = cms_size - size - 18; /* the ciphertext ends before the tag */
    memcpy(cms + at, picture, size);
    assert_int_equal(evidence_check(cms, cms_size, header), EVIDENCE_READABLE);
    memset(cms + at, 0x5a, 40); /* its beginning hidden: the rest tells */
    assert_int_equal(evidence_check(cms, cms_size, header), EVIDENCE_READABLE);
    for (size_t i = 0; i < size; i++) cms[at + i] = (uint8_t)i; /* too even */
    assert_int_equal(evidence_check(cms, cms_size, header), EVIDENCE_READABLE);
    free(cms);
    free(picture);
    list_header_free(header);
}

static void ciphertext_is_not_taken_for_a_picture(void **unused)
{
    static const size_t sizes[] = { 64, 100, 500, 4095, 4096, 5000, 20000 };
    uint8_t *bytes = malloc(20000);

    (void)unused;
    for (unsigned round = 0; round < 20000; round++) {
        const size_t size = sizes[round % (sizeof(sizes) / sizeof(sizes[0]))];

        randombytes_buf(bytes, size);
        assert_false(evidence_looks_readable(bytes, size));
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_comes_back),
        cmocka_unit_test(header_of_the_most_fits),
        cmocka_unit_test(header_names_evidence_of_its_agencies_only),
        cmocka_unit_test(header_is_signed_by_a_user_of_its_agency),
        cmocka_unit_test(header_has_its_time),
        cmocka_unit_test(header_is_of_one_list),
        cmocka_unit_test(header_takes_no_change),
        cmocka_unit_test(header_of_a_revoked_user_or_recipient),
        cmocka_unit_test(header_json_is_strict),
        cmocka_unit_test(picture_comes_back),
        cmocka_unit_test(recipients_are_those_of_the_header),
        cmocka_unit_test(picture_takes_no_change),
        cmocka_unit_test(other_cms_is_refused),
        cmocka_unit_test(readable_pictures_are_refused),
        cmocka_unit_test(ciphertext_is_not_taken_for_a_picture),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
