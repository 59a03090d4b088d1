/* platesieve ca code: a one-time code with which a device asks for its first certificate. */
#include "client/ca/codes.h"
#include "client/enrol/code.h"
#include "client/moment.h"

#include <platesieve/platesieve.h>

#define MINUTES_DEFAULT 15u

struct code_options {
    unsigned minutes;
    bool named;
    struct name name;
};

static const struct argp_option code_options[] = {
    { "minutes", 'm', "N", 0, "For how long it works, by this machine's clock (15)", 0 },
    { 0 },
};

static error_t code_parse(int key, char *argument, struct argp_state *state)
{
    struct code_options *options = state->input;

    switch (key) {
    case 'm': options->minutes = (unsigned)option_number(state, "--minutes", argument, 1, LIMIT_CODE_MINUTES); return 0;
    case ARGP_KEY_ARG:
        if (options->named || !name_parse(argument, &options->name)) argp_error(state, "one name, such as reader/north/7");
        if (strcmp(options->name.role, "node") == 0)
            argp_error(state, "a node's certificate names its hosts: use `platesieve ca issue`");
        options->named = true;
        return 0;
    case ARGP_KEY_END:
        if (!options->named) argp_error(state, "a code for which name?");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* A device that comes back, or one that takes another's place? */
static void warn_of_others(const struct ca *ca, const char *name)
{
    const int64_t now_ms = moment_now_ms();
    size_t good = 0;

    for (size_t i = 0; i < ca->row_count; i++)
        if (strcmp(ca->rows[i].name, name) == 0 && ca->rows[i].revoked_ms == 0 && ca->rows[i].not_after_ms > now_ms) good++;
    if (good > 0)
        say("%s has %zu good certificate%s already; if the device that holds %s is gone, `platesieve ca revoke %s` first",
            name, good, good == 1 ? "" : "s", good == 1 ? "it" : "them", name);
}

static bool print_code(const struct ca_code *code, bool json)
{
    char text[ENROL_CODE_PRINTED + 1], end[MOMENT_TEXT];
    bool printed;

    enrol_code_print(code->code, text);
    moment_print(code->expires_ms, end);
    printed = json ? print_json(json_pack("{s:s, s:s, s:s}", "name", code->name, "code", text, "expires", end))
                   : printf("%s\n", text) >= 0;
    platesieve_wipe(text, sizeof(text));
    if (!json) say("the code of %s works once, until %.16sZ", code->name, end);
    return printed;
}

static bool make_code(const struct ca *ca, const struct code_options *options, bool json)
{
    struct ca_codes codes CLEANUP(ca_codes_wipe) = { 0 };
    struct ca_code *code;
    bool replaced;

    if (!ca_codes_read(ca, &codes)) return false;
    code = ca_codes_add(&codes, options->name.text, options->minutes, &replaced);
    if (code == NULL || !ca_codes_save(ca, &codes)) return false;
    if (replaced) say("the code that was open for %s does not work any more", code->name);
    warn_of_others(ca, code->name);
    return print_code(code, json);
}

int command_ca_code(struct settings *settings, int argc, char **argv)
{
    struct code_options options = { .minutes = MINUTES_DEFAULT };
    struct command_input input = { settings, &options };
    struct ca ca;
    bool made;

    command_parse(code_options, code_parse, "NAME",
                  "Makes a one-time code with which the device of this NAME, such as reader/north/7, asks for its first "
                  "certificate, and prints it on standard output.  Carry it to the device by hand: whoever has it is "
                  "the device.\vOnly one code of a name works at a time.  `platesieve ca approve` or `platesieve ca "
                  "serve` then signs what the device asks for with `platesieve enrol`.",
                  &input, argc, argv);
    made = ca_open(settings, &ca) && make_code(&ca, &options, settings->json);
    ca_close(&ca);
    return made ? CLIENT_OK : CLIENT_FAILED;
}
