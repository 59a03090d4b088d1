#include <errno.h>
#include <unistd.h>

#include "client/base64.h"
#include "client/ca/ca.h"
#include "client/enrol/enrol.h"
#include "client/file.h"
#include "client/http/wiping.h"
#include "client/identity/certificate.h"

#define REQUEST_BYTES_MAX (LIMIT_ENROLMENT_BODY_BYTES + 1)

bool enrol_files_open(const char *pki, const struct name *name, struct enrol_files *files)
{
    char file[LIMIT_IDENTITY_MAX + 1], base[PATH_MAX];

    *files = (struct enrol_files) { .lock = -1 };
    name_file(name, file);
    return path_make(base, sizeof(base), "%s/%s/%s", pki, name->role, file) &&
           path_make(files->certificate, PATH_MAX, "%s.pem", base) && path_make(files->key, PATH_MAX, "%s.key", base) &&
           path_make(files->new_certificate, PATH_MAX, "%s.pem.new", base) &&
           path_make(files->new_key, PATH_MAX, "%s.key.new", base) &&
           path_make(files->request, PATH_MAX, "%s.request", base) &&
           path_make(files->lock_path, PATH_MAX, "%s.lock", base);
}

bool enrol_files_lock(struct enrol_files *files, bool *busy)
{
    *busy = false;
    if (!folder_make_for(files->lock_path, 0755)) return false;
    files->lock = file_try_lock(files->lock_path);
    *busy = files->lock < 0 && errno == EWOULDBLOCK;
    return files->lock >= 0;
}

void enrol_files_close(struct enrol_files *files)
{
    if (files->lock >= 0) close(files->lock);
    files->lock = -1;
}

/* -- keys ---------------------------------------------------------------------------------------------------------- */

static bool is_pair(const char *certificate_path, const char *key_path)
{
    X509 *certificate = certificate_read(certificate_path);
    EVP_PKEY *key = key_read(key_path);
    const bool pair = certificate != NULL && key_equal(X509_get0_pubkey(certificate), key);

    X509_free(certificate);
    EVP_PKEY_free(key);
    return pair;
}

bool enrol_files_settle(const struct enrol_files *files)
{
    if (access(files->new_key, F_OK) != 0 || !is_pair(files->certificate, files->new_key)) return true;
    enrol_request_forget(files);
    return file_move(files->new_key, files->key);
}

void enrol_settle(const char *pki, const struct name *name)
{
    struct enrol_files files;
    bool busy;

    if (!enrol_files_open(pki, name, &files) || access(files.new_key, F_OK) != 0) return;
    if (enrol_files_lock(&files, &busy)) (void)!enrol_files_settle(&files);
    enrol_files_close(&files);
}

EVP_PKEY *enrol_files_new_key(const struct enrol_files *files)
{
    EVP_PKEY *key = key_read(files->new_key);

    if (key != NULL && key_fits(key)) return key;
    EVP_PKEY_free(key);
    key = ca_new_key();
    if (key != NULL && ca_write_key(files->new_key, key, true)) return key;
    EVP_PKEY_free(key);
    return NULL;
}

bool enrol_files_swap(const struct enrol_files *files)
{
    if (!file_move(files->new_certificate, files->certificate) || !file_move(files->new_key, files->key)) return false;
    enrol_request_forget(files);
    return true;
}

/* -- the request --------------------------------------------------------------------------------------------------- */

static json_t *bytes_json(const uint8_t *bytes, size_t size)
{
    char text[LIMIT_CERTIFICATE_BYTES * 4 / 3 + 8];

    base64_print(bytes, size, text, sizeof(text));
    return json_string(text);
}

char *enrol_request_text(const struct enrol_request *request)
{
    json_t *json = json_pack("{s:o}", "csr", bytes_json(request->csr, request->csr_size));
    char *text;

    if (request->certificate_size == 0) {
        (void)json_object_set_new(json, "mac", bytes_json(request->mac, sizeof(request->mac)));
    } else {
        (void)json_object_set_new(json, "certificate", bytes_json(request->certificate, request->certificate_size));
        (void)json_object_set_new(json, "signature", bytes_json(request->signature, request->signature_size));
    }
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL) say("out of memory");
    return text;
}

bool enrol_request_write(const struct enrol_files *files, const struct enrol_request *request)
{
    char *text = enrol_request_text(request);
    const bool written = text != NULL && file_write(files->request, text, strlen(text), 0600);

    wiping_free(text);
    return written;
}

static size_t take_bytes(json_t *json, const char *member, uint8_t *bytes, size_t max)
{
    return base64_parse_some(json_string_value(json_object_get(json, member)), bytes, max);
}

static bool is_for(const struct enrol_request *request, const EVP_PKEY *key)
{
    X509_REQ *csr = csr_parse(request->csr, request->csr_size);
    const bool right = csr != NULL && key_equal(X509_REQ_get0_pubkey(csr), key);

    X509_REQ_free(csr);
    return right;
}

bool enrol_request_read(const struct enrol_files *files, const EVP_PKEY *key, bool renewal, struct enrol_request *request)
{
    size_t size = 0;
    char *text = file_read(files->request, REQUEST_BYTES_MAX, &size);
    json_t *json = text == NULL ? NULL : json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    bool whole;

    *request = (struct enrol_request) { 0 };
    request->csr_size = take_bytes(json, "csr", request->csr, sizeof(request->csr));
    if (renewal) {
        request->certificate_size = take_bytes(json, "certificate", request->certificate, sizeof(request->certificate));
        request->signature_size = take_bytes(json, "signature", request->signature, sizeof(request->signature));
        whole = request->certificate_size > 0 && request->signature_size > 0;
    } else {
        whole = take_bytes(json, "mac", request->mac, sizeof(request->mac)) == sizeof(request->mac);
    }
    json_decref(json);
    wiping_free(text);
    return whole && request->csr_size > 0 && is_for(request, key);
}

void enrol_request_forget(const struct enrol_files *files)
{
    (void)unlink(files->request);
}
