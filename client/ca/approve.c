/* platesieve ca approve and ca serve: answering requests for certificates, once or until asked to stop. */
#include <signal.h>

#include "client/ca/collect.h"
#include "client/moment.h"

#define NAMES_MAX 64
#define EVERY_S 2u
#define TROUBLE_TOLD_MS (10 * 60 * 1000) /* a gate that is away is said so again after this */

enum { OPTION_LIFETIME = 0x200, OPTION_EVERY };

struct approve_options {
    int64_t seconds; /* 0: by role */
    unsigned every_s;
    size_t name_count;
    struct name names[NAMES_MAX];
};

static void set_lifetime(const struct approve_options *options, struct ca_collecting *collecting)
{
    collecting->reader_seconds = options->seconds > 0 ? options->seconds : CA_READER_SECONDS;
    collecting->other_seconds = options->seconds > 0 ? options->seconds : CA_OTHER_SECONDS;
}

/* -- approve ------------------------------------------------------------------------------------------------------- */

static const struct argp_option approve_options[] = {
    { "lifetime", OPTION_LIFETIME, "TIME", 0, "How long certificates last: 30d, 12h, ... (30d for readers, else 365d)", 0 },
    { 0 },
};

static error_t approve_parse(int key, char *argument, struct argp_state *state)
{
    struct approve_options *options = state->input;

    switch (key) {
    case OPTION_LIFETIME: options->seconds = option_lifetime(state, argument); return 0;
    case ARGP_KEY_ARG:
        if (options->name_count == NAMES_MAX || !name_parse(argument, &options->names[options->name_count]))
            argp_error(state, "names such as reader/north/7, at most %d", NAMES_MAX);
        if (strcmp(options->names[options->name_count].role, "node") == 0)
            argp_error(state, "a node's certificate names its hosts: use `platesieve ca issue`");
        options->name_count++;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int approve(struct ca_collecting *collecting)
{
    int code = CLIENT_OK;

    for (size_t i = 0; i < http_server_count(collecting->http); i++) {
        const int here = ca_collect(collecting, i, true);

        if (here != CLIENT_OK) code = here;
        if (here == CLIENT_FAILED) break;
    }
    if (code == CLIENT_OK && collecting->signed_count + collecting->refused_count + collecting->left_count == 0)
        say("nothing waits");
    if (collecting->alarms > 0) return CLIENT_ALARM;
    return code == CLIENT_OK && collecting->refused_count > 0 ? CLIENT_REMARKS : code;
}

int command_ca_approve(struct settings *settings, int argc, char **argv)
{
    struct approve_options options = { 0 };
    struct command_input input = { settings, &options };
    struct ca_collecting collecting = { .tell_all = true };
    struct identity identity;
    int code;

    command_parse(approve_options, approve_parse, "[NAME...]",
                  "Collects the requests for certificates that wait at the gates, checks and answers them: those of all "
                  "readers, or only those of each NAME, which may be of another role.\vA request is signed when a code of "
                  "`platesieve ca code`, or the key of the certificate that it renews, vouches for it.  Exit code 3: one was "
                  "refused; 6: somebody meddles.",
                  &input, argc, argv);
    set_lifetime(&options, &collecting);
    collecting.scope = (struct ca_scope) { options.names, options.name_count };
    code = ca_collecting_open(settings, &identity, &collecting);
    if (code == CLIENT_OK) code = approve(&collecting);
    ca_collecting_close(&collecting);
    return code;
}

/* -- serve --------------------------------------------------------------------------------------------------------- */

static const struct argp_option serve_options[] = {
    { "lifetime", OPTION_LIFETIME, "TIME", 0, "How long certificates last: 30d, 12h, ... (30d)", 0 },
    { "every", OPTION_EVERY, "SECONDS", 0, "How often to look (2)", 0 },
    { 0 },
};

static error_t serve_parse(int key, char *argument, struct argp_state *state)
{
    struct approve_options *options = state->input;

    switch (key) {
    case OPTION_LIFETIME: options->seconds = option_lifetime(state, argument); return 0;
    case OPTION_EVERY: options->every_s = (unsigned)option_number(state, "--every", argument, 1, 3600); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigprocmask(SIG_BLOCK, signals, NULL);
}

/* False when it is time to stop. */
static bool pause_for(const sigset_t *signals, unsigned seconds)
{
    const struct timespec time = { seconds, 0 };

    return sigtimedwait(signals, NULL, &time) < 0;
}

/* Said when it begins, now and then while it lasts, and when it is over. */
struct trouble {
    int64_t told_ms; /* 0: there is none */
};

static bool must_tell(const struct trouble *trouble)
{
    return trouble->told_ms == 0 || moment_monotonic_ms() - trouble->told_ms >= TROUBLE_TOLD_MS;
}

static void note(struct trouble *trouble, int code, const char *url)
{
    if (code == CLIENT_OK && trouble->told_ms != 0) {
        say("%s answers again", url);
        trouble->told_ms = 0;
    } else if (code != CLIENT_OK && must_tell(trouble)) {
        trouble->told_ms = moment_monotonic_ms();
    }
}

static int serve(struct ca_collecting *collecting, unsigned every_s)
{
    struct trouble troubles[HTTP_SERVERS_MAX] = { 0 };
    const size_t count = http_server_count(collecting->http);
    sigset_t signals;

    block_signals(&signals);
    say("signing for readers at %zu gate%s, every %u s", count, count == 1 ? "" : "s", every_s);
    do {
        for (size_t i = 0; i < count; i++) {
            const int code = ca_collect(collecting, i, must_tell(&troubles[i]));

            if (code == CLIENT_FAILED) return code; /* our own folder: nothing to be gained by going on */
            note(&troubles[i], code, http_server_url(collecting->http));
        }
    } while (pause_for(&signals, every_s));
    say("stopped: %u signed, %u refused, %u alarms", collecting->signed_count, collecting->refused_count, collecting->alarms);
    return CLIENT_OK;
}

int command_ca_serve(struct settings *settings, int argc, char **argv)
{
    struct approve_options options = { .every_s = EVERY_S };
    struct command_input input = { settings, &options };
    struct ca_collecting collecting = { 0 };
    struct identity identity;
    int code;

    command_parse(serve_options, serve_parse, NULL,
                  "Answers requests for certificates of readers at all gates of --gate, until SIGTERM: first ones that a "
                  "code of `platesieve ca code` vouches for, and renewals.  Other roles are left to `platesieve ca "
                  "approve`.\vAlarms and refusals are lines on standard error.  A gate that is away is waited for.",
                  &input, argc, argv);
    set_lifetime(&options, &collecting);
    code = ca_collecting_open(settings, &identity, &collecting);
    if (code == CLIENT_OK) code = serve(&collecting, options.every_s);
    ca_collecting_close(&collecting);
    return code;
}
