#include "client/identity/name.h"

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyz0123456789"

bool name_part_valid(const char *text)
{
    const size_t length = strlen(text);

    return length >= 1 && length <= LIMIT_NAME_MAX && strspn(text, ALPHANUMERIC) >= 1 &&
           strspn(text, ALPHANUMERIC "-_.") == length;
}

bool trust_domain_valid(const char *text)
{
    const size_t length = strlen(text);

    return length >= 1 && length <= LIMIT_TRUST_DOMAIN_MAX && strspn(text, ALPHANUMERIC) >= 1 &&
           strspn(text, ALPHANUMERIC "-.") == length;
}

/* How many parts follow a role; 0: no such role. */
static int role_parts(const char *role)
{
    static const struct {
        const char *role;
        int parts;
    } roles[] = {
        { "reader", 2 }, { "agency", 2 }, { "evidence", 2 }, { "operator", 2 }, { "auditor", 1 }, { "node", 1 },
    };

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(role, roles[i].role) == 0) return roles[i].parts;
    return 0;
}

bool name_parse(const char *text, struct name *name)
{
    char *parts[] = { name->role, name->first, name->second };
    int count = 0;

    *name = (struct name) { 0 };
    if (strlen(text) > LIMIT_IDENTITY_MAX) return false;
    memcpy(name->text, text, strlen(text));
    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, "/");

        if (count == 3 || length > LIMIT_NAME_MAX) return false;
        memcpy(parts[count], at, length);
        if (!name_part_valid(parts[count++])) return false;
        at += length;
        if (*at == '\0') break;
    }
    if (strcmp(name->role, "operator") == 0 && strcmp(name->first, "gate") != 0 && strcmp(name->first, "keys") != 0)
        return false;
    return count >= 2 && count == role_parts(name->role) + 1;
}

bool spiffe_parse(const char *uri, size_t size, char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1], struct name *name)
{
    static const char scheme[] = "spiffe://";
    char text[sizeof(scheme) + LIMIT_TRUST_DOMAIN_MAX + LIMIT_IDENTITY_MAX + 2];
    char *slash;

    if (size >= sizeof(text) || size < sizeof(scheme) || memchr(uri, 0, size) != NULL) return false;
    memcpy(text, uri, size);
    text[size] = '\0';
    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0) return false;
    slash = strchr(text + sizeof(scheme) - 1, '/');
    if (slash == NULL) return false;
    *slash = '\0';
    if (!trust_domain_valid(text + sizeof(scheme) - 1)) return false;
    memcpy(trust_domain, text + sizeof(scheme) - 1, strlen(text + sizeof(scheme) - 1) + 1);
    return name_parse(slash + 1, name);
}

void name_file(const struct name *name, char file[LIMIT_IDENTITY_MAX + 1])
{
    snprintf(file, LIMIT_IDENTITY_MAX + 1, "%s", strchr(name->text, '/') + 1);
    for (char *at = file; *at != '\0'; at++)
        if (*at == '/') *at = '.';
}
