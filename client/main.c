/* platesieve: the command for lanes, agencies, operators and the certificate authority. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <platesieve/platesieve.h>

#include "client/client.h"
#include "client/http/wiping.h"
#include "client/lane/command.h"
#include "server/http/standard_streams.h"

__attribute__((visibility("default"))) const char *argp_program_version = PACKAGE_STRING;
const char *argp_program_bug_address = PACKAGE_URL;

static const struct command commands[] = {
    { "lane", "check reads against the lists, print alerts", command_lane_any },
    { "list", "create, fill and show hot lists", command_list },
    { "hits", "show the hits on an agency's lists", command_hits },
    { "status", "show how gates and key servers are doing", command_status },
    { "report", "what was dropped because its retention was over", command_report },
    { "registry", "show and change whom gates and key servers admit", command_registry },
    { "enrol", "ask for a certificate with a one-time code, and for the next", command_enrol },
    { "ca", "issue, sign and revoke certificates", command_ca },
    { "keys", "share keys among three key servers; make a new one in an emergency", command_keys },
    { "token", "print the tokens of one plate under a key", command_token },
    { NULL, NULL, NULL },
};

static const char documentation[] =
    "A checkpoint that recognises the few plates it was asked to look for and is blind to all others."
    "\vExit codes: 0 done, 1 failed, 2 wrong usage, 3 done with remarks, 4 no server reached, 5 refused by the server, "
    "6 alarm: somebody meddles, such as a gate that sends a false tag.  platesieve(1) says more.";

/* Plates and keys pass through this process: no core file, and nobody else's debugger. */
static void keep_memory_private(void)
{
    const struct rlimit none = { 0, 0 };

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

/* Anything but nothing, 0 or no: who sets it means it. */
static bool is_yes(const char *text)
{
    return text != NULL && text[0] != '\0' && strcmp(text, "0") != 0 && strcmp(text, "no") != 0;
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .gates = getenv("PLATESIEVE_GATE"),
        .keys = getenv("PLATESIEVE_KEYS"),
        .ca = getenv("PLATESIEVE_CA"),
        .crl = getenv("PLATESIEVE_CRL"),
        .shared_keys = is_yes(getenv("PLATESIEVE_SHARED_KEYS")),
        .pki = getenv("PLATESIEVE_PKI"),
    };

    char name[] = "platesieve"; /* what help and messages show, wherever it was started from */

    if (argc < 1 || !standard_streams_hold()) return CLIENT_USAGE;
    argv[0] = name;
    keep_memory_private();
    argp_err_exit_status = CLIENT_USAGE;
    if (!wiping_install() || platesieve_failed(platesieve_init())) {
        say("the cryptographic libraries can't be used");
        return CLIENT_FAILED;
    }
    return finish_output(command_dispatch(commands, documentation, &settings, argc, argv));
}
