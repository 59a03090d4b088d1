#include "client/identity/identity.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "client/enrol/enrol.h"
#include "client/file.h"
#include "client/identity/certificate.h"
#include "client/printable.h"

#define CANDIDATES_SHOWN 16

/* -- finding files ------------------------------------------------------------------------------------------------- */

/* KIND "operator/gate" is the role "operator" and files that begin with "gate.". */
struct kind {
    char role[LIMIT_NAME_MAX + 1];
    char prefix[LIMIT_NAME_MAX + 2];
};

static struct kind kind_parse(const char *text)
{
    struct kind kind = { 0 };
    const size_t role = strcspn(text, "/");

    memcpy(kind.role, text, role < LIMIT_NAME_MAX ? role : LIMIT_NAME_MAX);
    if (text[role] == '/') snprintf(kind.prefix, sizeof(kind.prefix), "%.*s.", LIMIT_NAME_MAX, text + role + 1);
    return kind;
}

/* ROLE/NAME of --as in the form of file names: "agency", "customs.ana". */
static bool split_as(const char *as, char role[LIMIT_NAME_MAX + 1], char file[LIMIT_IDENTITY_MAX + 1])
{
    const char *slash = strchr(as, '/');
    const size_t length = slash == NULL ? 0 : (size_t)(slash - as);

    if (length == 0 || length > LIMIT_NAME_MAX || slash[1] == '\0' || strlen(slash + 1) > LIMIT_IDENTITY_MAX)
        return false;
    memcpy(role, as, length);
    role[length] = '\0';
    memcpy(file, slash + 1, strlen(slash + 1) + 1);
    for (char *at = file; *at != '\0'; at++)
        if (*at == '/') *at = '.';
    return name_part_valid(role) && file[0] != '.';
}

static bool is_candidate(const struct kind *kind, const char *file)
{
    const size_t length = strlen(file), prefix = strlen(kind->prefix);

    return length > 4 && strcmp(file + length - 4, ".pem") == 0 && file[0] != '.' &&
           strncmp(file, kind->prefix, prefix) == 0 && length - 4 <= LIMIT_IDENTITY_MAX;
}

/* As its certificate names it; what has none, as its file is called. */
static void say_candidate(const char *pki, const struct kind *kind, const char *file)
{
    char path[PATH_MAX], trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    const bool fits = snprintf(path, sizeof(path), "%s/%s/%s.pem", pki, kind->role, file) < (int)sizeof(path);
    X509 *certificate = fits ? certificate_read(path) : NULL;
    struct name name;

    if (certificate != NULL && certificate_name(certificate, trust_domain, &name)) {
        fprintf(stderr, "  --as %s\n", name.text);
    } else {
        snprintf(path, sizeof(path), "%s/%s", kind->role, file);
        make_printable(path);
        fprintf(stderr, "  --as %s\n", path);
    }
    X509_free(certificate);
}

/* How many identities of KIND there are; the last one's file name, without ".pem", in FILE.  With SHOW, each is said.
 */
static unsigned scan(const char *pki, const struct kind *kind, char file[LIMIT_IDENTITY_MAX + 1], bool show)
{
    char path[PATH_MAX];
    const struct dirent *entry;
    unsigned count = 0;
    DIR *folder;

    if (snprintf(path, sizeof(path), "%s/%s", pki, kind->role) >= (int)sizeof(path)) return 0;
    folder = opendir(path);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        const size_t length = strlen(entry->d_name);

        if (!is_candidate(kind, entry->d_name)) continue;
        memcpy(file, entry->d_name, length - 4);
        file[length - 4] = '\0';
        if (++count <= CANDIDATES_SHOWN && show) say_candidate(pki, kind, file);
    }
    if (folder != NULL) closedir(folder);
    return count;
}

static int choose(const struct settings *settings, const struct kind *kind, char role[LIMIT_NAME_MAX + 1],
                  char file[LIMIT_IDENTITY_MAX + 1])
{
    unsigned count;

    if (settings->as != NULL) {
        if (split_as(settings->as, role, file)) return CLIENT_OK;
        say("--as takes ROLE/NAME, such as %s/...", kind->role);
        return CLIENT_USAGE;
    }
    memcpy(role, kind->role, sizeof(kind->role));
    count = scan(settings->pki, kind, file, false);
    if (count == 1) return CLIENT_OK;
    if (count == 0) {
        say("there is no identity for this in %s/%s", settings->pki, kind->role);
        return CLIENT_FAILED;
    }
    say("which identity? One of:");
    (void)scan(settings->pki, kind, file, true);
    return CLIENT_USAGE;
}

static bool of_kind(const struct identity *identity, const struct kind *kind)
{
    const size_t prefix = strlen(kind->prefix);

    return strcmp(identity->name.role, kind->role) == 0 &&
           (prefix == 0 ||
            (strncmp(identity->name.first, kind->prefix, prefix - 1) == 0 && identity->name.first[prefix - 1] == '\0'));
}

int identity_find(const struct settings *settings, const char *kind_text, struct identity *identity)
{
    const struct kind kind = kind_parse(kind_text);
    char role[LIMIT_NAME_MAX + 1], file[LIMIT_IDENTITY_MAX + 1];
    int code;

    *identity = (struct identity) { 0 };
    if (settings->pki == NULL) {
        say("where are certificates and keys? Set PLATESIEVE_PKI or give --pki DIR.");
        return CLIENT_USAGE;
    }
    code = choose(settings, &kind, role, file);
    if (code != CLIENT_OK) return code;
    if (!path_make(identity->certificate, sizeof(identity->certificate), "%s/%s/%s.pem", settings->pki, role, file) ||
        !path_make(identity->key, sizeof(identity->key), "%s/%s/%s.key", settings->pki, role, file))
        return CLIENT_FAILED;
    if (settings->ca != NULL ? !path_make(identity->ca, sizeof(identity->ca), "%s", settings->ca)
                             : !path_make(identity->ca, sizeof(identity->ca), "%s/ca/ca.pem", settings->pki))
        return CLIENT_FAILED;
    if (!identity_read(identity)) return CLIENT_FAILED;
    enrol_settle(settings->pki, &identity->name);
    if (access(identity->key, R_OK) != 0) {
        say("can't read %s: %s", identity->key, strerror(errno));
        return CLIENT_FAILED;
    }
    if (of_kind(identity, &kind)) return CLIENT_OK;
    say("this command needs an identity of %s/..., not %s", kind_text, identity->name.text);
    return CLIENT_USAGE;
}

bool identity_fits(const struct settings *settings, const char *kind_text)
{
    const struct kind kind = kind_parse(kind_text);
    char role[LIMIT_NAME_MAX + 1], file[LIMIT_IDENTITY_MAX + 1];

    if (settings->pki == NULL) return false;
    if (settings->as == NULL) return scan(settings->pki, &kind, file, false) > 0;
    return split_as(settings->as, role, file) && strcmp(role, kind.role) == 0 &&
           strncmp(file, kind.prefix, strlen(kind.prefix)) == 0;
}
