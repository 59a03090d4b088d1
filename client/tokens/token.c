/* platesieve token: the tokens of one plate, as a lane or a list computes them. */
#include "client/client.h"

#include <platesieve/platesieve.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

enum { OPTION_EPOCH_KEY = 0x200, OPTION_GRADE, OPTION_SIDE, OPTION_CODES };

#define HEX_SIZE (2 * PLATESIEVE_TOKEN_BYTES + 1)

struct token_options {
    const char *key_file; /* borrowed from argv, like all texts here */
    bool grade_given;
    enum platesieve_grade grade;
    enum platesieve_side side;
    enum platesieve_codes codes;
    char *plate;
    const char *jurisdiction;
};

/* All that is secret, in locked memory. */
struct workplace {
    uint8_t key[PLATESIEVE_KEY_BYTES + 1]; /* one more, to see that a file is longer */
    char raw[PLATESIEVE_PLATE_RAW_MAX + 1];
    struct platesieve_plate plate;
    struct platesieve_message messages[PLATESIEVE_NEAR_MAX];
    struct platesieve_token tokens[PLATESIEVE_NEAR_MAX];
    size_t count;
};

static const struct argp_option token_options[] = {
    { "epoch-key", OPTION_EPOCH_KEY, "FILE", 0, "The epoch's key: 32 raw bytes", 0 },
    { "grade", OPTION_GRADE, "GRADE", 0, "full, plate, similar or near", 0 },
    { "side", OPTION_SIDE, "SIDE", 0, "Whose near set: lane (the default) or list", 0 },
    { "codes", OPTION_CODES, "SET", 0, "The code set of JURISDICTION: iso (the default), ncic, aamva or usps", 0 },
    { 0 },
};

static void take_argument(struct token_options *options, char *argument, struct argp_state *state)
{
    if (options->plate == NULL)
        options->plate = argument;
    else if (options->jurisdiction == NULL)
        options->jurisdiction = argument;
    else
        argp_error(state, "there is more than PLATE and JURISDICTION");
}

static void check_complete(const struct token_options *options, struct argp_state *state)
{
    if (options->jurisdiction == NULL)
        argp_error(state, "PLATE and JURISDICTION are needed; an unknown jurisdiction is \"\"");
    if (options->key_file == NULL)
        argp_error(state, "--epoch-key is needed");
    if (!options->grade_given)
        argp_error(state, "--grade is needed");
}

static error_t token_parse(int key, char *argument, struct argp_state *state)
{
    struct token_options *options = state->input;

    switch (key) {
    case OPTION_EPOCH_KEY:
        options->key_file = argument;
        return 0;
    case OPTION_GRADE:
        if (!platesieve_grade_parse(argument, &options->grade))
            argp_error(state, "GRADE is full, plate, similar or near");
        options->grade_given = true;
        return 0;
    case OPTION_SIDE:
        if (strcmp(argument, "lane") != 0 && strcmp(argument, "list") != 0)
            argp_error(state, "SIDE is lane or list");
        options->side = strcmp(argument, "lane") == 0 ? PLATESIEVE_SIDE_LANE : PLATESIEVE_SIDE_LIST;
        return 0;
    case OPTION_CODES:
        if (!platesieve_codes_parse(argument, &options->codes))
            argp_error(state, "SET is iso, ncic, aamva or usps");
        return 0;
    case ARGP_KEY_ARG:
        take_argument(options, argument, state);
        return 0;
    case ARGP_KEY_END:
        check_complete(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Reads at most SIZE bytes into memory of the caller's choice, without a buffer in between; -1 with errno set. */
static ssize_t read_all(int file, void *memory, size_t size)
{
    size_t used = 0;
    ssize_t got;

    while (used < size && (got = read(file, (char *)memory + used, size - used)) != 0) {
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            used += (size_t)got;
    }
    return (ssize_t)used;
}

static bool read_key(const char *path, uint8_t key[PLATESIEVE_KEY_BYTES + 1])
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t size = file < 0 ? -1 : read_all(file, key, PLATESIEVE_KEY_BYTES + 1);

    if (size < 0)
        say("%s: %s", path, strerror(errno));
    else if (size != PLATESIEVE_KEY_BYTES)
        say("%s: an epoch key is exactly %d raw bytes", path, PLATESIEVE_KEY_BYTES);
    if (file >= 0)
        close(file);
    return size == PLATESIEVE_KEY_BYTES;
}

/* From argv, which is wiped so that the list of processes no longer shows it, or from standard input. */
static struct platesieve_result take_plate(char *argument, struct workplace *place)
{
    size_t size = strlen(argument);
    struct platesieve_result result;

    if (strcmp(argument, "-") == 0) {
        ssize_t got = read_all(STDIN_FILENO, place->raw, sizeof place->raw);

        return platesieve_plate_canonicalise(place->raw, got > 0 ? (size_t)got : 0, &place->plate);
    }
    result = platesieve_plate_canonicalise(argument, size, &place->plate);
    platesieve_wipe(argument, size);
    return result;
}

static struct platesieve_result compute(const struct token_options *options, struct workplace *place)
{
    struct platesieve_jurisdiction jurisdiction;
    struct platesieve_prf *prf = NULL;
    struct platesieve_result result, mapped;

    mapped = platesieve_jurisdiction_map(options->codes, options->jurisdiction, strlen(options->jurisdiction), &jurisdiction);
    result = take_plate(options->plate, place);
    if (!platesieve_failed(result))
        result = platesieve_messages(&place->plate, &jurisdiction, options->grade, options->side, place->messages, &place->count);
    if (platesieve_failed(result))
        return result;
    if (platesieve_failed(mapped))
        say("the code set lacks this jurisdiction; it counts as unknown");
    result = platesieve_prf_create(PLATESIEVE_HMAC_SHA256, place->key, &prf);
    if (!platesieve_failed(result))
        result = platesieve_prf_evaluate(prf, place->messages, place->count, place->tokens);
    platesieve_prf_destroy(prf);
    return result;
}

static int compare_tokens(const void *left, const void *right)
{
    const struct platesieve_token *a = left, *b = right;

    return memcmp(a->token, b->token, sizeof a->token);
}

static bool print_tokens(const struct workplace *place, enum platesieve_grade grade, bool json)
{
    json_t *tokens = json ? json_array() : NULL;
    char hex[HEX_SIZE];
    bool printed = true;

    for (size_t i = 0; i < place->count; i++) {
        sodium_bin2hex(hex, sizeof hex, place->tokens[i].token, PLATESIEVE_TOKEN_BYTES);
        if (json)
            json_array_append_new(tokens, json_string(hex));
        else
            printed = puts(hex) != EOF && printed;
    }
    return json ? print_json(json_pack("{s:s, s:o}", "grade", platesieve_grade_name(grade), "tokens", tokens)) : printed;
}

static int run(const struct token_options *options, struct workplace *place, bool json)
{
    struct platesieve_result result;

    if (!read_key(options->key_file, place->key))
        return CLIENT_FAILED;
    result = compute(options, place);
    switch (result.reason) {
    case PLATESIEVE_OK:
        qsort(place->tokens, place->count, sizeof place->tokens[0], compare_tokens);
        return print_tokens(place, options->grade, json) ? CLIENT_OK : CLIENT_FAILED;
    case PLATESIEVE_NOT_A_PLATE:
    case PLATESIEVE_TOO_SHORT_FOR_NEAR:
    case PLATESIEVE_UNKNOWN_JURISDICTION:
        say("%s", platesieve_reason_text(result.reason));
        return CLIENT_REMARKS;
    default:
        say("%s", platesieve_reason_text(result.reason));
        return CLIENT_FAILED;
    }
}

int command_token(struct settings *settings, int argc, char **argv)
{
    struct token_options options = { .side = PLATESIEVE_SIDE_LANE, .codes = PLATESIEVE_CODES_ISO };
    struct command_input input = { settings, &options };
    struct platesieve_result result = platesieve_init();
    struct workplace *place;
    int code;

    command_parse(token_options, token_parse, "PLATE JURISDICTION",
                  "Prints the tokens of a plate under a key, in hexadecimal: one, or for grade near a sorted set, one a line.\v"
                  "PLATE - reads the plate from standard input, which keeps it out of the shell's history.  JURISDICTION \"\" is unknown.  "
                  "Exit code 3: it is no plate, or one that has no such grade.",
                  &input, argc, argv);
    place = platesieve_failed(result) ? NULL : platesieve_secret_allocate(sizeof *place);
    if (place == NULL) {
        say("%s", platesieve_reason_text(platesieve_failed(result) ? result.reason : PLATESIEVE_NO_MEMORY));
        return CLIENT_FAILED;
    }
    code = run(&options, place, settings->json);
    platesieve_secret_free(place);
    return code;
}
