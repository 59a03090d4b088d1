#include "server/http/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <platesieve/limits.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/http/file_io.h"

#define FILE_SCHEME "file:"
#define CREDENTIAL_SCHEME "credential:"

/* Who else may look or change.  A credential may seem to be open to its group: where the service has a user of its own, systemd
   lets it in with an access control list, whose mask stands in the place of the group's bits. */
#define FILE_MODE_REFUSED 077
#define CREDENTIAL_MODE_REFUSED 037

static struct result complain(FILE *errors, const char *what, const char *where, const char *why)
{
    fprintf(errors, "%s: %s: %s\n", what, where, why);
    return FAIL(REASON_SETTINGS);
}

static const char *after(const char *text, const char *scheme)
{
    size_t size = strlen(scheme);
    return strncmp(text, scheme, size) == 0 && text[size] != '\0' ? text + size : NULL;
}

/* A name of one file in the folder, nothing that leads out of it. */
static bool credential_path(const char *name, char path[PATH_MAX], const char **why)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    *why = NULL;
    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) > LIMIT_CREDENTIAL_NAME_MAX)
        *why = "is not a credential's name";
    else if (folder == NULL || folder[0] != '/')
        *why = "can't be read: the service was given no credentials (LoadCredential= of systemd.exec(5))";
    else if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        *why = "has too long a path";
    return *why == NULL;
}

static struct result read_checked(const char *path, mode_t refused, uint8_t *secret, size_t size_max, size_t *size, const char **why)
{
    struct stat info;
    int fd CLEANUP(file_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a pipe must not hold the daemon up */
    *why = NULL;
    if (fd < 0) *why = strerror(errno);
    else if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) *why = "is not a plain file";
    else if ((info.st_mode & refused) != 0) *why = "may be read by others: chmod 600";
    if (*why != NULL) return FAIL(REASON_SETTINGS);
    ssize_t got = file_read_all(fd, secret, size_max);
    if (got >= 0) {
        *size = (size_t)got;
        return OK;
    }
    sodium_memzero(secret, size_max);
    *why = "is too long, or can't be read";
    return FAIL(REASON_SETTINGS);
}

struct result secret_read(const char *what, const char *where, uint8_t *secret, size_t size_max, size_t *size, FILE *errors)
{
    const char *file = after(where, FILE_SCHEME), *name = after(where, CREDENTIAL_SCHEME), *why;
    char path[PATH_MAX];
    struct result result = FAIL(REASON_SETTINGS);

    *size = 0;
    if (file != NULL) {
        result = read_checked(file, FILE_MODE_REFUSED, secret, size_max, size, &why);
        return failed(result) ? complain(errors, what, file, why) : OK;
    }
    if (name == NULL) return complain(errors, what, "what belongs here", "file:PATH or credential:NAME");
    if (credential_path(name, path, &why)) result = read_checked(path, CREDENTIAL_MODE_REFUSED, secret, size_max, size, &why);
    return failed(result) ? complain(errors, what, where, why) : OK;
}

struct result secret_create(const char *what, const char *where, size_t size, FILE *errors)
{
    const char *file = after(where, FILE_SCHEME);
    uint8_t secret[64];

    if (file == NULL) return OK;
    if (size > sizeof secret) return FAIL(REASON_INTERNAL);
    int fd CLEANUP(file_close) = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) return OK;
    if (fd < 0) return complain(errors, what, file, strerror(errno));
    randombytes_buf(secret, size);
    bool good = file_write_all(fd, secret, size) && fsync(fd) == 0;
    sodium_memzero(secret, sizeof secret);
    if (good) return OK;
    (void)unlink(file); /* half a key is none */
    return complain(errors, what, file, "can't be written");
}
