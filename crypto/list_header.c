#include "crypto/list_header.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "include/cleanup.h"

#define AHEAD_MS (LIMIT_SEEN_AHEAD_S * INT64_C(1000)) /* the signer's clock may be so far ahead of ours */
#define DAY_MS INT64_C(86400000)

const char *list_header_fault_text(enum list_header_fault fault)
{
    static const char *const texts[] = {
        [LIST_HEADER_FINE] = "fine",
        [LIST_HEADER_NO_MEMORY] = "there is no memory for it",
        [LIST_HEADER_FORM] = "it is not what a list header must be",
        [LIST_HEADER_SIGNATURE] = "its signature does not hold",
        [LIST_HEADER_SIGNER] = "it is not signed by a valid certificate of the list's agency",
        [LIST_HEADER_OTHER] = "it belongs to another list",
        [LIST_HEADER_EXPIRED] = "it has expired, or is of the future",
        [LIST_HEADER_RECIPIENT] = "it names a recipient that is no valid evidence certificate of the list's agency",
    };

    return (size_t)fault < ARRAY_LENGTH(texts) ? texts[fault] : texts[LIST_HEADER_FORM];
}

void list_header_free(struct list_header *header)
{
    if (header == NULL) return;
    for (size_t i = 0; i < header->recipient_count; i++) X509_free(header->recipients[i].certificate);
    free(header);
}

/* -- the signature ---------------------------------------------------------------------------------------------------------------------- */

static void drop_cms(CMS_ContentInfo **cms)
{
    CMS_ContentInfo_free(*cms);
}

static void drop_bio(BIO **bio)
{
    BIO_free(*bio);
}

/* All of DER, in DER: nothing behind it, nothing in another encoding. */
static CMS_ContentInfo *parse_der(const uint8_t *der, size_t size)
{
    const unsigned char *at = der;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)size);
    unsigned char *again = NULL;
    const int length = cms == NULL ? -1 : i2d_CMS_ContentInfo(cms, &again);
    const bool same = length == (int)size && memcmp(again, der, size) == 0;

    OPENSSL_free(again);
    if (same) return cms;
    CMS_ContentInfo_free(cms);
    return NULL;
}

static bool has_one_certificate(CMS_ContentInfo *cms)
{
    STACK_OF(X509) *certificates = CMS_get1_certs(cms);
    STACK_OF(X509_CRL) *crls = CMS_get1_crls(cms);
    const bool one = sk_X509_num(certificates) == 1 && (crls == NULL || sk_X509_CRL_num(crls) == 0);

    sk_X509_pop_free(certificates, X509_free);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    return one;
}

/* One signature, by ECDSA with SHA-256, without attributes that nobody signed; and the one certificate that goes with it. */
static bool has_one_signature(CMS_ContentInfo *cms)
{
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
    X509_ALGOR *digest = NULL, *signature = NULL;
    CMS_SignerInfo *signer;

    if (sk_CMS_SignerInfo_num(signers) != 1) return false;
    signer = sk_CMS_SignerInfo_value(signers, 0);
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, &signature);
    return OBJ_obj2nid(digest->algorithm) == NID_sha256 && OBJ_obj2nid(signature->algorithm) == NID_ecdsa_with_SHA256 &&
           CMS_unsigned_get_attr_count(signer) <= 0;
}

static bool is_shaped(CMS_ContentInfo *cms)
{
    return OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed && CMS_is_detached(cms) == 0 &&
           OBJ_obj2nid(CMS_get0_eContentType(cms)) == NID_pkcs7_data && has_one_certificate(cms) && has_one_signature(cms);
}

/* What was signed into OUT; the certificate under which it holds, owned by CMS, or NULL. */
static X509 *open_signed(CMS_ContentInfo *cms, BIO *out)
{
    STACK_OF(X509) *signers;
    X509 *signer = NULL;

    if (CMS_verify(cms, NULL, NULL, NULL, out, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1) return NULL;
    signers = CMS_get0_signers(cms);
    if (sk_X509_num(signers) == 1) signer = sk_X509_value(signers, 0);
    sk_X509_free(signers);
    return signer;
}

/* -- what it says ----------------------------------------------------------------------------------------------------------------------- */

static bool is_shared_with(const struct list_header *header, const char *agency)
{
    if (strcmp(agency, header->agency) == 0) return true;
    for (size_t i = 0; i < header->shared_count; i++)
        if (strcmp(agency, header->shared_with[i]) == 0) return true;
    return false;
}

static bool judge_recipient(const struct anchors *anchors, const struct list_header *header, size_t number, int64_t now_ms)
{
    struct list_header_recipient *recipient = (struct list_header_recipient *)(uintptr_t)&header->recipients[number];
    struct anchored_name name;

    if (anchors_judge(anchors, recipient->certificate, KU_KEY_AGREEMENT, now_ms, &name) != ANCHOR_FINE) return false;
    if (strcmp(name.role, "evidence") != 0 || !is_shared_with(header, name.first)) return false;
    for (size_t i = 0; i < number; i++)
        if (X509_cmp(header->recipients[i].certificate, recipient->certificate) == 0) return false;
    memcpy(recipient->agency, name.first, sizeof(name.first));
    memcpy(recipient->number, name.second, sizeof(name.second));
    return true;
}

/* At least one recipient is the list's own agency: its pictures are its own. */
static enum list_header_fault judge_recipients(const struct anchors *anchors, const struct list_header *header, int64_t now_ms)
{
    bool own = false;

    for (size_t i = 0; i < header->recipient_count; i++) {
        if (!judge_recipient(anchors, header, i, now_ms)) return LIST_HEADER_RECIPIENT;
        own = own || strcmp(header->recipients[i].agency, header->agency) == 0;
    }
    return own ? LIST_HEADER_FINE : LIST_HEADER_RECIPIENT;
}

static enum list_header_fault judge(const struct anchors *anchors, X509 *signer, const char *agency, const char *list, int64_t now_ms,
                                    struct list_header *header)
{
    struct anchored_name name;

    if (strcmp(header->agency, agency) != 0 || strcmp(header->list, list) != 0) return LIST_HEADER_OTHER;
    if (anchors_judge(anchors, signer, KU_DIGITAL_SIGNATURE, now_ms, &name) != ANCHOR_FINE || strcmp(name.role, "agency") != 0 ||
        strcmp(name.first, agency) != 0)
        return LIST_HEADER_SIGNER;
    memcpy(header->signer, name.second, sizeof(header->signer));
    /* a serial beyond the clock would bar every later header */
    if (header->serial > (uint64_t)(now_ms + AHEAD_MS) || header->signed_ms > now_ms + AHEAD_MS || header->expires_ms <= now_ms ||
        header->expires_ms - header->signed_ms > LIMIT_HEADER_DAYS * DAY_MS)
        return LIST_HEADER_EXPIRED;
    return judge_recipients(anchors, header, now_ms);
}

enum list_header_fault list_header_verify(const struct anchors *anchors, const uint8_t *der, size_t size, const char *agency,
                                          const char *list, int64_t now_ms, struct list_header **out)
{
    CMS_ContentInfo *cms CLEANUP(drop_cms) = size >= 1 && size <= LIMIT_HEADER_BYTES ? parse_der(der, size) : NULL;
    BIO *content CLEANUP(drop_bio) = BIO_new(BIO_s_mem());
    struct list_header *header = calloc(1, sizeof(*header));
    enum list_header_fault fault = LIST_HEADER_FINE;
    X509 *signer = NULL;
    char *text = NULL;

    *out = NULL;
    if (content == NULL || header == NULL) fault = LIST_HEADER_NO_MEMORY;
    else if (cms == NULL || !is_shaped(cms)) fault = LIST_HEADER_FORM;
    else if ((signer = open_signed(cms, content)) == NULL) fault = LIST_HEADER_SIGNATURE;
    if (fault == LIST_HEADER_FINE) {
        const long length = BIO_get_mem_data(content, &text);

        fault = list_header_parse(text, (size_t)length, header);
    }
    if (fault == LIST_HEADER_FINE) fault = judge(anchors, signer, agency, list, now_ms, header);
    if (fault == LIST_HEADER_FINE && EVP_Digest(der, size, header->id, NULL, EVP_sha256(), NULL) != 1) fault = LIST_HEADER_NO_MEMORY;
    ERR_clear_error();
    if (fault == LIST_HEADER_FINE) *out = header;
    else list_header_free(header);
    return fault;
}

/* -- signing ---------------------------------------------------------------------------------------------------------------------------- */

static CMS_ContentInfo *sign_text(char *text, X509 *certificate, EVP_PKEY *key)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    CMS_ContentInfo *cms = bio == NULL ? NULL : CMS_sign(NULL, NULL, NULL, bio, CMS_BINARY | CMS_PARTIAL);

    if (cms != NULL && (CMS_add1_signer(cms, certificate, key, EVP_sha256(), CMS_BINARY | CMS_NOSMIMECAP) == NULL ||
                        CMS_final(cms, bio, NULL, CMS_BINARY) != 1)) {
        CMS_ContentInfo_free(cms);
        cms = NULL;
    }
    BIO_free(bio);
    return cms;
}

enum list_header_fault list_header_sign(const struct list_header *header, X509 *certificate, EVP_PKEY *key, uint8_t **der, size_t *size)
{
    char *text = list_header_write(header);
    CMS_ContentInfo *cms CLEANUP(drop_cms) = text == NULL ? NULL : sign_text(text, certificate, key);
    const int length = cms == NULL ? 0 : i2d_CMS_ContentInfo(cms, NULL);
    unsigned char *at;

    *der = NULL;
    *size = 0;
    free(text);
    ERR_clear_error();
    if (length <= 0) return LIST_HEADER_NO_MEMORY;
    if (length > LIMIT_HEADER_BYTES) return LIST_HEADER_FORM;
    at = *der = malloc((size_t)length);
    if (at == NULL) return LIST_HEADER_NO_MEMORY;
    *size = (size_t)i2d_CMS_ContentInfo(cms, &at);
    return LIST_HEADER_FINE;
}
