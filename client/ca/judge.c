#include "client/ca/judge.h"

#include "client/enrol/code.h"
#include "client/identity/certificate.h"
#include "client/moment.h"

void ca_judgement_wipe(struct ca_judgement *judgement)
{
    EVP_PKEY_free(judgement->key);
    X509_free(judgement->issued);
    *judgement = (struct ca_judgement) { 0 };
}

static void refuse(struct ca_judgement *judgement, const char *word, const char *why)
{
    judgement->verdict = CA_REFUSE;
    judgement->word = word;
    judgement->why = why;
}

static void alarm_(struct ca_judgement *judgement, const char *word, const char *why)
{
    refuse(judgement, word, why);
    judgement->alarm = true;
}

/* -- the request itself -------------------------------------------------------------------------------------------- */

/* Fills name and key; false after a refusal. */
static bool take_request(const struct ca *ca, const struct ca_asked *asked, struct ca_judgement *judgement)
{
    X509_REQ *csr = csr_parse(asked->csr, asked->csr_size);
    char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    const char *why = NULL;

    if (csr == NULL) {
        refuse(judgement, "request", "it can't be read");
        return false;
    }
    judgement->key = X509_REQ_get_pubkey(csr);
    if (!csr_name(csr, trust_domain, &judgement->name) || strcmp(trust_domain, ca->trust_domain) != 0) {
        judgement->name = (struct name) { 0 };
        why = "it names nobody of this trust domain";
    } else if (!key_fits(judgement->key)) {
        why = "its key is not one of P-256";
    } else if (X509_REQ_verify(csr, judgement->key) != 1) {
        why = "it is not signed with its own key";
    }
    X509_REQ_free(csr);
    if (why != NULL) refuse(judgement, "request", why);
    return why == NULL;
}

static bool in_scope(const struct ca_scope *scope, const struct name *name)
{
    if (scope->count == 0) return strcmp(name->role, "reader") == 0;
    for (size_t i = 0; i < scope->count; i++)
        if (strcmp(scope->names[i].text, name->text) == 0) return true;
    return false;
}

static const struct ca_row *find_signed(const struct ca *ca, const char *authorisation)
{
    for (size_t i = 0; i < ca->row_count; i++)
        if (strcmp(ca->rows[i].authorisation, authorisation) == 0) return &ca->rows[i];
    return NULL;
}

/* An authorisation is good for one certificate.  True when that was signed: it goes out again, if it is for the same key
 * and still good; else judgement->issued is NULL, or what was signed for another key. */
static bool signed_before(const struct ca *ca, struct ca_judgement *judgement)
{
    const struct ca_row *row = find_signed(ca, judgement->authorisation);

    if (row == NULL) return false;
    judgement->issued = ca_issued_read(ca, judgement->authorisation);
    if (row->revoked_ms != 0 || row->not_after_ms <= moment_now_ms())
        refuse(judgement, "certificate", "the certificate that was made for it is not good any more");
    else if (judgement->issued != NULL && key_equal(X509_get0_pubkey(judgement->issued), judgement->key))
        judgement->verdict = CA_AGAIN;
    else
        alarm_(judgement, "renewed", "its certificate was renewed before, with another key: somebody else has the old key, or "
                                     "the device lost the new one; revoke the name and enrol it again");
    return true;
}

/* -- a first request: the code vouches for it ---------------------------------------------------------------------- */

/* The code under which the MAC is right, whoever's it is; all are tried, in constant time. */
static struct ca_code *find_code(struct ca_codes *codes, const struct ca_asked *asked)
{
    struct ca_code *found = NULL;

    for (size_t i = 0; i < codes->count; i++) {
        uint8_t mac[PLATESIEVE_MAC_BYTES];

        enrol_code_mac(codes->rows[i].code, asked->csr, asked->csr_size, mac);
        if (sodium_memcmp(mac, asked->mac, sizeof(mac)) == 0) found = &codes->rows[i];
        sodium_memzero(mac, sizeof(mac));
    }
    return found;
}

static bool is_open(const struct ca_codes *codes, const char *name)
{
    const int64_t now_ms = moment_now_ms();

    for (size_t i = 0; i < codes->count; i++)
        if (strcmp(codes->rows[i].name, name) == 0 && codes->rows[i].used_ms == 0 && codes->rows[i].expires_ms > now_ms)
            return true;
    return false;
}

static void judge_first(const struct ca *ca, struct ca_codes *codes, const struct ca_asked *asked,
                        struct ca_judgement *judgement)
{
    struct ca_code *code = find_code(codes, asked);

    ca_digest(asked->csr, asked->csr_size, judgement->authorisation);
    if (code == NULL && !is_open(codes, judgement->name.text)) {
        refuse(judgement, "code", "no code is open for this name");
    } else if (code == NULL) {
        alarm_(judgement, "code", "the code does not fit the request: a gate or somebody on the way changed it, or the "
                                  "code was guessed; the code stays open");
    } else if (strcmp(code->name, judgement->name.text) != 0) {
        alarm_(judgement, "code", "it was made with the code of another name");
    } else if (signed_before(ca, judgement)) {
        judgement->code = code;
    } else if (code->used_ms != 0) {
        alarm_(judgement, "code-used", "its code was used before, for another key: somebody else has the code");
    } else if (code->expires_ms <= moment_now_ms()) {
        refuse(judgement, "code-expired", "its code has expired");
    } else {
        judgement->code = code;
        judgement->verdict = CA_SIGN;
    }
}

/* -- a renewal: the old key vouches for it ------------------------------------------------------------------------- */

static const struct ca_row *find_row(const struct ca *ca, X509 *certificate)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate), NULL);
    uint8_t bytes[CA_SERIAL_BYTES];
    char text[CA_SERIAL_TEXT + 1];
    const bool fits = number != NULL && BN_bn2binpad(number, bytes, sizeof(bytes)) == (int)sizeof(bytes);

    BN_free(number);
    if (!fits) return NULL;
    sodium_bin2hex(text, sizeof(text), bytes, sizeof(bytes));
    for (size_t i = 0; i < ca->row_count; i++)
        if (strcmp(ca->rows[i].serial, text) == 0) return &ca->rows[i];
    return NULL;
}

/* Has it been in use long enough to be followed by another?  A little earlier than devices ask. */
static bool is_old_enough(X509 *certificate, int64_t now_ms)
{
    int64_t begins_ms, ends_ms;

    return certificate_times(certificate, &begins_ms, &ends_ms) && now_ms >= begins_ms + (ends_ms - begins_ms) / 3;
}

/* CERTIFICATE is one of ours. */
static void judge_old(const struct ca *ca, const struct ca_asked *asked, X509 *certificate,
                      struct ca_judgement *judgement)
{
    const struct ca_row *row = find_row(ca, certificate);
    char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    struct name name;

    if (row == NULL || !certificate_name(certificate, trust_domain, &name) || strcmp(name.text, row->name) != 0) {
        alarm_(judgement, "certificate", "it renews a certificate that is not in the index");
    } else if (!renewal_verify(X509_get0_pubkey(certificate), asked->csr, asked->csr_size, asked->signature,
                               asked->signature_size)) {
        alarm_(judgement, "request", "the old key has not signed it: a gate or somebody on the way changed it");
    } else if (strcmp(name.text, judgement->name.text) != 0) {
        alarm_(judgement, "request", "it is for another name than the certificate that it renews");
    } else if (row->revoked_ms != 0) {
        alarm_(judgement, "certificate", "it renews a certificate that was revoked");
    } else if (row->not_after_ms <= moment_now_ms()) {
        refuse(judgement, "certificate", "it renews a certificate that has expired");
    } else if (signed_before(ca, judgement)) {
        return;
    } else if (!is_old_enough(certificate, moment_now_ms())) {
        refuse(judgement, "early", "its certificate is too young to be renewed");
    } else {
        judgement->verdict = CA_SIGN;
    }
}

static void judge_renewal(const struct ca *ca, const struct ca_asked *asked, struct ca_judgement *judgement)
{
    X509 *certificate = certificate_parse(asked->certificate, asked->certificate_size);

    ca_digest(asked->certificate, asked->certificate_size, judgement->authorisation);
    if (certificate != NULL && certificate_issued_by(certificate, ca->certificate))
        judge_old(ca, asked, certificate, judgement);
    else refuse(judgement, "certificate", "it renews a certificate of somebody else's");
    X509_free(certificate);
}

/* -- both ---------------------------------------------------------------------------------------------------------- */

void ca_judge(const struct ca *ca, struct ca_codes *codes, const struct ca_scope *scope, const struct ca_asked *asked,
              struct ca_judgement *judgement)
{
    *judgement = (struct ca_judgement) { .verdict = CA_LEAVE };
    if (!take_request(ca, asked, judgement)) return;
    if (asked->certificate_size > 0) judge_renewal(ca, asked, judgement);
    else judge_first(ca, codes, asked, judgement);
    if ((judgement->verdict == CA_SIGN || judgement->verdict == CA_AGAIN) && !in_scope(scope, &judgement->name)) {
        judgement->verdict = CA_LEAVE;
        judgement->why = "not signed unless it is asked for: platesieve ca approve NAME";
    }
}

bool ca_mark_used(const struct ca *ca, struct ca_codes *codes, const struct ca_judgement *judgement)
{
    if (judgement->code == NULL || judgement->code->used_ms != 0) return true;
    judgement->code->used_ms = moment_now_ms();
    memcpy(judgement->code->csr, judgement->authorisation, sizeof(judgement->code->csr));
    return ca_codes_save(ca, codes);
}

X509 *ca_sign_asked(struct ca *ca, struct ca_codes *codes, struct ca_judgement *judgement, int64_t seconds)
{
    const struct ca_request request = { .name = &judgement->name, .seconds = seconds };
    struct ca_row row;
    X509 *certificate = ca_sign(ca, judgement->key, &request, &row);
    bool kept = certificate != NULL && ca_issued_write(ca, judgement->authorisation, certificate);

    if (kept) memcpy(row.authorisation, judgement->authorisation, sizeof(row.authorisation));
    kept = kept && ca_add_row(ca, &row) && ca_save_index(ca) && ca_mark_used(ca, codes, judgement);
    if (kept) return certificate;
    X509_free(certificate);
    return NULL;
}
