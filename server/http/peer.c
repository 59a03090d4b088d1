/* Names in certificates: "spiffe://<trust domain>/<role>/..." (SPIFFE ID, 2.1; narrower here: see docs/protocol.md). */
#include "server/http/http.h"

static const struct shape {
    const char *prefix;
    enum role role;
    unsigned parts;
} shapes[] = {
    { "reader/", ROLE_READER, 2 },
    { "agency/", ROLE_AGENCY, 2 },
    { "evidence/", ROLE_EVIDENCE, 2 },
    { "operator/gate/", ROLE_OPERATOR_GATE, 1 },
    { "operator/keys/", ROLE_OPERATOR_KEYS, 1 },
    { "auditor/", ROLE_AUDITOR, 1 },
    { "node/", ROLE_NODE, 1 },
};

static bool is_first(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_further(char c)
{
    return is_first(c) || c == '-' || c == '_' || c == '.';
}

/* Takes one part up to '/' or the end; false if it is not one. */
static bool take_part(const char **at, const char *end, char out[LIMIT_NAME_MAX + 1])
{
    size_t size = 0;
    for (; *at < end && **at != '/'; (*at)++) {
        if (size == LIMIT_NAME_MAX || !(size == 0 ? is_first(**at) : is_further(**at))) return false;
        out[size++] = **at;
    }
    out[size] = 0;
    return size > 0;
}

static bool take_text(const char **at, const char *end, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(end - *at) < size || memcmp(*at, text, size) != 0) return false;
    *at += size;
    return true;
}

static bool parse_parts(const struct shape *shape, const char *at, const char *end, struct peer *peer)
{
    if (!take_part(&at, end, peer->first)) return false;
    if (shape->parts == 2 && (!take_text(&at, end, "/") || !take_part(&at, end, peer->second))) return false;
    return at == end;
}

struct result peer_parse_name(const char *name, size_t size, struct peer *peer)
{
    const char *end = name + size;
    memset(peer, 0, sizeof *peer);
    if (size > LIMIT_IDENTITY_MAX) return FAIL(REASON_FORBIDDEN);
    for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++) {
        const char *rest = name;
        if (!take_text(&rest, end, shapes[i].prefix)) continue;
        if (!parse_parts(&shapes[i], rest, end, peer)) break;
        memcpy(peer->name, name, size);
        peer->role = shapes[i].role;
        return OK;
    }
    memset(peer, 0, sizeof *peer);
    return FAIL(REASON_FORBIDDEN);
}

struct result peer_parse(const char *trust_domain, const char *uri, size_t size, struct peer *peer)
{
    const char *at = uri, *end = uri + size;
    memset(peer, 0, sizeof *peer);
    if (!take_text(&at, end, "spiffe://") || !take_text(&at, end, trust_domain) || !take_text(&at, end, "/"))
        return FAIL(REASON_FORBIDDEN);
    return peer_parse_name(at, (size_t)(end - at), peer);
}
