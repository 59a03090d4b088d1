#include "client/ca/codes.h"

#include <dirent.h>
#include <errno.h>
#include <platesieve/platesieve.h>
#include <unistd.h>

#include "client/file.h"
#include "client/identity/certificate.h"
#include "client/moment.h"

#define ROW_BYTES (LIMIT_IDENTITY_MAX + 2 * PLATESIEVE_CODE_BYTES + 2 * MOMENT_TEXT + CA_DIGEST_TEXT + 8)
#define FILE_BYTES_MAX ((size_t)LIMIT_CODES * ROW_BYTES)

void ca_digest(const uint8_t *bytes, size_t size, char text[CA_DIGEST_TEXT + 1])
{
    uint8_t digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, bytes, size);
    sodium_bin2hex(text, CA_DIGEST_TEXT + 1, digest, sizeof(digest));
}

/* -- the codes' file: name, code, end, time of use or "-", digest of the request or "-" ---------------------------- */

static bool parse_digest(const char *text, char digest[CA_DIGEST_TEXT + 1])
{
    if (strcmp(text, "-") == 0) return true;
    if (strlen(text) != CA_DIGEST_TEXT || strspn(text, "0123456789abcdef") != CA_DIGEST_TEXT) return false;
    memcpy(digest, text, CA_DIGEST_TEXT + 1);
    return true;
}

static bool parse_row(char *line, struct ca_code *row)
{
    char *rest = line;
    const char *fields[5];
    struct name name;
    size_t size = 0;

    for (size_t i = 0; i < 5; i++)
        if ((fields[i] = strsep(&rest, "\t")) == NULL) return false;
    *row = (struct ca_code) { 0 };
    if (rest != NULL || !name_parse(fields[0], &name)) return false;
    memcpy(row->name, name.text, sizeof(row->name));
    if (sodium_hex2bin(row->code, sizeof(row->code), fields[1], strlen(fields[1]), NULL, &size, NULL) != 0 ||
        size != sizeof(row->code))
        return false;
    if (!moment_parse(fields[2], &row->expires_ms)) return false;
    if (strcmp(fields[3], "-") != 0 && !moment_parse(fields[3], &row->used_ms)) return false;
    return parse_digest(fields[4], row->csr);
}

static bool parse_rows(const char *path, char *text, struct ca_codes *codes)
{
    char *rest = text, *line;

    for (unsigned number = 1; (line = strsep(&rest, "\n")) != NULL; number++) {
        if (line[0] == '\0') continue;
        if (codes->count == LIMIT_CODES || !parse_row(line, &codes->rows[codes->count])) {
            say("%s: line %u can't be read", path, number);
            return false;
        }
        codes->count++;
    }
    return true;
}

bool ca_codes_read(const struct ca *ca, struct ca_codes *codes)
{
    char path[PATH_MAX];
    char *text;
    size_t size = 0;
    bool read;

    *codes = (struct ca_codes) { .rows = platesieve_secret_allocate(LIMIT_CODES * sizeof(struct ca_code)) };
    if (codes->rows == NULL) {
        say("there is no memory that can be locked for codes");
        return false;
    }
    if (!path_make(path, sizeof(path), "%s/codes", ca->folder)) return false;
    text = file_read(path, FILE_BYTES_MAX, &size);
    if (text == NULL) {
        if (errno == ENOENT) return true;
        say("can't read %s: %s", path, strerror(errno));
        return false;
    }
    read = parse_rows(path, text, codes);
    platesieve_wipe(text, size);
    free(text);
    return read;
}

static size_t print_row(const struct ca_code *row, char *text, size_t room)
{
    char code[2 * PLATESIEVE_CODE_BYTES + 1], end[MOMENT_TEXT], used[MOMENT_TEXT] = "-";
    int size;

    sodium_bin2hex(code, sizeof(code), row->code, sizeof(row->code));
    moment_print(row->expires_ms, end);
    if (row->used_ms != 0) moment_print(row->used_ms, used);
    size = snprintf(text, room, "%s\t%s\t%s\t%s\t%s\n", row->name, code, end, used, row->csr[0] == '\0' ? "-" : row->csr);
    platesieve_wipe(code, sizeof(code));
    return size < 0 || (size_t)size >= room ? 0 : (size_t)size;
}

bool ca_codes_save(const struct ca *ca, struct ca_codes *codes)
{
    const int64_t now_ms = moment_now_ms();
    const size_t room = (codes->count + 1) * ROW_BYTES;
    char path[PATH_MAX];
    char *text = malloc(room);
    size_t used = 0;
    bool saved;

    if (text == NULL) return ca_complain("out of memory");
    for (size_t i = 0; i < codes->count; i++)
        if (codes->rows[i].expires_ms + CA_CODES_KEPT_MS > now_ms) used += print_row(&codes->rows[i], text + used, room - used);
    saved = path_make(path, sizeof(path), "%s/codes", ca->folder) && file_write(path, text, used, 0600);
    platesieve_wipe(text, used);
    free(text);
    return saved;
}

void ca_codes_wipe(struct ca_codes *codes)
{
    platesieve_secret_free(codes->rows);
    *codes = (struct ca_codes) { 0 };
}

/* The place for one more: where one has been over for long, or at the end. */
static struct ca_code *free_row(struct ca_codes *codes, int64_t now_ms)
{
    for (size_t i = 0; i < codes->count; i++)
        if (codes->rows[i].expires_ms + CA_CODES_KEPT_MS <= now_ms) return &codes->rows[i];
    return codes->count == LIMIT_CODES ? NULL : &codes->rows[codes->count++];
}

struct ca_code *ca_codes_add(struct ca_codes *codes, const char *name, unsigned minutes, bool *replaced)
{
    const int64_t now_ms = moment_now_ms();
    struct ca_code *row;

    *replaced = false;
    for (size_t i = 0; i < codes->count; i++) {
        row = &codes->rows[i];
        if (strcmp(row->name, name) != 0 || row->used_ms != 0 || row->expires_ms <= now_ms) continue;
        row->expires_ms = now_ms;
        *replaced = true;
    }
    row = free_row(codes, now_ms);
    if (row == NULL) {
        say("there are %d codes already; wait until the oldest are forgotten", LIMIT_CODES);
        return NULL;
    }
    *row = (struct ca_code) { .expires_ms = now_ms + (int64_t)minutes * 60000 };
    snprintf(row->name, sizeof(row->name), "%s", name);
    randombytes_buf(row->code, sizeof(row->code));
    return row;
}

/* -- what was signed ----------------------------------------------------------------------------------------------- */

static bool issued_path(const struct ca *ca, const char *authorisation, char path[PATH_MAX])
{
    return path_make(path, PATH_MAX, "%s/issued/%s.pem", ca->folder, authorisation);
}

X509 *ca_issued_read(const struct ca *ca, const char *authorisation)
{
    char path[PATH_MAX];

    return issued_path(ca, authorisation, path) ? certificate_read(path) : NULL;
}

bool ca_issued_write(const struct ca *ca, const char *authorisation, X509 *certificate)
{
    char path[PATH_MAX];

    return issued_path(ca, authorisation, path) && folder_make_for(path, 0755) && ca_write_certificate(path, certificate);
}

void ca_issued_tidy(const struct ca *ca)
{
    const int64_t now_ms = moment_now_ms();
    char folder[PATH_MAX], path[PATH_MAX];
    const struct dirent *entry;
    DIR *stream;

    if (!path_make(folder, sizeof(folder), "%s/issued", ca->folder)) return;
    stream = opendir(folder);
    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        int64_t begins_ms, ends_ms;
        X509 *certificate;

        if (strlen(entry->d_name) != CA_DIGEST_TEXT + 4 || !path_make(path, sizeof(path), "%s/%s", folder, entry->d_name))
            continue;
        certificate = certificate_read(path);
        if (certificate != NULL && certificate_times(certificate, &begins_ms, &ends_ms) && ends_ms <= now_ms) (void)unlink(path);
        X509_free(certificate);
    }
    if (stream != NULL) closedir(stream);
}
