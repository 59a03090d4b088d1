#include "server/http/router.h"

#include "server/http/internal.h"

#define ROWS_MAX 64

struct router {
    size_t count;
    struct metric *lost;
    struct router_row rows[ROWS_MAX];
};

static const char *const method_names[ROUTER_METHODS] = { "GET", "POST", "PUT", "DELETE" };

static struct router_row *row_for(struct router *router, const char *path)
{
    for (size_t i = 0; i < router->count; i++)
        if (strcmp(router->rows[i].path, path) == 0) return &router->rows[i];
    if (router->count == ROWS_MAX) abort(); /* a table that outgrew its limit: our bug, seen at the first start */
    struct router_row *row = &router->rows[router->count++];
    row->path = path;
    row->literal = strchr(path, '{') == NULL;
    return row;
}

static void count_row(struct router_row *row, enum method method, struct metrics *metrics)
{
    static const char *const classes[ROUTER_CLASSES] = { "2xx", "4xx", "5xx" };
    char labels[192];
    for (size_t i = 0; i < ROUTER_CLASSES; i++) {
        snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\",status=\"%s\"", method_names[method], row->path,
                 classes[i]);
        row->answers[method][i] =
            metrics_counter(metrics, "platesieve_http_answers_total", "Answers, by route and class of status.", labels);
    }
    snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\"", method_names[method], row->path);
    row->seconds[method] = metrics_histogram(metrics, "platesieve_http_answer_seconds",
                                             "From a request's header to the end of its answer.", labels);
}

static void name_allowed(struct router_row *row)
{
    size_t size = 0;
    for (size_t i = 0; i < ROUTER_METHODS; i++) {
        if (row->routes[i] == NULL) continue;
        size += (size_t)snprintf(row->allow + size, sizeof row->allow - size, "%s%s%s", size > 0 ? ", " : "",
                                 method_names[i], i == METHOD_GET ? ", HEAD" : "");
    }
}

struct router *router_create(const struct route *routes, struct metrics *metrics)
{
    struct router *router = calloc(1, sizeof *router);
    if (router == NULL) return NULL;
    if (metrics != NULL)
        router->lost =
            metrics_counter(metrics, "platesieve_http_answers_total", "Answers, by route and class of status.",
                            "method=\"\",route=\"\",status=\"4xx\"");
    for (const struct route *route = routes; route->path != NULL; route++) {
        struct router_row *row = row_for(router, route->path);
        row->routes[route->method] = route;
        if (metrics != NULL) count_row(row, route->method, metrics);
    }
    for (size_t i = 0; i < router->count; i++) {
        name_allowed(&router->rows[i]);
        router->rows[i].not_allowed = problem_method(router->rows[i].allow, false);
        if (router->rows[i].not_allowed != NULL) continue;
        router_destroy(router);
        return NULL;
    }
    return router;
}

void router_destroy(struct router *router)
{
    if (router == NULL) return;
    for (size_t i = 0; i < router->count; i++)
        if (router->rows[i].not_allowed != NULL) MHD_destroy_response(router->rows[i].not_allowed);
    free(router);
}

/* One segment of URL as an argument: printable ASCII, 1 to LIMIT_NAME_MAX bytes. */
static bool take_argument(const char **url, char argument[LIMIT_NAME_MAX + 1])
{
    size_t size = 0;
    for (; **url != 0 && **url != '/'; (*url)++) {
        if (size == LIMIT_NAME_MAX || **url <= ' ' || **url > '~') return false;
        argument[size++] = **url;
    }
    argument[size] = 0;
    return size > 0;
}

static bool matches(const char *path, const char *url, char arguments[3][LIMIT_NAME_MAX + 1])
{
    size_t count = 0;
    while (*path != 0) {
        if (*path == '{') {
            if (count == 3 || !take_argument(&url, arguments[count++])) return false;
            path += 2; /* "{}" */
        } else if (*path++ != *url++) {
            return false;
        }
    }
    for (; count < 3; count++) arguments[count][0] = 0; /* of a request before */
    return *url == 0;
}

const struct router_row *router_find(const struct router *router, const char *url,
                                     char arguments[3][LIMIT_NAME_MAX + 1])
{
    for (size_t i = 0; i < router->count; i++)
        if (matches(router->rows[i].path, url, arguments)) return &router->rows[i];
    return NULL;
}

bool router_method(const char *text, enum method *method)
{
    if (strcmp(text, "HEAD") == 0) {
        *method = METHOD_GET;
        return true;
    }
    for (unsigned i = 0; i < ROUTER_METHODS; i++) {
        if (strcmp(text, method_names[i]) != 0) continue;
        *method = (enum method)i;
        return true;
    }
    return false;
}

struct metric *router_lost(const struct router *router)
{
    return router->lost;
}
