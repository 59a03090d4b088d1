#include "client/http/http.h"

int http_open_as(const struct settings *settings, const char *kind, struct identity *identity, struct http **gate)
{
    const int code = identity_find(settings, kind, identity);

    return code == CLIENT_OK ? http_open(settings, HTTP_GATE, identity, gate) : code;
}
