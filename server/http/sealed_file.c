#include "server/http/sealed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/http/file_io.h"

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SEALED_MAX (NONCE_BYTES + SEALED_PLAIN_MAX + TAG_BYTES)

struct result folder_create(const char *folder, FILE *errors)
{
    struct stat info;
    const char *why = NULL;

    if (mkdir(folder, 0700) == 0) return OK;
    if (errno != EEXIST) why = strerror(errno);
    else if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) why = "is not a folder";
    if (why == NULL) return OK;
    fprintf(errors, "%s: %s\n", folder, why);
    return FAIL(REASON_INTERNAL);
}

static bool path_make(char path[PATH_MAX], const char *folder, const char *name, const char *suffix)
{
    int size = snprintf(path, PATH_MAX, "%s/%s%s", folder, name, suffix);
    return size > 0 && size < PATH_MAX;
}

static bool folder_sync(const char *folder)
{
    int fd CLEANUP(file_close) = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

/* Of a file that has no name any more, or is about to lose it. */
static bool overwrite(int fd)
{
    static const uint8_t zeros[4096];
    struct stat info;

    if (fstat(fd, &info) != 0 || lseek(fd, 0, SEEK_SET) != 0) return false;
    for (off_t left = info.st_size; left > 0; left -= (off_t)sizeof zeros)
        if (!file_write_all(fd, zeros, left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros)) return false;
    return fsync(fd) == 0;
}

static void sealed_free(uint8_t **sealed)
{
    free(*sealed);
}

static bool write_new(const char *path, const uint8_t *bytes, size_t size)
{
    int fd CLEANUP(file_close) = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 && file_write_all(fd, bytes, size) && fsync(fd) == 0;
}

struct result sealed_file_write(const char *folder, const char *name, const uint8_t key[SEALING_KEY_BYTES], const char *purpose, const void *plain,
                                size_t size)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    uint8_t *sealed CLEANUP(sealed_free) = malloc(NONCE_BYTES + (size > SEALED_PLAIN_MAX ? 0 : size) + TAG_BYTES);

    if (sealed == NULL || size > SEALED_PLAIN_MAX || !path_make(path, folder, name, "") || !path_make(temporary, folder, name, ".new")) return FAIL(REASON_INTERNAL);
    randombytes_buf(sealed, NONCE_BYTES);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, plain, size, (const uint8_t *)purpose, strlen(purpose), NULL, sealed,
                                                   key) != 0)
        return FAIL(REASON_INTERNAL);
    int old CLEANUP(file_close) = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (!write_new(temporary, sealed, NONCE_BYTES + size + TAG_BYTES) || rename(temporary, path) != 0 || !folder_sync(folder)) {
        (void)unlink(temporary);
        return FAIL(REASON_INTERNAL);
    }
    return old < 0 || overwrite(old) ? OK : FAIL(REASON_INTERNAL);
}

struct result sealed_file_read(const char *folder, const char *name, const uint8_t key[SEALING_KEY_BYTES], const char *purpose, void *plain,
                               size_t size_max, size_t *size)
{
    char path[PATH_MAX];
    uint8_t *sealed CLEANUP(sealed_free) = malloc(SEALED_MAX);

    *size = 0;
    if (sealed == NULL || !path_make(path, folder, name, "")) return FAIL(REASON_INTERNAL);
    int fd CLEANUP(file_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return FAIL(errno == ENOENT ? REASON_NOT_FOUND : REASON_INTERNAL);
    ssize_t got = file_read_all(fd, sealed, SEALED_MAX);
    if (got < (ssize_t)(NONCE_BYTES + TAG_BYTES) || (size_t)got - NONCE_BYTES - TAG_BYTES > size_max) return FAIL(REASON_INTERNAL);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed + NONCE_BYTES, (size_t)got - NONCE_BYTES, (const uint8_t *)purpose,
                                                   strlen(purpose), sealed, key) != 0)
        return FAIL(REASON_INTERNAL);
    *size = (size_t)got - NONCE_BYTES - TAG_BYTES;
    return OK;
}

bool sealed_file_exists(const char *folder, const char *name)
{
    char path[PATH_MAX];
    struct stat info;

    if (!path_make(path, folder, name, "")) return true;
    return lstat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

struct result sealed_file_erase(const char *folder, const char *name)
{
    char path[PATH_MAX];

    if (!path_make(path, folder, name, "")) return FAIL(REASON_INTERNAL);
    int fd CLEANUP(file_close) = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return FAIL(errno == ENOENT ? REASON_NONE : REASON_INTERNAL);
    bool good = overwrite(fd) && unlink(path) == 0 && folder_sync(folder);
    return good ? OK : FAIL(REASON_INTERNAL);
}
