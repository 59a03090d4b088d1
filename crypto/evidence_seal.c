/* Sealing and opening. */
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/evidence.h"
#include "include/cleanup.h"

#define PIECE 16384

static void drop_cms(CMS_ContentInfo **cms)
{
    CMS_ContentInfo_free(*cms);
}

static bool add_recipient(CMS_ContentInfo *cms, X509 *certificate)
{
    CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM);
    EVP_PKEY_CTX *context = recipient == NULL ? NULL : CMS_RecipientInfo_get0_pkey_ctx(recipient);

    return context != NULL && CMS_RecipientInfo_type(recipient) == CMS_RECIPINFO_AGREE &&
           EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) == 1;
}

/* Not CMS_final(): it copies what it encrypts through buffers of its own. */
static bool encrypt(CMS_ContentInfo *cms, const uint8_t *picture, size_t size)
{
    BIO *chain = CMS_dataInit(cms, NULL);
    bool done = chain != NULL;

    for (size_t at = 0; done && at < size; at += PIECE) {
        const int piece = (int)(size - at < PIECE ? size - at : PIECE);

        done = BIO_write(chain, picture + at, piece) == piece;
    }
    done = done && BIO_flush(chain) == 1 && CMS_dataFinal(cms, chain) == 1;
    BIO_free_all(chain);
    return done;
}

bool evidence_seal(const struct list_header *header, const uint8_t *picture, size_t size, uint8_t **out, size_t *out_size)
{
    CMS_ContentInfo *cms CLEANUP(drop_cms) = NULL;
    unsigned char *at;
    bool done;
    int length;

    *out = NULL;
    *out_size = 0;
    if (size < EVIDENCE_PICTURE_MIN || size > EVIDENCE_PICTURE_MAX || header->recipient_count == 0) return false;
    cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_BINARY | CMS_PARTIAL);
    done = cms != NULL;
    for (size_t i = 0; done && i < header->recipient_count; i++) done = add_recipient(cms, header->recipients[i].certificate);
    done = done && encrypt(cms, picture, size);
    length = done ? i2d_CMS_ContentInfo(cms, NULL) : 0;
    ERR_clear_error();
    if (length <= 0 || length > LIMIT_EVIDENCE_BYTES) return false;
    at = *out = malloc((size_t)length);
    if (at == NULL) return false;
    *out_size = (size_t)i2d_CMS_ContentInfo(cms, &at);
    return true;
}

/* CMS_decrypt() would make up a key and go on where none fits; so the recipient is found first. */
static CMS_RecipientInfo *find_recipient(CMS_ContentInfo *cms, X509 *certificate, CMS_RecipientEncryptedKey **encrypted)
{
    STACK_OF(CMS_RecipientInfo) *recipients = CMS_get0_RecipientInfos(cms);

    for (int i = 0; i < sk_CMS_RecipientInfo_num(recipients); i++) {
        CMS_RecipientInfo *recipient = sk_CMS_RecipientInfo_value(recipients, i);
        STACK_OF(CMS_RecipientEncryptedKey) *keys;

        if (CMS_RecipientInfo_type(recipient) != CMS_RECIPINFO_AGREE) continue;
        keys = CMS_RecipientInfo_kari_get0_reks(recipient);
        for (int k = 0; k < sk_CMS_RecipientEncryptedKey_num(keys); k++) {
            *encrypted = sk_CMS_RecipientEncryptedKey_value(keys, k);
            if (CMS_RecipientEncryptedKey_cert_cmp(*encrypted, certificate) == 0) return recipient;
        }
    }
    return NULL;
}

static bool decrypt_to(CMS_ContentInfo *cms, uint8_t *picture, size_t room, size_t *size)
{
    BIO *chain = CMS_dataInit(cms, NULL);
    bool done = chain != NULL;
    int got = 1;

    *size = 0;
    while (done && got > 0) {
        if (*size == room) break;
        got = BIO_read(chain, picture + *size, (int)(room - *size < PIECE ? room - *size : PIECE));
        if (got > 0) *size += (size_t)got;
    }
    done = done && got <= 0 && BIO_get_cipher_status(chain) == 1; /* to the end: the tag is compared there */
    BIO_free_all(chain);
    return done;
}

enum evidence_open evidence_open(const uint8_t *der, size_t size, X509 *certificate, EVP_PKEY *key, uint8_t **picture, size_t *picture_size)
{
    const unsigned char *at = der;
    CMS_ContentInfo *cms CLEANUP(drop_cms) = size <= INT32_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)size) : NULL;
    CMS_RecipientEncryptedKey *encrypted = NULL;
    CMS_RecipientInfo *recipient;
    enum evidence_open opened = EVIDENCE_DAMAGED;

    *picture = NULL;
    *picture_size = 0;
    if (evidence_check(der, size, NULL) != EVIDENCE_FINE || cms == NULL) return EVIDENCE_DAMAGED;
    recipient = find_recipient(cms, certificate, &encrypted);
    if (recipient == NULL) return EVIDENCE_NOT_FOR_THIS_KEY;
    *picture = OPENSSL_malloc(size);
    if (*picture != NULL && CMS_RecipientInfo_kari_set0_pkey(recipient, key) == 1 &&
        CMS_RecipientInfo_kari_decrypt(cms, recipient, encrypted) == 1 && decrypt_to(cms, *picture, size, picture_size))
        opened = EVIDENCE_OPENED;
    (void)CMS_RecipientInfo_kari_set0_pkey(recipient, NULL); /* KEY is not given up */
    ERR_clear_error();
    if (opened == EVIDENCE_OPENED) return opened;
    if (*picture != NULL) OPENSSL_clear_free(*picture, size);
    *picture = NULL;
    return opened;
}
