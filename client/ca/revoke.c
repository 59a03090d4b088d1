/* platesieve ca revoke and ca crl: taking certificates back. */
#include <errno.h>

#include "client/ca/ca.h"
#include "client/moment.h"

#define TARGETS_MAX 256

struct revoke_options {
    unsigned days;
    size_t count;
    struct {
        const char *text;
        bool serial;
    } targets[TARGETS_MAX];
};

static const struct argp_option revoke_options[] = {
    { "serial", 's', "SERIAL", 0, "Take back the one certificate with this serial number (hexadecimal)", 0 },
    { "days", 'n', "DAYS", 0, "How long the new revocation list is good (30)", 0 },
    { 0 },
};

static error_t revoke_parse(int key, char *argument, struct argp_state *state)
{
    struct revoke_options *options = state->input;
    struct name name;

    switch (key) {
    case 'n': options->days = (unsigned)option_number(state, "--days", argument, 1, CA_DAYS_MAX); return 0;
    case 's':
    case ARGP_KEY_ARG:
        if (options->count == TARGETS_MAX) argp_error(state, "at most %d at a time", TARGETS_MAX);
        if (key == ARGP_KEY_ARG && !name_parse(argument, &name)) argp_error(state, "a name looks like reader/north/1");
        options->targets[options->count].serial = key == 's';
        options->targets[options->count++].text = argument;
        return 0;
    case ARGP_KEY_END:
        if (options->count == 0) argp_error(state, "revoke which name, or which --serial?");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Marks what TARGET names; how many certificates newly, and in *known how many at all. */
static size_t mark(struct ca *ca, const char *target, bool serial, size_t *known)
{
    size_t marked = 0;

    *known = 0;
    for (size_t i = 0; i < ca->row_count; i++) {
        struct ca_row *row = &ca->rows[i];

        if (serial ? strcasecmp(row->serial, target) != 0 : strcmp(row->name, target) != 0) continue;
        ++*known;
        if (row->revoked_ms != 0) continue;
        row->revoked_ms = moment_now_ms();
        marked++;
    }
    return marked;
}

static bool revoke(struct ca *ca, const struct revoke_options *options, size_t *marked)
{
    *marked = 0;
    for (size_t i = 0; i < options->count; i++) {
        size_t known;

        *marked += mark(ca, options->targets[i].text, options->targets[i].serial, &known);
        if (known > 0) continue;
        say("the authority issued no certificate for %s; nothing was revoked", options->targets[i].text);
        return false;
    }
    return ca_save_index(ca) && ca_save_crl(ca, options->days);
}

int command_ca_revoke(struct settings *settings, int argc, char **argv)
{
    struct revoke_options options = { .days = CA_DAYS_CRL };
    struct command_input input = { settings, &options };
    struct ca ca;
    size_t marked = 0;
    bool revoked;

    command_parse(revoke_options, revoke_parse, "[NAME...]",
                  "Takes back all certificates of each NAME, and signs a new revocation list, PKI/ca/crl.pem.  Daemons "
                  "follow that file within a "
                  "second; carry it to their machines.",
                  &input, argc, argv);
    revoked = ca_open(settings, &ca) && revoke(&ca, &options, &marked);
    if (revoked && settings->json)
        revoked = print_json(json_pack("{s:I, s:s+}", "revoked", (json_int_t)marked, "crl", ca.folder, "/crl.pem"));
    else if (revoked)
        printf("revoked %zu certificate%s; the new list is %s/crl.pem\n", marked, marked == 1 ? "" : "s", ca.folder);
    ca_close(&ca);
    return revoked ? CLIENT_OK : CLIENT_FAILED;
}

/* -- crl ----------------------------------------------------------------------------------------------------------- */

static const struct argp_option crl_options[] = {
    { "days", 'n', "DAYS", 0, "How long the new revocation list is good (30)", 0 },
    { 0 },
};

static error_t crl_parse(int key, char *argument, struct argp_state *state)
{
    unsigned *days = state->input;

    if (key != 'n') return ARGP_ERR_UNKNOWN;
    *days = (unsigned)option_number(state, "--days", argument, 1, CA_DAYS_MAX);
    return 0;
}

int command_ca_crl(struct settings *settings, int argc, char **argv)
{
    unsigned days = CA_DAYS_CRL;
    struct command_input input = { settings, &days };
    struct ca ca;
    bool saved;

    command_parse(crl_options, crl_parse, NULL,
                  "Signs the revocation list again, for another while.  Daemons keep the last list that was good; one that has ended is never taken up.", &input, argc, argv);
    saved = ca_open(settings, &ca) && ca_save_crl(&ca, days);
    if (saved && settings->json)
        saved = print_json(json_pack("{s:s+, s:i}", "crl", ca.folder, "/crl.pem", "days", (int)days));
    else if (saved) printf("signed %s/crl.pem, good for %u days\n", ca.folder, days);
    ca_close(&ca);
    return saved ? CLIENT_OK : CLIENT_FAILED;
}
