#include "client/ca/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/file.h"
#include "client/identity/certificate.h"
#include "client/moment.h"

#define INDEX_BYTES_MAX (64u * 1024 * 1024)

bool ca_complain(const char *message)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    if (reason == NULL) say("%s", message);
    else say("%s: %s", message, reason);
    ERR_clear_error();
    return false;
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

static bool read_key_and_certificate(struct ca *ca)
{
    char path[PATH_MAX];
    FILE *file;

    if (!path_make(path, sizeof(path), "%s/ca.pem", ca->folder)) return false;
    file = fopen(path, "re");
    if (file == NULL) {
        say("there is no authority in %s: %s; `platesieve ca init` makes one", ca->folder, strerror(errno));
        return false;
    }
    ca->certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    if (ca->certificate == NULL) return ca_complain("can't read the authority's certificate");
    if (!path_make(path, sizeof(path), "%s/ca.key", ca->folder)) return false;
    file = fopen(path, "re");
    if (file == NULL) {
        say("can't read %s: %s", path, strerror(errno));
        return false;
    }
    ca->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    if (ca->key == NULL) return ca_complain("can't read the authority's key");
    if (X509_check_private_key(ca->certificate, ca->key) != 1)
        return ca_complain("the authority's key and certificate are not a pair");
    if (authority_trust_domain(ca->certificate, ca->trust_domain)) return true;
    say("the authority's certificate names no trust domain");
    return false;
}

/* One line: serial, name, end, revoked or "-"; and perhaps an authorisation. */
static bool parse_row(char *line, struct ca_row *row)
{
    char *rest = line;
    const char *fields[4];

    for (size_t i = 0; i < 4; i++)
        if ((fields[i] = strsep(&rest, "\t")) == NULL) return false;
    if ((rest != NULL && (strlen(rest) != CA_DIGEST_TEXT || strspn(rest, "0123456789abcdef") != CA_DIGEST_TEXT)) || strlen(fields[0]) > CA_SERIAL_TEXT || strlen(fields[1]) > LIMIT_IDENTITY_MAX) return false;
    *row = (struct ca_row) { 0 };
    snprintf(row->serial, sizeof(row->serial), "%s", fields[0]);
    snprintf(row->name, sizeof(row->name), "%s", fields[1]);
    if (rest != NULL) memcpy(row->authorisation, rest, sizeof(row->authorisation));
    if (!moment_parse(fields[2], &row->not_after_ms)) return false;
    return strcmp(fields[3], "-") == 0 || moment_parse(fields[3], &row->revoked_ms);
}

static bool read_index(struct ca *ca)
{
    char path[PATH_MAX];
    char *text, *rest, *line;
    size_t size = 0;
    bool good = true;

    if (!path_make(path, sizeof(path), "%s/index", ca->folder)) return false;
    text = file_read(path, INDEX_BYTES_MAX, &size);
    if (text == NULL) {
        say("can't read %s: %s", path, strerror(errno));
        return false;
    }
    rest = text;
    for (unsigned number = 1; good && (line = strsep(&rest, "\n")) != NULL; number++) {
        struct ca_row row;

        if (line[0] == '\0') continue;
        good = parse_row(line, &row) && ca_add_row(ca, &row);
        if (!good) say("%s: line %u can't be read", path, number);
    }
    free(text);
    return good;
}

bool ca_open(const struct settings *settings, struct ca *ca)
{
    char path[PATH_MAX];

    *ca = (struct ca) { .lock = -1, .pki = settings->pki };
    if (settings->pki == NULL) {
        say("where is the folder of the authority? Set PLATESIEVE_PKI or give --pki DIR.");
        return false;
    }
    if (!path_make(ca->folder, sizeof(ca->folder), "%s/ca", settings->pki)) return false;
    if (!path_make(path, sizeof(path), "%s/lock", ca->folder)) return false;
    if (access(ca->folder, F_OK) != 0) {
        say("there is no authority in %s: `platesieve ca init` makes one", ca->folder);
        return false;
    }
    ca->lock = file_lock(path);
    return ca->lock >= 0 && read_key_and_certificate(ca) && read_index(ca);
}

void ca_close(struct ca *ca)
{
    EVP_PKEY_free(ca->key);
    X509_free(ca->certificate);
    free(ca->rows);
    if (ca->lock >= 0) close(ca->lock);
    *ca = (struct ca) { .lock = -1 };
}

bool ca_add_row(struct ca *ca, const struct ca_row *row)
{
    struct ca_row *rows = ca->rows;

    if ((ca->row_count & (ca->row_count - 1)) == 0) { /* full at each power of two */
        rows = reallocarray(ca->rows, ca->row_count == 0 ? 1 : ca->row_count * 2, sizeof(*rows));
        if (rows == NULL) return ca_complain("out of memory");
        ca->rows = rows;
    }
    rows[ca->row_count++] = *row;
    return true;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

bool ca_save_index(const struct ca *ca)
{
    char path[PATH_MAX];
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    bool saved;

    if (stream == NULL) return ca_complain("out of memory");
    for (size_t i = 0; i < ca->row_count; i++) {
        char end[MOMENT_TEXT], revoked[MOMENT_TEXT] = "-";

        moment_print(ca->rows[i].not_after_ms, end);
        if (ca->rows[i].revoked_ms != 0) moment_print(ca->rows[i].revoked_ms, revoked);
        fprintf(stream, "%s\t%s\t%s\t%s%s%s\n", ca->rows[i].serial, ca->rows[i].name, end, revoked,
                ca->rows[i].authorisation[0] == '\0' ? "" : "\t", ca->rows[i].authorisation);
    }
    saved = fclose(stream) == 0 && path_make(path, sizeof(path), "%s/index", ca->folder) &&
            file_write(path, text, size, 0644);
    free(text);
    return saved;
}

static bool add_revoked(X509_CRL *crl, const struct ca_row *row)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)(row->revoked_ms / 1000));
    BIGNUM *number = NULL;
    ASN1_INTEGER *serial = NULL;
    bool added;

    if (BN_hex2bn(&number, row->serial) > 0) serial = BN_to_ASN1_INTEGER(number, NULL);
    added = revoked != NULL && time != NULL && serial != NULL && X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
            X509_REVOKED_set_revocationDate(revoked, time) == 1 && X509_CRL_add0_revoked(crl, revoked) == 1;
    if (!added) X509_REVOKED_free(revoked);
    ASN1_TIME_free(time);
    ASN1_INTEGER_free(serial);
    BN_free(number);
    return added;
}

static X509_CRL *last_crl(const struct ca *ca)
{
    char path[PATH_MAX];
    BIO *text = path_make(path, sizeof(path), "%s/crl.pem", ca->folder) ? BIO_new_file(path, "r") : NULL;
    X509_CRL *crl = text == NULL ? NULL : PEM_read_bio_X509_CRL(text, NULL, NULL, NULL);

    BIO_free(text);
    ERR_clear_error();
    return crl;
}

/* Lists begin one after the other and their numbers grow, also when the clock was set back: daemons take up no list
   that begins before the one that they have.  One that has not even begun was taken up by nobody. */
static void follow_last_crl(const struct ca *ca, int64_t *begin_s, uint64_t *number)
{
    const int64_t now_s = moment_now_ms() / 1000;
    X509_CRL *last = last_crl(ca);
    ASN1_INTEGER *last_number = last == NULL ? NULL : X509_CRL_get_ext_d2i(last, NID_crl_number, NULL, NULL);
    struct tm fields;
    uint64_t value;

    *begin_s = now_s - CA_BACKDATE_S;
    *number = (uint64_t)moment_now_ms();
    if (last != NULL && ASN1_TIME_to_tm(X509_CRL_get0_lastUpdate(last), &fields) == 1) {
        const int64_t last_s = timegm(&fields);

        if (last_s >= *begin_s && last_s < now_s) *begin_s = last_s + 1;
    }
    if (last_number != NULL && ASN1_INTEGER_get_uint64(&value, last_number) == 1 && value >= *number) *number = value + 1;
    ASN1_INTEGER_free(last_number);
    X509_CRL_free(last);
}

static bool set_crl_header(const struct ca *ca, X509_CRL *crl, unsigned days)
{
    ASN1_TIME *last, *next = X509_gmtime_adj(NULL, (long)days * 86400);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    int64_t begin_s;
    uint64_t count;
    X509V3_CTX context;
    X509_EXTENSION *authority;
    bool set;

    follow_last_crl(ca, &begin_s, &count);
    last = ASN1_TIME_set(NULL, (time_t)begin_s);
    X509V3_set_ctx(&context, ca->certificate, NULL, NULL, crl, 0);
    authority = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    set = last != NULL && next != NULL && number != NULL && authority != NULL &&
          X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
          X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate)) == 1 &&
          X509_CRL_set1_lastUpdate(crl, last) == 1 && X509_CRL_set1_nextUpdate(crl, next) == 1 &&
          ASN1_INTEGER_set_uint64(number, count) == 1 &&
          X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1 && X509_CRL_add_ext(crl, authority, -1) == 1;
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    ASN1_INTEGER_free(number);
    X509_EXTENSION_free(authority);
    return set;
}

bool ca_save_crl(const struct ca *ca, unsigned days)
{
    char path[PATH_MAX];
    X509_CRL *crl = X509_CRL_new();
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;
    bool made = crl != NULL && text != NULL && set_crl_header(ca, crl, days);
    bool saved = false;

    for (size_t i = 0; made && i < ca->row_count; i++)
        if (ca->rows[i].revoked_ms != 0) made = add_revoked(crl, &ca->rows[i]);
    made = made && X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0 &&
           PEM_write_bio_X509_CRL(text, crl) == 1;
    if (!made) ca_complain("can't make the revocation list");
    else {
        const long size = BIO_get_mem_data(text, &data);

        saved = path_make(path, sizeof(path), "%s/crl.pem", ca->folder) && file_write(path, data, (size_t)size, 0644);
    }
    BIO_free(text);
    X509_CRL_free(crl);
    return saved;
}

bool ca_write_key(const char *path, EVP_PKEY *key, bool force)
{
    BIO *text = BIO_new(BIO_s_secmem());
    char *data = NULL;
    bool written = false;

    if (!force && access(path, F_OK) == 0) {
        say("%s exists; --force replaces it", path);
    } else if (text == NULL || PEM_write_bio_PKCS8PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) != 1) {
        ca_complain("can't encode a key");
    } else {
        const long size = BIO_get_mem_data(text, &data);

        written = file_write(path, data, (size_t)size, 0600);
    }
    BIO_free(text);
    return written;
}

bool ca_write_certificate(const char *path, X509 *certificate)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;
    bool written = false;

    if (text == NULL || PEM_write_bio_X509(text, certificate) != 1) {
        ca_complain("can't encode a certificate");
    } else {
        const long size = BIO_get_mem_data(text, &data);

        written = file_write(path, data, (size_t)size, 0644);
    }
    BIO_free(text);
    return written;
}
