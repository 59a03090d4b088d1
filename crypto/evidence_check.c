/* What a gate can say of a sealed picture without opening it. */
#include <openssl/cms.h>
#include <openssl/err.h>

#include "crypto/evidence.h"

/* CMS of another type, so that whoever sends it is told what he did: seals with another mode, or not at all. */
static bool is_unsealed_cms(const uint8_t *bytes, size_t size)
{
    const unsigned char *at = bytes;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)size);
    const int type = cms == NULL ? NID_undef : OBJ_obj2nid(CMS_get0_type(cms));

    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return type == NID_pkcs7_data || type == NID_pkcs7_signed || type == NID_pkcs7_digest || type == NID_id_smime_ct_compressedData;
}

/* Each recipient of the header once, and nobody else. */
static bool is_for(const struct evidence_form *form, const struct list_header *header)
{
    const size_t count = evidence_form_recipients(form);
    bool found[LIMIT_HEADER_RECIPIENTS] = { false };

    if (count != header->recipient_count) return false;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;

        while (k < count && (found[k] || !evidence_form_is_for(form, i, header->recipients[k].certificate))) k++;
        if (k == count) return false;
        found[k] = true;
    }
    return true;
}

enum evidence_fault evidence_check(const uint8_t *cms, size_t size, const struct list_header *header)
{
    struct evidence_form *form;
    enum evidence_fault fault = EVIDENCE_FINE;
    const uint8_t *ciphertext;
    size_t ciphertext_size;

    if (evidence_is_image(cms, size)) return EVIDENCE_READABLE;
    form = evidence_form_parse(cms, size);
    if (form == NULL) return size <= LIMIT_EVIDENCE_BYTES && is_unsealed_cms(cms, size) ? EVIDENCE_READABLE : EVIDENCE_FORM;
    ciphertext = evidence_form_ciphertext(form, &ciphertext_size);
    if (evidence_looks_readable(ciphertext, ciphertext_size)) fault = EVIDENCE_READABLE;
    else if (!evidence_form_fits(form)) fault = EVIDENCE_FORM;
    else if (header != NULL && !is_for(form, header)) fault = EVIDENCE_RECIPIENTS;
    evidence_form_free(form);
    return fault;
}

size_t evidence_recipients(const uint8_t *cms, size_t size, char texts[LIMIT_HEADER_RECIPIENTS][EVIDENCE_RECIPIENT_TEXT])
{
    struct evidence_form *form = evidence_form_parse(cms, size);
    size_t count = 0;

    if (form != NULL && evidence_form_fits(form)) count = evidence_form_recipients(form);
    for (size_t i = 0; i < count; i++) evidence_form_describe(form, i, texts[i]);
    evidence_form_free(form);
    return count;
}
