#include "server/http/rights.h"

static const char *const method_names[] = { [METHOD_GET] = "GET", [METHOD_POST] = "POST", [METHOD_PUT] = "PUT", [METHOD_DELETE] = "DELETE" };

static const struct role_name {
    enum role role;
    const char *name;
} role_names[] = {
    { ROLE_STRANGER, "stranger" },
    { ROLE_READER, "reader" },
    { ROLE_AGENCY, "agency" },
    { ROLE_OPERATOR_GATE, "operator/gate" },
    { ROLE_OPERATOR_KEYS, "operator/keys" },
    { ROLE_AUDITOR, "auditor" },
    { ROLE_NODE, "node" },
};

void http_routes_print(const struct route *routes, FILE *out)
{
    for (const struct route *route = routes; route->path != NULL; route++) {
        const char *before = " ";
        char rights[RIGHTS_TEXT_SIZE];
        fprintf(out, "%s %s", method_names[route->method], route->path);
        for (size_t i = 0; i < ARRAY_LENGTH(role_names); i++) {
            if ((route->roles & role_names[i].role) == 0) continue;
            fprintf(out, "%s%s", before, role_names[i].name);
            before = ",";
        }
        fprintf(out, "%s", route->plain ? ",plain" : "");
        if (route->rights != 0) fprintf(out, " %s", rights_print(route->rights, ',', rights));
        fputc('\n', out);
    }
}

unsigned http_routes_roles(const struct route *routes)
{
    unsigned roles = 0;
    for (const struct route *route = routes; route->path != NULL; route++)
        if ((route->roles | ROLE_STRANGER) != (ROLE_ANY | ROLE_STRANGER)) roles |= route->roles & ~(unsigned)ROLE_STRANGER;
    return roles;
}
