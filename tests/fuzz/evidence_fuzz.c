/* Any bytes as a sealed picture, and as a list's header: what the gate takes is in exactly one form, and whoever takes it is not hurt. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/evidence_scene.h"

static struct scene scene;

static void prepare(void)
{
    static bool prepared;

    if (prepared) return;
    prepared = true;
    FUZZ_ASSERT(sodium_init() >= 0);
    FUZZ_ASSERT(scene_make(&scene));
}

static void as_picture(const uint8_t *data, size_t size)
{
    char texts[LIMIT_HEADER_RECIPIENTS][EVIDENCE_RECIPIENT_TEXT];
    const enum evidence_fault fault = evidence_check(data, size, NULL);
    struct evidence_form *form = evidence_form_parse(data, size);
    const size_t named = evidence_recipients(data, size, texts);
    struct list_header header = scene_header(&scene.one);
    uint8_t *picture;
    size_t picture_size, ciphertext_size = 0;

    if (fault == EVIDENCE_FINE) {
        FUZZ_ASSERT(form != NULL && evidence_form_fits(form));
        FUZZ_ASSERT(named >= 1 && named == evidence_form_recipients(form) && named <= LIMIT_HEADER_RECIPIENTS);
        (void)evidence_form_ciphertext(form, &ciphertext_size);
        FUZZ_ASSERT(ciphertext_size < size && !evidence_is_image(data, size));
    }
    FUZZ_ASSERT(evidence_check(data, size, &header) != EVIDENCE_FINE); /* nobody knows this certificate */
    FUZZ_ASSERT(evidence_open(data, size, scene.one.certificate, scene.one.key, &picture, &picture_size) != EVIDENCE_OPENED);
    evidence_form_free(form);
}

static void as_header(const uint8_t *data, size_t size)
{
    struct list_header *header = NULL, parsed = { 0 };
    const enum list_header_fault fault =
        list_header_verify(&scene.anchors, data, size, "customs", "stolen", moment_now_ms(), &header);

    FUZZ_ASSERT(fault != LIST_HEADER_FINE && header == NULL);
    (void)!list_header_parse((const char *)data, size, &parsed);
    for (size_t i = 0; i < parsed.recipient_count; i++) X509_free(parsed.recipients[i].certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    as_picture(data, size);
    as_header(data, size);
    return 0;
}
