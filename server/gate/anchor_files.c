#include "server/gate/anchor_files.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/http/file_io.h"
#include "server/http/log.h"

#define FILE_BYTES_MAX (16u * 1024 * 1024) /* a revocation list of some hundred thousand certificates */

struct mark {
    struct timespec changed;
    off_t size;
    ino_t inode;
};

struct anchor_files {
    const char *ca, *crl, *trust_domain;
    pthread_mutex_t lock;
    struct mark ca_mark, crl_mark;
    struct anchors anchors;
    bool read; /* once */
};

static struct mark look(const char *path)
{
    struct stat status;
    struct mark mark;

    memset(&mark, 0, sizeof mark); /* compared as bytes */
    if (path == NULL || *path == '\0' || stat(path, &status) != 0) return mark;
    mark.changed = status.st_mtim;
    mark.size = status.st_size;
    mark.inode = status.st_ino;
    return mark;
}

static char *read_file(const char *path, size_t *size)
{
    int fd CLEANUP(file_close) = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;

    *size = 0;
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size > FILE_BYTES_MAX) return NULL;
    char *text = malloc((size_t)status.st_size + 1);
    ssize_t got = text == NULL ? -1 : file_read_all(fd, (uint8_t *)text, (size_t)status.st_size);
    if (got < 0) {
        free(text);
        return NULL;
    }
    *size = (size_t)got;
    return text;
}

static void read_again(struct anchor_files *files)
{
    struct anchors anchors = { 0 };
    bool has_crl = files->crl != NULL && *files->crl != '\0';
    size_t ca_size, crl_size = 0;
    char *ca = read_file(files->ca, &ca_size), *crl = has_crl ? read_file(files->crl, &crl_size) : NULL;

    if (ca != NULL && (!has_crl || crl_size > 0) && anchors_read(&anchors, files->trust_domain, ca, ca_size, crl, crl_size)) {
        anchors_free(&files->anchors);
        files->anchors = anchors;
        files->read = true;
    } else {
        anchors_free(&anchors);
        log_line(LOG_WARNING, "the authority's certificate or revocation list can't be read for headers of lists; %s",
                 files->read ? "what was read before is in force" : "none is taken");
    }
    free(ca);
    free(crl);
}

static void refresh(struct anchor_files *files)
{
    struct mark ca = look(files->ca), crl = look(files->crl);

    if (memcmp(&ca, &files->ca_mark, sizeof ca) == 0 && memcmp(&crl, &files->crl_mark, sizeof crl) == 0) return;
    files->ca_mark = ca;
    files->crl_mark = crl;
    read_again(files);
}

struct anchor_files *anchor_files_create(const char *ca, const char *crl, const char *trust_domain)
{
    struct anchor_files *files = calloc(1, sizeof *files);

    if (files == NULL) return NULL;
    files->ca = ca;
    files->crl = crl;
    files->trust_domain = trust_domain;
    pthread_mutex_init(&files->lock, NULL);
    return files;
}

void anchor_files_destroy(struct anchor_files *files)
{
    if (files == NULL) return;
    anchors_free(&files->anchors);
    pthread_mutex_destroy(&files->lock);
    free(files);
}

struct result anchor_files_verify(struct anchor_files *files, const uint8_t *der, size_t size, const char *agency, const char *list,
                                  int64_t now_ms, struct list_header **header, enum list_header_fault *fault)
{
    enum list_header_fault found = LIST_HEADER_NO_MEMORY;

    *header = NULL;
    pthread_mutex_lock(&files->lock);
    refresh(files);
    bool read = files->read;
    if (read) found = list_header_verify(&files->anchors, der, size, agency, list, now_ms, header);
    pthread_mutex_unlock(&files->lock);
    if (fault != NULL) *fault = found;
    if (!read || found == LIST_HEADER_NO_MEMORY) return FAIL(REASON_INTERNAL);
    return found == LIST_HEADER_FINE ? OK : FAIL(REASON_HEADER);
}
