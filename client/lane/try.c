/* For who sees that a camera's messages give nothing, and wants to know why.  Nothing is sent anywhere, and no identity is needed. */
#include "client/lane/try.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "client/engines/engine.h"
#include "client/moment.h"

struct try_options {
    const struct engine *engine;
    const char *file, *type; /* NULL: standard input; by its first byte */
    bool lines;
    struct engine_options engine_options;
};

struct try_room {
    char *body; /* LIMIT_ENGINE_MESSAGE_BYTES and one */
    struct platesieve_arena *arena;
    struct engine_reads *reads;
};

/* -- what is printed ----------------------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *candidates_json(const struct engine_read *read)
{
    json_t *list = json_array();

    for (size_t i = 0; i < read->count; i++) {
        const struct engine_candidate *candidate = &read->candidates[i];

        json_array_append_new(list, json_pack("{s:s%, s:s, s:f}", "plate", candidate->plate.text, (size_t)candidate->plate.length, "raw", candidate->raw,
                                              "confidence", candidate->confidence));
    }
    return list;
}

static json_t *read_json(const struct engine_read *read)
{
    char seen[MOMENT_TEXT] = "";

    if (read->seen_ms != 0) moment_print(read->seen_ms, seen);
    return json_pack("{s:o, s:I, s:b, s:o, s:o, s:f, s:o, s:o}", "camera", text_or_null(read->camera), "ids", (json_int_t)read->id_count, "preview",
                     read->preview, "seen_at", text_or_null(seen), "jurisdiction", text_or_null(read->jurisdiction.code), "region_confidence",
                     read->region_confidence, "candidates", candidates_json(read), "picture",
                     read->picture != NULL ? json_integer((json_int_t)read->picture_size) : json_null());
}

/* What came of it as an exit code: nothing understood, something wrong or nothing to check, all well. */
static int print_reads(const struct try_options *options, enum engine_outcome outcome, const struct engine_reads *reads)
{
    json_t *faults = json_object(), *list = json_array();
    bool some = false;

    for (unsigned i = 0; i < ENGINE_FAULTS; i++)
        if (reads->faults[i] > 0) json_object_set_new(faults, engine_fault_name((enum engine_fault)i), json_integer((json_int_t)reads->faults[i]));
    for (size_t i = 0; i < reads->count; i++) {
        json_array_append_new(list, read_json(&reads->list[i]));
        some = some || reads->list[i].count > 0;
    }

    const bool faulty = json_object_size(faults) > 0;

    if (!print_json(json_pack("{s:s, s:s, s:o, s:o, s:I, s:o}", "engine", options->engine->name, "outcome", engine_outcome_name(outcome), "kind",
                              text_or_null(reads->kind), "faults", faults, "left_out", (json_int_t)reads->left_out, "reads", list)))
        return CLIENT_FAILED;
    if (outcome != ENGINE_TAKEN) return CLIENT_FAILED;
    return faulty || !some ? CLIENT_REMARKS : CLIENT_OK;
}

/* -- a message ----------------------------------------------------------------------------------------------------- */

/* "multipart/form-data; boundary=..." of a body that begins with its boundary; NULL: it does not. */
static const char *guess_type(const char *body, size_t size, char type[LIMIT_ENGINE_BOUNDARY_BYTES + 64])
{
    const char *end = size > 2 && memcmp(body, "--", 2) == 0 ? memchr(body, '\n', size) : NULL;

    if (end == NULL) return NULL;
    while (end > body && (end[-1] == '\r' || end[-1] == ' ')) end--;
    if (end - body < 3 || end - body > LIMIT_ENGINE_BOUNDARY_BYTES) return NULL;
    snprintf(type, LIMIT_ENGINE_BOUNDARY_BYTES + 64, "multipart/form-data; boundary=\"%.*s\"", (int)(end - body - 2), body + 2);
    return type;
}

static int try_message(const struct try_options *options, const struct try_room *room, char *body, size_t size)
{
    char type[LIMIT_ENGINE_BOUNDARY_BYTES + 64];
    const struct engine_message message = {
        .content_type = options->type != NULL ? options->type : guess_type(body, size, type), .body = body, .size = size, .arena = room->arena
    };
    const enum engine_outcome outcome = engine_take(options->engine, &message, &options->engine_options, room->reads);
    const int code = print_reads(options, outcome, room->reads);

    platesieve_wipe(room->reads, sizeof(*room->reads));
    platesieve_arena_reset(room->arena);
    return code;
}

/* The worst of them. */
static int try_lines(const struct try_options *options, const struct try_room *room, size_t size)
{
    char *at = room->body, *end = at + size;
    int worst = CLIENT_OK;

    while (at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        int code;

        if (stop == NULL) stop = end;
        *stop = '\0';
        code = stop > at ? try_message(options, room, at, (size_t)(stop - at)) : CLIENT_OK;
        if (code == CLIENT_FAILED || (code == CLIENT_REMARKS && worst == CLIENT_OK)) worst = code;
        at = stop + 1;
    }
    return worst;
}

/* -- where it comes from ------------------------------------------------------------------------------------------- */

static bool read_all(int fd, char *body, size_t *size)
{
    ssize_t got;

    *size = 0;
    do {
        got = read(fd, body + *size, LIMIT_ENGINE_MESSAGE_BYTES + 1 - *size);
        if (got > 0) *size += (size_t)got;
    } while ((got > 0 && *size <= LIMIT_ENGINE_MESSAGE_BYTES) || (got < 0 && errno == EINTR));
    if (got < 0) say("can't read the message: %s", strerror(errno));
    else if (*size > LIMIT_ENGINE_MESSAGE_BYTES) say("larger than %u bytes: a lane refuses such a message", LIMIT_ENGINE_MESSAGE_BYTES);
    return got >= 0 && *size <= LIMIT_ENGINE_MESSAGE_BYTES;
}

static int try_file(const struct try_options *options, const struct try_room *room)
{
    const bool standard = options->file == NULL || strcmp(options->file, "-") == 0;
    const int fd = standard ? STDIN_FILENO : open(options->file, O_RDONLY | O_CLOEXEC);
    size_t size;
    bool well;

    if (fd < 0) {
        say("can't read %s: %s", options->file, strerror(errno));
        return CLIENT_FAILED;
    }
    well = read_all(fd, room->body, &size);
    if (!standard) close(fd);
    if (!well) return CLIENT_FAILED;
    room->body[size] = '\0';
    return finish_output(options->lines ? try_lines(options, room, size) : try_message(options, room, room->body, size));
}

/* -- options ------------------------------------------------------------------------------------------------------- */

enum { OPTION_CODES = 0x300, OPTION_COUNTRY, OPTION_CAMERA, OPTION_MONTH, OPTION_TYPE, OPTION_LINES, OPTION_NOW };

static const struct argp_option try_argp_options[] = {
    { "type", OPTION_TYPE, "TYPE", 0, "Its Content-Type, as the camera says it (by how the message begins)", 0 },
    { "lines", OPTION_LINES, NULL, 0, "Each line is a message", 0 },
    { "codes", OPTION_CODES, "SET", 0, "Codes of the regions: iso, ncic, aamva or usps (what the engine is known to use)", 0 },
    { "country", OPTION_COUNTRY, "CC", 0, "Regions without a country are of this one: US, CA, ...", 0 },
    { "camera", OPTION_CAMERA, "NAME", 0, "In place of the camera's name in the message", 0 },
    { "month-first", OPTION_MONTH, NULL, 0, "Dates such as 03/04/2026 begin with the month", 0 },
    { "now", OPTION_NOW, "TIME", 0, "As if the message came then (RFC 3339), for one that was kept", 0 },
    { 0 },
};

static const struct engine *option_engine(const struct argp_state *state, const char *name)
{
    const struct engine *engine = engine_named(name);
    char names[256] = "";
    size_t used = 0;

    for (size_t i = 0; engines[i] != NULL && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "", engines[i]->name);
    if (engine == NULL) argp_error(state, "the engine is one of %s", names);
    return engine;
}

static void option_country(const struct argp_state *state, const char *text, char country[3])
{
    if (strlen(text) != 2 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2) argp_error(state, "--country has two capitals: US");
    else memcpy(country, text, 3);
}

static error_t try_parse(int key, char *argument, struct argp_state *state)
{
    struct try_options *options = state->input;
    struct engine_options *engine = &options->engine_options;

    switch (key) {
    case OPTION_TYPE: options->type = argument; return 0;
    case OPTION_LINES: options->lines = true; return 0;
    case OPTION_CODES:
        engine->codes_known = platesieve_codes_parse(argument, &engine->codes);
        if (!engine->codes_known) argp_error(state, "--codes is iso, ncic, aamva or usps");
        return 0;
    case OPTION_COUNTRY: option_country(state, argument, engine->country); return 0;
    case OPTION_CAMERA:
        if (strlen(argument) > ENGINE_CAMERA_MAX) argp_error(state, "--camera has at most %d bytes", ENGINE_CAMERA_MAX);
        else memcpy(engine->camera, argument, strlen(argument) + 1);
        return 0;
    case OPTION_MONTH: engine->month_first = true; return 0;
    case OPTION_NOW:
        if (!moment_parse(argument, &engine->now_ms)) argp_error(state, "--now is a time such as 2026-11-22T12:00:00Z");
        return 0;
    case ARGP_KEY_ARG:
        if (options->engine == NULL) options->engine = option_engine(state, argument);
        else if (options->file == NULL) options->file = argument;
        else argp_usage(state);
        return 0;
    case ARGP_KEY_END:
        if (options->engine == NULL) option_engine(state, "");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int command_lane_try(struct settings *settings, int argc, char **argv)
{
    struct try_options options = { .engine_options.now_ms = moment_now_ms() };
    struct command_input input = { settings, &options };
    struct try_room room = { 0 };
    int code = CLIENT_FAILED;

    command_parse(try_argp_options, try_parse, "ENGINE [FILE]",
                  "Says what a lane would understand of a message that a camera engine sends.\vThe message is FILE or standard input.  The answer is JSON, with the "
                  "plates; nothing is asked of a gate.",
                  &input, argc, argv);
    room.body = platesieve_secret_allocate(LIMIT_ENGINE_MESSAGE_BYTES + 1);
    room.reads = platesieve_secret_allocate(sizeof(*room.reads));
    if (room.body == NULL || room.reads == NULL || platesieve_failed(platesieve_arena_create(ENGINE_ARENA_BYTES, &room.arena)))
        say("there is no memory that can be locked for plates");
    else code = try_file(&options, &room);
    platesieve_arena_destroy(room.arena);
    platesieve_secret_free(room.reads);
    platesieve_secret_free(room.body);
    return code;
}
