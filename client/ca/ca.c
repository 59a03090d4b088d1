#include "client/ca/ca.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/file.h"
#include "client/moment.h"

#define TRUST_DOMAIN_DEFAULT "platesieve.internal"

/* -- init ---------------------------------------------------------------------------------------------------------- */

struct init_options {
    const char *trust_domain;
    unsigned days;
};

static const struct argp_option init_options[] = {
    { "trust-domain", 'd', "NAME", 0, "Host part of all names (" TRUST_DOMAIN_DEFAULT ")", 0 },
    { "days", 'n', "DAYS", 0, "How long the authority lasts (3650)", 0 },
    { 0 },
};

static error_t init_parse(int key, char *argument, struct argp_state *state)
{
    struct init_options *options = state->input;

    switch (key) {
    case 'd':
        if (!trust_domain_valid(argument)) argp_error(state, "a trust domain is made of a-z, 0-9, - and .");
        options->trust_domain = argument;
        return 0;
    case 'n': options->days = (unsigned)option_number(state, "--days", argument, 1, CA_DAYS_MAX); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* An authority is made once: its key is what everybody's trust hangs on, so nothing replaces it. */
static bool init_folder(const struct settings *settings, const struct init_options *options, struct ca *ca)
{
    char path[PATH_MAX];

    if (!path_make(ca->folder, sizeof(ca->folder), "%s/ca", settings->pki)) return false;
    if (!folder_make(settings->pki, 0755) || !folder_make(ca->folder, 0755)) return false;
    if (!path_make(path, sizeof(path), "%s/lock", ca->folder)) return false;
    ca->lock = file_lock(path);
    if (ca->lock < 0 || !path_make(path, sizeof(path), "%s/ca.key", ca->folder)) return false;
    if (access(path, F_OK) == 0) {
        say("there is an authority in %s already; it stays as it is", ca->folder);
        return false;
    }
    ca->key = ca_new_key();
    if (ca->key == NULL) return false;
    ca->certificate = ca_sign_self(ca->key, options->trust_domain, options->days);
    if (ca->certificate == NULL || !ca_save_index(ca) || !ca_save_crl(ca, CA_DAYS_CRL)) return false;
    if (!ca_write_key(path, ca->key, false)) return false;
    return path_make(path, sizeof(path), "%s/ca.pem", ca->folder) && ca_write_certificate(path, ca->certificate);
}

int command_ca_init(struct settings *settings, int argc, char **argv)
{
    struct init_options options = { .trust_domain = TRUST_DOMAIN_DEFAULT, .days = CA_DAYS_ROOT };
    struct command_input input = { settings, &options };
    struct ca ca = { .lock = -1 };
    bool made;

    command_parse(init_options, init_parse, NULL,
                  "Makes a certificate authority in PKI/ca: ca.key, ca.pem, crl.pem and index.  Keep the folder on a "
                  "machine of its own and "
                  "hand out ca.pem and crl.pem only.",
                  &input, argc, argv);
    if (settings->pki == NULL) {
        say("where shall the authority be? Set PLATESIEVE_PKI or give --pki DIR.");
        return CLIENT_USAGE;
    }
    made = init_folder(settings, &options, &ca);
    if (made && settings->json)
        made = print_json(json_pack("{s:s, s:s, s:s+}", "trust_domain", options.trust_domain, "folder", ca.folder,
                                    "certificate", ca.folder, "/ca.pem"));
    else if (made) printf("made the authority of %s in %s\n", options.trust_domain, ca.folder);
    ca_close(&ca);
    return made ? CLIENT_OK : CLIENT_FAILED;
}

/* -- list ---------------------------------------------------------------------------------------------------------- */

static const char *row_state(const struct ca_row *row)
{
    if (row->revoked_ms != 0) return "revoked";
    return row->not_after_ms <= moment_now_ms() ? "expired" : "good";
}

static bool list_row(const struct ca_row *row, bool json)
{
    char end[MOMENT_TEXT], revoked[MOMENT_TEXT] = "";

    moment_print(row->not_after_ms, end);
    if (row->revoked_ms != 0) moment_print(row->revoked_ms, revoked);
    if (json)
        return print_json(json_pack("{s:s, s:s, s:s, s:s, s:s*}", "name", row->name, "serial", row->serial, "state",
                                    row_state(row), "not_after", end, "revoked",
                                    row->revoked_ms == 0 ? NULL : revoked));
    return printf("%-32s  %s  until %.10s  %s %s\n", row->name, row->serial, end, row_state(row), revoked) >= 0;
}

int command_ca_list(struct settings *settings, int argc, char **argv)
{
    struct command_input input = { settings, NULL };
    struct ca ca;
    bool listed;

    command_parse(NULL, NULL, NULL, "Lists the certificates that the authority issued, oldest first.", &input, argc,
                  argv);
    listed = ca_open(settings, &ca);
    for (size_t i = 0; listed && i < ca.row_count; i++) listed = list_row(&ca.rows[i], settings->json);
    ca_close(&ca);
    return listed ? CLIENT_OK : CLIENT_FAILED;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static const struct command ca_commands[] = {
    { "init", "make an authority", command_ca_init },
    { "issue", "issue certificates and keys for names", command_ca_issue },
    { "code", "make a one-time code for a device that asks for its first certificate", command_ca_code },
    { "approve", "answer the requests for certificates that wait at the gates", command_ca_approve },
    { "serve", "go on answering those of readers", command_ca_serve },
    { "revoke", "take certificates back", command_ca_revoke },
    { "crl", "sign the revocation list again, before it ends", command_ca_crl },
    { "list", "list what was issued", command_ca_list },
    { NULL, NULL, NULL },
};

int command_ca(struct settings *settings, int argc, char **argv)
{
    return command_dispatch(ca_commands,
                            "The certificate authority: who may speak to gates and key servers, and under which name.",
                            settings, argc, argv);
}
