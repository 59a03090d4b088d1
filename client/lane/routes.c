/* What can be asked at the lane's own listener. */
#include "client/lane/listener.h"

#include "client/alerts/page.h"

#define JUDGEMENT_BYTES 256
#define HIT_MAX PLATESIEVE_TOKEN_TEXT

/* -- engines --------------------------------------------------------------------------------------------------------- */

static bool is_camera(const char *name)
{
    const size_t size = strlen(name);

    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F) return false;
    return size > 0 && size <= ENGINE_CAMERA_MAX;
}

/* That something about the request itself is wrong, such as the engine's name in a camera's settings: the status shows that it came. */
static struct lane_reply refuse(const struct lane_request *request, enum lane_problem problem)
{
    count_add(&request->service->counts.refused[REFUSED_REQUEST], 1);
    return lane_reply_problem(problem);
}

static struct lane_reply reply_taken(const struct engine *engine, const struct message_taken *taken)
{
    switch (taken->outcome) {
    case ENGINE_TYPE: return lane_reply_problem(LANE_PROBLEM_TYPE);
    case ENGINE_MALFORMED: return lane_reply_problem(LANE_PROBLEM_MALFORMED);
    case ENGINE_TOO_LARGE: return lane_reply_problem(LANE_PROBLEM_TOO_LARGE);
    default: break;
    }
    return lane_reply_json(200, json_pack("{s:s, s:s?, s:I, s:I, s:I, s:I, s:I, s:o*}", "message", engine_outcome_name(taken->outcome), "kind", taken->kind, "reads",
                                          (json_int_t)taken->reads, "new", (json_int_t)taken->vehicles[VEHICLE_NEW], "again",
                                          (json_int_t)taken->vehicles[VEHICLE_AGAIN], "left_out", (json_int_t)taken->left_out, "faults",
                                          (json_int_t)taken->faults, "Result", engine->wants_result ? json_true() : NULL));
}

static struct lane_reply post_engine(const struct lane_request *request)
{
    const struct engine *engine = engine_named(request->argument);
    const char *camera = lane_request_query(request, "camera");
    struct message_taken taken;

    if (engine == NULL || !lane_config_wants(request->service->config, engine)) return refuse(request, LANE_PROBLEM_NOT_FOUND);
    if (camera != NULL && !is_camera(camera)) return refuse(request, LANE_PROBLEM_FIELD);
    message_take(request->service, engine, camera, request->content_type, request->body, request->body_size, request->came_us, &taken);
    return reply_taken(engine, &taken);
}

/* -- how it fares ---------------------------------------------------------------------------------------------------- */

static struct lane_reply get_status(const struct lane_request *request)
{
    return lane_reply_json(200, lane_status_json(request->service));
}

static struct lane_reply get_metrics(const struct lane_request *request)
{
    size_t size = 0;
    char *text = lane_metrics_text(request->service, &size);

    return lane_reply_text(200, "text/plain; version=0.0.4", text, size);
}

static struct lane_reply get_livez(const struct lane_request *request)
{
    (void)request;
    return lane_reply_json(200, json_pack("{s:b}", "live", 1));
}

static struct lane_reply get_readyz(const struct lane_request *request)
{
    const char *why = NULL;
    const bool ready = lane_is_ready(request->service, &why);

    return lane_reply_json(ready ? 200 : 503, json_pack("{s:b, s:s?}", "ready", ready, "reason", why));
}

/* -- alerts ---------------------------------------------------------------------------------------------------------- */

static bool is_hit(const char *text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    return strlen(text) == HIT_MAX && strspn(text, alphabet) == HIT_MAX;
}

static struct lane_reply get_alerts(const struct lane_request *request)
{
    const char *after = lane_request_query(request, "after");
    uint64_t number = 0;
    size_t size = 0;
    char *text;

    if (after != NULL) {
        if (strspn(after, "0123456789") != strlen(after) || strlen(after) > 19) return refuse(request, LANE_PROBLEM_FIELD);
        number = strtoull(after, NULL, 10);
    }
    text = alerts_list(request->service->alerts, number, &size);
    return lane_reply_secret(200, "application/json", text, size);
}

static void release_image(void *image)
{
    image_release(image);
}

static struct lane_reply get_image(const struct lane_request *request)
{
    struct image *image = is_hit(request->argument) ? alerts_image(request->service->alerts, request->argument) : NULL;
    const uint8_t *bytes;
    size_t size = 0;

    if (image == NULL) return lane_reply_problem(LANE_PROBLEM_NOT_FOUND);
    bytes = image_bytes(image, &size);
    return lane_reply_held(200, size > 0 && bytes[0] == 0xFF ? "image/jpeg" : "image/png", bytes, size, release_image, image);
}

static struct lane_reply post_judgement(const struct lane_request *request)
{
    json_t *json = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, NULL);
    const char *word = NULL;
    enum alert_judge judged = ALERT_NO_SUCH_WORD;

    if (json == NULL) return lane_reply_problem(LANE_PROBLEM_JSON);
    if (json_unpack_ex(json, NULL, JSON_STRICT, "{s:s}", "judgement", &word) == 0 && is_hit(request->argument))
        judged = alerts_judge(request->service->alerts, request->argument, word);
    json_decref(json);
    if (judged == ALERT_NO_SUCH_WORD) return refuse(request, LANE_PROBLEM_FIELD);
    if (judged == ALERT_UNKNOWN) return lane_reply_problem(LANE_PROBLEM_NOT_FOUND);
    return lane_reply_json(200, json_pack("{s:b}", "judged", 1));
}

static struct lane_reply get_display(const struct lane_request *request)
{
    char policy[DISPLAY_POLICY_TEXT];
    struct lane_reply reply = lane_reply_static(200, "text/html; charset=utf-8", display_page, display_page_size);

    (void)request;
    display_policy(policy);
    if (reply.response != NULL) MHD_add_response_header(reply.response, "Content-Security-Policy", policy);
    return reply;
}

/* Browsers ask for it: without an answer each of them notes an error. */
static struct lane_reply get_favicon(const struct lane_request *request)
{
    (void)request;
    return lane_reply_static(204, "image/x-icon", "", 0);
}

/* -- the table ------------------------------------------------------------------------------------------------------- */

static const struct lane_route routes[] = {
    { "POST", "/engines/*", SIZE_MAX, post_engine },
    { "GET", "/status", 0, get_status },
    { "GET", "/metrics", 0, get_metrics },
    { "GET", "/livez", 0, get_livez },
    { "GET", "/readyz", 0, get_readyz },
    { "GET", "/display", 0, get_display },
    { "GET", "/favicon.ico", 0, get_favicon },
    { "GET", "/alerts", 0, get_alerts },
    { "GET", "/alerts/*/image", 0, get_image },
    { "POST", "/alerts/*/judgement", JUDGEMENT_BYTES, post_judgement },
};

/* One * in PATTERN stands for one part of the path, which is not empty. */
static bool matches(const char *pattern, const char *url, char *argument, size_t room)
{
    const char *star = strchr(pattern, '*');
    size_t before, size;

    if (star == NULL) return strcmp(pattern, url) == 0;
    before = (size_t)(star - pattern);
    if (strncmp(pattern, url, before) != 0) return false;
    size = strcspn(url + before, "/");
    if (size == 0 || size >= room || strcmp(star + 1, url + before + size) != 0) return false;
    memcpy(argument, url + before, size);
    argument[size] = '\0';
    return true;
}

const struct lane_route *lane_route_find(const char *method, const char *url, char *argument, size_t room, enum lane_problem *problem)
{
    if (strcmp(method, "HEAD") == 0) method = "GET"; /* whoever watches a service asks so; libmicrohttpd leaves the body out */
    *problem = LANE_PROBLEM_NOT_FOUND;
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        if (!matches(routes[i].path, url, argument, room)) continue;
        if (strcmp(method, routes[i].method) == 0) return &routes[i];
        *problem = LANE_PROBLEM_METHOD;
    }
    return NULL;
}
