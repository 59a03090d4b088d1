/* platesieve ca issue: one certificate and key for each name. */
#include <errno.h>
#include <openssl/err.h>
#include <unistd.h>

#include "client/ca/ca.h"
#include "client/file.h"
#include "client/moment.h"

#define HOSTS_MAX 32
#define NAMES_MAX 256

struct issue_options {
    unsigned days;
    bool force;
    size_t dns_count, ip_count, name_count;
    const char *dns[HOSTS_MAX + 1];
    const char *ip[HOSTS_MAX + 1];
    struct name names[NAMES_MAX];
};

static const struct argp_option issue_options[] = {
    { "days", 'n', "DAYS", 0, "How long the certificate lasts (365)", 0 },
    { "dns", 'd', "HOST", 0, "Another host name of a node, beside localhost; may be given again", 0 },
    { "ip", 'i', "ADDRESS", 0, "Another address of a node, beside 127.0.0.1 and ::1; may be given again", 0 },
    { "force", 'f', NULL, 0, "Replace a key that exists (the old certificate stays good until it is revoked)", 0 },
    { 0 },
};

static bool host_valid(const char *host)
{
    const size_t length = strlen(host);

    return length >= 1 && length <= 253 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == length;
}

static void add_name(struct issue_options *options, const char *text, const struct argp_state *state)
{
    if (options->name_count == NAMES_MAX) argp_error(state, "at most %d names at a time", NAMES_MAX);
    if (!name_parse(text, &options->names[options->name_count]))
        argp_error(state, "a name is reader/SITE/LANE, agency/AGENCY/USER, evidence/AGENCY/N, operator/gate/USER, "
                          "operator/keys/USER, "
                          "auditor/USER or node/NAME, in a-z 0-9 - _ .");
    options->name_count++;
}

static error_t issue_parse(int key, char *argument, struct argp_state *state)
{
    struct issue_options *options = state->input;
    ASN1_OCTET_STRING *address;

    switch (key) {
    case 'n': options->days = (unsigned)option_number(state, "--days", argument, 1, CA_DAYS_MAX); return 0;
    case 'f': options->force = true; return 0;
    case 'd':
        if (!host_valid(argument) || options->dns_count == HOSTS_MAX)
            argp_error(state, "--dns takes a host name, at most %d", HOSTS_MAX);
        options->dns[options->dns_count++] = argument;
        return 0;
    case 'i':
        address = a2i_IPADDRESS(argument);
        if (address == NULL || options->ip_count == HOSTS_MAX)
            argp_error(state, "--ip takes an IP address, at most %d", HOSTS_MAX);
        ASN1_OCTET_STRING_free(address);
        ERR_clear_error();
        options->ip[options->ip_count++] = argument;
        return 0;
    case ARGP_KEY_ARG: add_name(options, argument, state); return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "issue a certificate for which name?"); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static bool report(const struct ca_row *row, const char *certificate, const char *key, bool json)
{
    char end[MOMENT_TEXT];

    moment_print(row->not_after_ms, end);
    if (json)
        return print_json(json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", row->name, "serial", row->serial, "not_after",
                                    end, "certificate", certificate, "key", key));
    return printf("issued %s until %.10s: %s\n", row->name, end, certificate) >= 0;
}

/* The index is written before the files: what exists can always be revoked. */
static bool issue(struct ca *ca, const struct settings *settings, const struct issue_options *options,
                  const struct name *name)
{
    const struct ca_request request = { name, (int64_t)options->days * 86400, options->dns, options->ip };
    char file[LIMIT_IDENTITY_MAX + 1], certificate_path[PATH_MAX], key_path[PATH_MAX];
    X509 *certificate = NULL;
    EVP_PKEY *key = NULL;
    struct ca_row row;
    bool issued = false;

    name_file(name, file);
    if (!path_make(certificate_path, sizeof(certificate_path), "%s/%s/%s.pem", ca->pki, name->role, file) ||
        !path_make(key_path, sizeof(key_path), "%s/%s/%s.key", ca->pki, name->role, file) ||
        !folder_make_for(key_path, 0755))
        return false;
    if (!options->force && access(key_path, F_OK) == 0) {
        say("%s exists; --force replaces it", key_path);
        return false;
    }
    key = ca_new_key();
    if (key != NULL) certificate = ca_sign(ca, key, &request, &row);
    if (certificate != NULL)
        issued = ca_add_row(ca, &row) && ca_save_index(ca) && ca_write_key(key_path, key, options->force) &&
                 ca_write_certificate(certificate_path, certificate) &&
                 report(&row, certificate_path, key_path, settings->json);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return issued;
}

int command_ca_issue(struct settings *settings, int argc, char **argv)
{
    struct issue_options options = { .days = CA_DAYS_LEAF };
    struct command_input input = { settings, &options };
    struct ca ca;
    bool issued;

    command_parse(
        issue_options, issue_parse, "NAME...",
        "Issues a certificate and a key for each NAME, such as reader/north/1, into PKI/<role>/north.1.pem and .key.",
        &input, argc, argv);
    issued = ca_open(settings, &ca);
    for (size_t i = 0; issued && i < options.name_count; i++)
        issued = issue(&ca, settings, &options, &options.names[i]);
    ca_close(&ca);
    return issued ? CLIENT_OK : CLIENT_FAILED;
}
