/* Exactly the form of a sealed picture: what RFC 5652, 5083, 5084 and 5753 would also allow (other recipients, attributes, a content of
   another type, an originator's certificates) has no place in it, so whatever parses has none of it. */
#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/evidence.h"

#define NONCE_BYTES 12
#define TAG_BYTES 16
#define WRAPPED_BYTES 40 /* AES key wrap of 32 bytes */
#define POINT_BYTES 65   /* on P-256, uncompressed */
#define KARI_VERSION 3
#define ENVELOPE_VERSION 0

struct form_key;
struct form_recipient;
SKM_DEFINE_STACK_OF(form_key, struct form_key, struct form_key)
SKM_DEFINE_STACK_OF(form_recipient, struct form_recipient, struct form_recipient)

/* -- the form ----------------------------------------------------------------------------------------------------------------------------- */

struct form_gcm { /* GCMParameters */
    ASN1_OCTET_STRING *nonce;
    ASN1_INTEGER *tag_bytes;
};
ASN1_SEQUENCE(form_gcm) = {
    ASN1_SIMPLE(struct form_gcm, nonce, ASN1_OCTET_STRING),
    ASN1_SIMPLE(struct form_gcm, tag_bytes, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END_name(struct form_gcm, form_gcm)

struct form_issued { /* IssuerAndSerialNumber */
    X509_NAME *issuer;
    ASN1_INTEGER *serial;
};
ASN1_SEQUENCE(form_issued) = {
    ASN1_SIMPLE(struct form_issued, issuer, X509_NAME),
    ASN1_SIMPLE(struct form_issued, serial, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END_name(struct form_issued, form_issued)

struct form_key_id { /* RecipientKeyIdentifier */
    ASN1_OCTET_STRING *key_id;
};
ASN1_SEQUENCE(form_key_id) = {
    ASN1_SIMPLE(struct form_key_id, key_id, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct form_key_id, form_key_id)

enum { BY_ISSUER, BY_KEY_ID };
struct form_who { /* KeyAgreeRecipientIdentifier */
    int type;
    union {
        struct form_issued *issued;
        struct form_key_id *key_id;
    } d;
};
ASN1_CHOICE(form_who) = {
    ASN1_SIMPLE(struct form_who, d.issued, form_issued),
    ASN1_IMP(struct form_who, d.key_id, form_key_id, 0),
} static_ASN1_CHOICE_END_name(struct form_who, form_who)

struct form_key { /* RecipientEncryptedKey */
    struct form_who *who;
    ASN1_OCTET_STRING *wrapped;
};
ASN1_SEQUENCE(form_key) = {
    ASN1_SIMPLE(struct form_key, who, form_who),
    ASN1_SIMPLE(struct form_key, wrapped, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct form_key, form_key)

struct form_originator { /* OriginatorPublicKey */
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *point;
};
ASN1_SEQUENCE(form_originator) = {
    ASN1_SIMPLE(struct form_originator, algorithm, X509_ALGOR),
    ASN1_SIMPLE(struct form_originator, point, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct form_originator, form_originator)

struct form_sender { /* OriginatorIdentifierOrKey: its last choice alone */
    int type;
    union {
        struct form_originator *key;
    } d;
};
ASN1_CHOICE(form_sender) = {
    ASN1_IMP(struct form_sender, d.key, form_originator, 1),
} static_ASN1_CHOICE_END_name(struct form_sender, form_sender)

struct form_agreement { /* KeyAgreeRecipientInfo, without user keying material */
    ASN1_INTEGER *version;
    struct form_sender *sender;
    X509_ALGOR *algorithm;
    STACK_OF(form_key) *keys;
};
ASN1_SEQUENCE(form_agreement) = {
    ASN1_SIMPLE(struct form_agreement, version, ASN1_INTEGER),
    ASN1_EXP(struct form_agreement, sender, form_sender, 0),
    ASN1_SIMPLE(struct form_agreement, algorithm, X509_ALGOR),
    ASN1_SEQUENCE_OF(struct form_agreement, keys, form_key),
} static_ASN1_SEQUENCE_END_name(struct form_agreement, form_agreement)

struct form_recipient { /* RecipientInfo: by agreement alone */
    int type;
    union {
        struct form_agreement *agreement;
    } d;
};
ASN1_CHOICE(form_recipient) = {
    ASN1_IMP(struct form_recipient, d.agreement, form_agreement, 1),
} static_ASN1_CHOICE_END_name(struct form_recipient, form_recipient)

struct form_content { /* EncryptedContentInfo */
    ASN1_OBJECT *type;
    X509_ALGOR *algorithm;
    ASN1_OCTET_STRING *ciphertext;
};
ASN1_SEQUENCE(form_content) = {
    ASN1_SIMPLE(struct form_content, type, ASN1_OBJECT),
    ASN1_SIMPLE(struct form_content, algorithm, X509_ALGOR),
    ASN1_IMP(struct form_content, ciphertext, ASN1_OCTET_STRING, 0),
} static_ASN1_SEQUENCE_END_name(struct form_content, form_content)

struct form_envelope { /* AuthEnvelopedData, without originator's information and attributes */
    ASN1_INTEGER *version;
    STACK_OF(form_recipient) *recipients;
    struct form_content *content;
    ASN1_OCTET_STRING *tag;
};
ASN1_SEQUENCE(form_envelope) = {
    ASN1_SIMPLE(struct form_envelope, version, ASN1_INTEGER),
    ASN1_SET_OF(struct form_envelope, recipients, form_recipient),
    ASN1_SIMPLE(struct form_envelope, content, form_content),
    ASN1_SIMPLE(struct form_envelope, tag, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct form_envelope, form_envelope)

struct evidence_form { /* ContentInfo */
    ASN1_OBJECT *type;
    struct form_envelope *envelope;
};
ASN1_SEQUENCE(evidence_form) = {
    ASN1_SIMPLE(struct evidence_form, type, ASN1_OBJECT),
    ASN1_EXP(struct evidence_form, envelope, form_envelope, 0),
} static_ASN1_SEQUENCE_END_name(struct evidence_form, evidence_form)

/* -- reading ---------------------------------------------------------------------------------------------------------------------------- */

static const ASN1_ITEM *form_item(void)
{
    return ASN1_ITEM_rptr(evidence_form);
}

void evidence_form_free(struct evidence_form *form)
{
    ASN1_item_free((ASN1_VALUE *)form, form_item());
}

struct evidence_form *evidence_form_parse(const uint8_t *der, size_t size)
{
    const unsigned char *at = der;
    ASN1_VALUE *form = size >= 1 && size <= LIMIT_EVIDENCE_BYTES ? ASN1_item_d2i(NULL, &at, (long)size, form_item()) : NULL;
    unsigned char *again = NULL;
    const int length = form == NULL ? -1 : ASN1_item_i2d(form, &again, form_item());
    const bool same = length == (int)size && memcmp(again, der, size) == 0;

    OPENSSL_free(again);
    ERR_clear_error();
    if (same) return (struct evidence_form *)form;
    ASN1_item_free(form, form_item());
    return NULL;
}

/* -- the profile -------------------------------------------------------------------------------------------------------------------------- */

static bool is(const ASN1_OBJECT *object, int nid)
{
    return OBJ_obj2nid(object) == nid;
}

static bool has_size(const ASN1_STRING *string, int size)
{
    return ASN1_STRING_length(string) == size;
}

/* The parameters of ALGORITHM as an ITEM, all of them; NULL for anything else. */
static ASN1_VALUE *parameters(const X509_ALGOR *algorithm, const ASN1_ITEM *item)
{
    const ASN1_STRING *sequence;
    const void *value = NULL;
    const unsigned char *at;
    ASN1_VALUE *parsed;
    int type;

    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE) return NULL;
    sequence = value;
    at = ASN1_STRING_get0_data(sequence);
    parsed = ASN1_item_d2i(NULL, &at, ASN1_STRING_length(sequence), item);
    if (parsed != NULL && at == ASN1_STRING_get0_data(sequence) + ASN1_STRING_length(sequence)) return parsed;
    ASN1_item_free(parsed, item);
    return NULL;
}

static bool is_without_parameters(const X509_ALGOR *algorithm)
{
    int type;

    X509_ALGOR_get0(NULL, &type, NULL, algorithm);
    return type == V_ASN1_UNDEF;
}

static bool gcm_fits(const X509_ALGOR *algorithm)
{
    struct form_gcm *gcm = is(algorithm->algorithm, NID_aes_256_gcm)
                               ? (struct form_gcm *)parameters(algorithm, ASN1_ITEM_rptr(form_gcm))
                               : NULL;
    const bool fits = gcm != NULL && has_size(gcm->nonce, NONCE_BYTES) && ASN1_INTEGER_get(gcm->tag_bytes) == TAG_BYTES;

    ASN1_item_free((ASN1_VALUE *)gcm, ASN1_ITEM_rptr(form_gcm));
    return fits;
}

static bool agreement_fits(const X509_ALGOR *algorithm)
{
    X509_ALGOR *wrap = is(algorithm->algorithm, NID_dhSinglePass_stdDH_sha256kdf_scheme)
                           ? (X509_ALGOR *)parameters(algorithm, ASN1_ITEM_rptr(X509_ALGOR))
                           : NULL;
    const bool fits = wrap != NULL && is(wrap->algorithm, NID_id_aes256_wrap) && is_without_parameters(wrap);

    X509_ALGOR_free(wrap);
    return fits;
}

/* A point of the curve, and not the one at infinity. */
static bool is_point(const uint8_t *point, size_t size)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    char group[] = "prime256v1";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point, size),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    const bool is_one = context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
                        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) == 1;

    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    return is_one;
}

static bool sender_fits(const struct form_sender *sender)
{
    const ASN1_BIT_STRING *point = sender->d.key->point;

    return is(sender->d.key->algorithm->algorithm, NID_X9_62_id_ecPublicKey) && is_without_parameters(sender->d.key->algorithm) &&
           has_size(point, POINT_BYTES) && (point->flags & 7) == 0 && is_point(point->data, POINT_BYTES);
}

static bool recipient_fits(const struct form_recipient *recipient)
{
    const struct form_agreement *agreement = recipient->d.agreement;

    return ASN1_INTEGER_get(agreement->version) == KARI_VERSION && sender_fits(agreement->sender) && agreement_fits(agreement->algorithm) &&
           sk_form_key_num(agreement->keys) == 1 && has_size(sk_form_key_value(agreement->keys, 0)->wrapped, WRAPPED_BYTES);
}

bool evidence_form_fits(const struct evidence_form *form)
{
    const struct form_envelope *envelope = form->envelope;
    const int count = sk_form_recipient_num(envelope->recipients);
    bool fits = is(form->type, NID_id_smime_ct_authEnvelopedData) && ASN1_INTEGER_get(envelope->version) == ENVELOPE_VERSION &&
                is(envelope->content->type, NID_pkcs7_data) && gcm_fits(envelope->content->algorithm) && has_size(envelope->tag, TAG_BYTES) &&
                ASN1_STRING_length(envelope->content->ciphertext) >= EVIDENCE_PICTURE_MIN && count >= 1 && count <= LIMIT_HEADER_RECIPIENTS;

    for (int i = 0; fits && i < count; i++) fits = recipient_fits(sk_form_recipient_value(envelope->recipients, i));
    ERR_clear_error();
    return fits;
}

/* -- what it holds ------------------------------------------------------------------------------------------------------------------------ */

const uint8_t *evidence_form_ciphertext(const struct evidence_form *form, size_t *size)
{
    *size = (size_t)ASN1_STRING_length(form->envelope->content->ciphertext);
    return ASN1_STRING_get0_data(form->envelope->content->ciphertext);
}

size_t evidence_form_recipients(const struct evidence_form *form)
{
    return (size_t)sk_form_recipient_num(form->envelope->recipients);
}

static const struct form_who *who(const struct evidence_form *form, size_t number)
{
    const struct form_agreement *agreement = sk_form_recipient_value(form->envelope->recipients, (int)number)->d.agreement;

    return sk_form_key_value(agreement->keys, 0)->who;
}

/* To the byte, not as names are compared elsewhere: in one way only. */
static bool is_same_name(X509_NAME *one, X509_NAME *other)
{
    const unsigned char *der = NULL, *other_der = NULL;
    size_t size, other_size;

    return X509_NAME_get0_der(one, &der, &size) == 1 && X509_NAME_get0_der(other, &other_der, &other_size) == 1 && size == other_size &&
           memcmp(der, other_der, size) == 0;
}

bool evidence_form_is_for(const struct evidence_form *form, size_t number, const X509 *certificate)
{
    const struct form_who *one = who(form, number);
    const ASN1_OCTET_STRING *key_id;

    if (one->type == BY_ISSUER)
        return is_same_name(one->d.issued->issuer, X509_get_issuer_name(certificate)) &&
               ASN1_INTEGER_cmp(one->d.issued->serial, X509_get0_serialNumber(certificate)) == 0;
    key_id = X509_get0_subject_key_id((X509 *)(uintptr_t)certificate);
    return key_id != NULL && ASN1_OCTET_STRING_cmp(one->d.key_id->key_id, key_id) == 0;
}

void evidence_form_describe(const struct evidence_form *form, size_t number, char text[EVIDENCE_RECIPIENT_TEXT])
{
    const struct form_who *one = who(form, number);
    const ASN1_STRING *bytes = one->type == BY_ISSUER ? one->d.issued->serial : one->d.key_id->key_id;
    size_t at = (size_t)snprintf(text, EVIDENCE_RECIPIENT_TEXT, one->type == BY_ISSUER ? "serial " : "key ");

    for (int i = 0; i < ASN1_STRING_length(bytes) && at + 3 < EVIDENCE_RECIPIENT_TEXT; i++, at += 2)
        (void)snprintf(text + at, 3, "%02x", ASN1_STRING_get0_data(bytes)[i]);
}
