/* platesieve enrol: a device's first certificate by a one-time code, and the following ones by its key. */
#include "client/enrol/enrol.h"

#include <errno.h>
#include <platesieve/platesieve.h>
#include <signal.h>
#include <unistd.h>

#include "client/ca/ca.h"
#include "client/enrol/code.h"
#include "client/file.h"
#include "client/identity/certificate.h"
#include "client/moment.h"

#define WAIT_MINUTES 15u
#define CODE_ROOM 256 /* what may be typed */
#define CODE_TRIES 3

enum { OPTION_RENEW = 0x200, OPTION_WAIT, OPTION_AGAIN, OPTION_NOW };

struct enrol_options {
    bool renew, again, now, named;
    unsigned wait_s;
    struct name name;
};

static const struct argp_option enrol_options[] = {
    { "renew", OPTION_RENEW, NULL, 0, "Ask for the next certificate when this one is in its last third (for timers)", 0 },
    { "now", OPTION_NOW, NULL, 0, "With --renew: also when it is not", 0 },
    { "again", OPTION_AGAIN, NULL, 0, "Ask for a code even if a request is under way or there is a certificate", 0 },
    { "wait", OPTION_WAIT, "MINUTES", 0, "How long to wait for the authority (15)", 0 },
    { 0 },
};

static error_t enrol_parse(int key, char *argument, struct argp_state *state)
{
    struct enrol_options *options = state->input;

    switch (key) {
    case OPTION_RENEW: options->renew = true; return 0;
    case OPTION_NOW: options->now = true; return 0;
    case OPTION_AGAIN: options->again = true; return 0;
    case OPTION_WAIT: options->wait_s = 60 * (unsigned)option_number(state, "--wait", argument, 0, 1440); return 0;
    case ARGP_KEY_ARG:
        if (options->named || !name_parse(argument, &options->name)) argp_error(state, "one name, such as reader/north/7");
        options->named = true;
        return 0;
    case ARGP_KEY_END:
        if (!options->named) argp_error(state, "enrol as which name?");
        if (!options->renew && strcmp(options->name.role, "node") == 0)
            argp_error(state, "a node's certificate names its hosts: use `platesieve ca issue`");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* -- stopping ------------------------------------------------------------------------------------------------------ */

/* What is on the disk is whole at any time. */
static void leave(int signal)
{
    static const char text[] = "\nplatesieve: stopped; the same command goes on from here\n";

    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) _exit(1);
    _exit(128 + signal);
}

static void leave_on_signals(void)
{
    const struct sigaction action = { .sa_handler = leave };

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

static bool nap(void *context, unsigned ms)
{
    const struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };

    (void)context;
    nanosleep(&time, NULL);
    return true;
}

/* -- the code ------------------------------------------------------------------------------------------------------ */

/* One line from standard input, byte by byte: what comes after it is somebody else's, and nothing stays in a buffer. */
static ssize_t read_line(char *text, size_t room)
{
    size_t used = 0;
    char c;

    for (;;) {
        const ssize_t got = read(STDIN_FILENO, &c, 1);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0 || (got == 0 && used == 0)) return -1;
        if (got == 0 || c == '\n') return (ssize_t)used;
        if (c == '\r') continue;
        if (used == room) return -1;
        text[used++] = c;
    }
}

/* The code works once and is on paper beside the device: it is shown as it is typed.  False is said. */
static bool ask_code(const struct name *name, char *text, uint8_t code[PLATESIEVE_CODE_BYTES])
{
    const bool terminal = isatty(STDIN_FILENO) == 1;

    for (unsigned tries = 0; tries < (terminal ? CODE_TRIES : 1); tries++) {
        ssize_t size;
        bool parsed;

        if (terminal) fprintf(stderr, "Code for %s: ", name->text);
        size = read_line(text, CODE_ROOM);
        parsed = size >= 0 && enrol_code_parse(text, (size_t)size, code);
        platesieve_wipe(text, CODE_ROOM);
        if (parsed) return true;
        if (size < 0) break;
        say("that is no code: a character is wrong or missing (7 groups of 4)");
    }
    say("no code, no request; `platesieve ca code %s` makes one on the authority's machine", name->text);
    return false;
}

/* -- the device ---------------------------------------------------------------------------------------------------- */

struct device {
    const struct settings *settings;
    const struct enrol_options *options;
    struct identity identity; /* without a certificate */
    struct enrol_files files;
};

static int make_request(const struct device *device, EVP_PKEY *key, struct enrol_request *request)
{
    char *place = platesieve_secret_allocate(CODE_ROOM + PLATESIEVE_CODE_BYTES);
    uint8_t *code = (uint8_t *)place + CODE_ROOM;
    bool made = false;

    *request = (struct enrol_request) { 0 };
    if (place == NULL) say("there is no memory that can be locked for the code");
    else if (ask_code(&device->options->name, place, code)) {
        request->csr_size = csr_make(key, device->identity.trust_domain, &device->options->name, request->csr);
        if (request->csr_size > 0) {
            enrol_code_mac(code, request->csr, request->csr_size, request->mac);
            made = enrol_request_write(&device->files, request);
        }
    }
    platesieve_secret_free(place);
    return made ? CLIENT_OK : CLIENT_FAILED;
}

/* Other commands look for the authority's certificate in the folder. */
static bool keep_authority(const struct device *device)
{
    char path[PATH_MAX];
    X509 *authority;
    bool kept;

    if (!path_make(path, sizeof(path), "%s/ca/ca.pem", device->settings->pki)) return false;
    authority = certificate_read(device->identity.ca);
    if (access(path, F_OK) != 0) {
        kept = authority != NULL && folder_make_for(path, 0755) && ca_write_certificate(path, authority);
    } else {
        X509 *there = certificate_read(path);

        kept = true;
        if (authority != NULL && (there == NULL || X509_cmp(there, authority) != 0))
            say("%s is not the certificate of this authority: put %s in its place, or give --ca to other commands too", path,
                device->identity.ca);
        X509_free(there);
    }
    X509_free(authority);
    return kept;
}

static int take(const struct device *device, const EVP_PKEY *key, const uint8_t *der, size_t size)
{
    X509 *certificate = certificate_parse(der, size);
    const char *wrong =
        enrol_judge(certificate, device->identity.ca, device->identity.trust_domain, &device->options->name, key);
    bool kept = false;

    if (wrong == NULL) {
        enrol_check_clock(certificate);
        kept = ca_write_certificate(device->files.new_certificate, certificate) && enrol_files_swap(&device->files) &&
               keep_authority(device);
    }
    X509_free(certificate);
    if (wrong == NULL) return kept ? CLIENT_OK : CLIENT_FAILED;
    say("ALARM: a gate sent a certificate that is not ours: %s", wrong);
    return CLIENT_ALARM;
}

static int ask(const struct device *device, EVP_PKEY *key)
{
    uint8_t der[LIMIT_CERTIFICATE_BYTES];
    struct enrol_request request;
    struct enrol_ask ask = { .request = &request,
                             .until_ms = moment_monotonic_ms() + (int64_t)device->options->wait_s * 1000,
                             .pause = nap };
    size_t size = 0;
    int code = CLIENT_OK;

    if (device->options->again || !enrol_request_read(&device->files, key, false, &request))
        code = make_request(device, key, &request);
    else say("going on with the request that is under way");
    if (code == CLIENT_OK) code = http_open(device->settings, HTTP_GATE, &device->identity, &ask.http);
    if (code == CLIENT_OK) {
        ask.until_ms = moment_monotonic_ms() + (int64_t)device->options->wait_s * 1000; /* typing took its time */
        code = enrol_ask(&ask, der, &size);
    }
    http_close(ask.http);
    if (code == CLIENT_OK) code = take(device, key, der, size);
    if (code == CLIENT_REFUSED) enrol_request_forget(&device->files);
    if (code == CLIENT_REMARKS) say("nobody has signed yet; the same command goes on waiting");
    return code == CLIENT_REMARKS ? CLIENT_FAILED : code;
}

/* -- telling ------------------------------------------------------------------------------------------------------- */

static int report(const struct settings *settings, const struct name *name, const char *certificate_path, const char *key_path,
                  const char *what)
{
    X509 *certificate = certificate_read(certificate_path);
    int64_t begins_ms, ends_ms = 0;
    char end[MOMENT_TEXT];
    const bool read = certificate != NULL && certificate_times(certificate, &begins_ms, &ends_ms);

    X509_free(certificate);
    if (!read) return CLIENT_FAILED;
    moment_print(ends_ms, end);
    if (settings->json)
        return print_json(json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name->text, "answer", what, "not_after", end,
                                    "certificate", certificate_path, "key", key_path))
                   ? CLIENT_OK
                   : CLIENT_FAILED;
    printf("%s %s until %.16sZ: %s\n", what, name->text, end, certificate_path);
    return CLIENT_OK;
}

/* -- the first certificate ----------------------------------------------------------------------------------------- */

static bool has_good_pair(const struct device *device)
{
    X509 *certificate = certificate_read(device->files.certificate);
    EVP_PKEY *key = key_read(device->files.key);
    int64_t begins_ms, ends_ms;
    const bool good = enrol_judge(certificate, device->identity.ca, device->identity.trust_domain, &device->options->name,
                                  key) == NULL &&
                      certificate_times(certificate, &begins_ms, &ends_ms) && ends_ms > moment_now_ms();

    X509_free(certificate);
    EVP_PKEY_free(key);
    return good;
}

/* reader/a.b/c and reader/a/b.c have the same files.  True is said. */
static bool files_are_anothers(const struct device *device)
{
    X509 *certificate = certificate_read(device->files.certificate);
    char trust_domain[LIMIT_TRUST_DOMAIN_MAX + 1];
    struct name name;
    const bool others = certificate != NULL && certificate_name(certificate, trust_domain, &name) &&
                        strcmp(name.text, device->options->name.text) != 0;

    X509_free(certificate);
    if (others) say("%s is the certificate of %s: nothing was changed", device->files.certificate, name.text);
    return others;
}

static int enrol_locked(struct device *device)
{
    EVP_PKEY *key;
    int code = CLIENT_FAILED;

    if (!enrol_files_settle(&device->files) || files_are_anothers(device)) return CLIENT_FAILED;
    if (!device->options->again && has_good_pair(device)) {
        say("there is a certificate already; `platesieve enrol --renew` renews it, --again asks for another with a code");
        return report(device->settings, &device->options->name, device->files.certificate, device->files.key, "has enrolled");
    }
    key = enrol_files_new_key(&device->files);
    if (key != NULL) code = ask(device, key);
    EVP_PKEY_free(key);
    if (code != CLIENT_OK) return code;
    code = report(device->settings, &device->options->name, device->files.certificate, device->files.key, "enrolled");
    say("each gate and key server now has to know the name, from its own operator: platesieve registry add %s",
        device->options->name.text);
    return code;
}

static bool prepare(struct device *device)
{
    struct identity *identity = &device->identity;
    X509 *authority;
    bool read;

    identity->name = device->options->name;
    if (device->settings->pki == NULL) {
        say("where shall key and certificate be? Set PLATESIEVE_PKI or give --pki DIR.");
        return false;
    }
    if (!path_make(identity->ca, sizeof(identity->ca), device->settings->ca != NULL ? "%s" : "%s/ca/ca.pem",
                   device->settings->ca != NULL ? device->settings->ca : device->settings->pki))
        return false;
    authority = certificate_read(identity->ca);
    read = authority != NULL && authority_trust_domain(authority, identity->trust_domain);
    X509_free(authority);
    if (!read) say("%s is not the certificate of an authority; it comes to the device together with the code", identity->ca);
    return read;
}

static int enrol(const struct settings *settings, const struct enrol_options *options)
{
    struct device device = { .settings = settings, .options = options };
    bool busy = false;
    int code = CLIENT_FAILED;

    if (!prepare(&device)) return CLIENT_USAGE;
    if (!enrol_files_open(settings->pki, &options->name, &device.files)) return CLIENT_FAILED;
    if (enrol_files_lock(&device.files, &busy)) code = enrol_locked(&device);
    else if (busy) say("another program is asking for a certificate of %s", options->name.text);
    enrol_files_close(&device.files);
    return code;
}

/* -- the next one -------------------------------------------------------------------------------------------------- */

static int renew_it(struct settings *settings, const struct enrol_options *options)
{
    struct identity identity;
    const struct renewal renewal = { .settings = settings,
                                     .identity = &identity,
                                     .pause = nap,
                                     .wait_s = options->wait_s,
                                     .now = options->now };
    bool renewed = false;
    int code;

    settings->as = options->name.text;
    code = identity_find(settings, options->name.role, &identity);
    if (code == CLIENT_OK) code = renew(&renewal, &renewed);
    if (code == CLIENT_REMARKS) say("nobody has signed yet; the same command goes on waiting");
    if (code != CLIENT_OK) return code == CLIENT_REMARKS ? CLIENT_FAILED : code;
    return report(settings, &options->name, identity.certificate, identity.key, renewed ? "renewed" : "good");
}

int command_enrol(struct settings *settings, int argc, char **argv)
{
    struct enrol_options options = { .wait_s = 60 * WAIT_MINUTES };
    struct command_input input = { settings, &options };

    command_parse(enrol_options, enrol_parse, "NAME",
                  "Makes a key for NAME, such as reader/north/7, and asks for its first certificate with the one-time code "
                  "that `platesieve ca code` printed; the code is asked for on the terminal, or read from standard "
                  "input.\vThe key never leaves this machine.  After a break the same command goes on.  `platesieve lane` "
                  "renews its certificate by itself; for others there is --renew.",
                  &input, argc, argv);
    leave_on_signals();
    return options.renew ? renew_it(settings, &options) : enrol(settings, &options);
}
