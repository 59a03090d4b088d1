/* platesieve hits evidence: the pictures of a hit, opened with the agency's own key. */
#include <dirent.h>
#include <limits.h>
#include <openssl/crypto.h>

#include "client/file.h"
#include "client/hits/hits.h"
#include "client/http/http.h"
#include "client/http/problem.h"
#include "client/identity/certificate.h"
#include "client/identity/name.h"
#include "crypto/evidence.h"

struct evidence_options {
    const char *hit, *file, *key, *certificate;
    unsigned piece;
    bool sealed;
};

enum { OPTION_KEY = 0x300, OPTION_CERT, OPTION_PIECE, OPTION_SEALED };

static const struct argp_option evidence_options[] = {
    { "output", 'o', "FILE", 0, "Where the picture goes; without it, says which there are", 0 },
    { "piece", OPTION_PIECE, "N", 0, "Which of them (1)", 0 },
    { "sealed", OPTION_SEALED, NULL, 0, "Save it as it is, sealed: DER of CMS, as `openssl cms -decrypt -inform DER` takes it", 0 },
    { "key", OPTION_KEY, "FILE", 0, "Key that opens it; else each of PKI/evidence/AGENCY.*.key", 0 },
    { "cert", OPTION_CERT, "FILE", 0, "Its certificate", 0 },
    { 0 },
};

static void finish_options(const struct argp_state *state, const struct evidence_options *options)
{
    if (options->hit == NULL) argp_error(state, "of which hit?");
    if ((options->key == NULL) != (options->certificate == NULL)) argp_error(state, "--key and --cert go together");
    if (options->sealed && options->file == NULL) argp_error(state, "--sealed goes with -o");
    if (options->file != NULL && strcmp(options->file, "-") == 0) argp_error(state, "-o takes a file: a picture goes nowhere else");
}

static error_t evidence_parse(int key, char *argument, struct argp_state *state)
{
    struct evidence_options *options = state->input;

    switch (key) {
    case 'o': options->file = argument; return 0;
    case OPTION_KEY: options->key = argument; return 0;
    case OPTION_CERT: options->certificate = argument; return 0;
    case OPTION_SEALED: options->sealed = true; return 0;
    case OPTION_PIECE: options->piece = (unsigned)option_number(state, "--piece", argument, 1, LIMIT_EVIDENCE_PIECES); return 0;
    case ARGP_KEY_ARG:
        if (options->hit != NULL) argp_usage(state);
        if (!hit_id_valid(argument)) argp_error(state, "this is no hit's id: `platesieve hits` shows them");
        options->hit = argument;
        return 0;
    case ARGP_KEY_END: finish_options(state, options); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* -- which there are -------------------------------------------------------------------------------------------------- */

static bool print_piece(json_t *piece)
{
    const char *at = "";
    json_int_t number = 0, size = 0;
    json_t *recipients = NULL;
    char shown[32];

    (void)json_unpack(piece, "{s?I, s?I, s?s, s?o}", "piece", &number, "size", &size, "uploaded_at", &at, "recipients", &recipients);
    snprintf(shown, sizeof(shown), "%.19s", at);
    make_printable(shown);
    printf("%lld  %s  %6lld kB  sealed to", (long long)number, shown, ((long long)size + 999) / 1000);
    for (size_t i = 0; i < json_array_size(recipients); i++) {
        const char *text = json_string_value(json_array_get(recipients, i));
        char name[LIMIT_IDENTITY_MAX + 1];

        snprintf(name, sizeof(name), "%s", text == NULL ? "?" : text);
        make_printable(name);
        printf(" %s", name);
    }
    return putchar('\n') != EOF;
}

static int show(struct http *gate, const struct evidence_options *options, bool as_json)
{
    char path[64];
    const struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL, *pieces;
    int code;

    snprintf(path, sizeof(path), "/v1/hits/%s/evidence", options->hit);
    code = http_ask_json(gate, &request, 200, &json);
    pieces = json_object_get(json, "evidence");
    if (code == CLIENT_OK && as_json) code = print_json(json_incref(json)) ? CLIENT_OK : CLIENT_FAILED;
    else if (code == CLIENT_OK && json_array_size(pieces) == 0) puts("there is no picture of this hit");
    for (size_t i = 0; code == CLIENT_OK && !as_json && i < json_array_size(pieces); i++)
        if (!print_piece(json_array_get(pieces, i))) code = CLIENT_FAILED;
    json_decref(json);
    return code;
}

/* -- opening ---------------------------------------------------------------------------------------------------------- */

struct opened {
    uint8_t *picture; /* OPENSSL_clear_free() it */
    size_t size;
    unsigned tried;
    bool damaged;
};

static bool open_with(const char *certificate_file, const char *key_file, const struct http_answer *answer, struct opened *opened)
{
    X509 *certificate = certificate_read(certificate_file);
    EVP_PKEY *key = key_read(key_file);
    enum evidence_open outcome = EVIDENCE_NOT_FOR_THIS_KEY;

    if (certificate != NULL && key != NULL) {
        opened->tried++;
        outcome = evidence_open((const uint8_t *)answer->body, answer->body_size, certificate, key, &opened->picture, &opened->size);
    }
    opened->damaged = opened->damaged || outcome == EVIDENCE_DAMAGED;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return outcome == EVIDENCE_OPENED;
}

/* NAME is that of a certificate of AGENCY: customs.1.pem; its key's path into KEY. */
static bool name_pair(const char *folder, const char *agency, const char *name, char certificate[PATH_MAX], char key[PATH_MAX])
{
    const size_t prefix = strlen(agency), size = strlen(name);

    if (size <= prefix + sizeof(".pem") || strncmp(name, agency, prefix) != 0 || name[prefix] != '.' || strcmp(name + size - 4, ".pem") != 0)
        return false;
    return path_make(certificate, PATH_MAX, "%s/%s", folder, name) && path_make(key, PATH_MAX, "%s/%.*s.key", folder, (int)(size - 4), name);
}

/* Each evidence key of the agency that lies in the folder of identities. */
static bool open_with_any(const struct settings *settings, const char *agency, const struct http_answer *answer, struct opened *opened)
{
    char path[PATH_MAX], certificate[PATH_MAX], key[PATH_MAX];
    DIR *folder = path_make(path, sizeof(path), "%s/evidence", settings->pki) ? opendir(path) : NULL;
    const struct dirent *entry;
    bool done = false;

    while (folder != NULL && !done && (entry = readdir(folder)) != NULL)
        done = name_pair(path, agency, entry->d_name, certificate, key) && open_with(certificate, key, answer, opened);
    if (folder != NULL) closedir(folder);
    return done;
}

static void say_closed(const struct settings *settings, const char *agency, const struct evidence_options *options, const struct http_answer *answer,
                       const struct opened *opened)
{
    char texts[LIMIT_HEADER_RECIPIENTS][EVIDENCE_RECIPIENT_TEXT];
    const size_t count = evidence_recipients((const uint8_t *)answer->body, answer->body_size, texts);

    if (count == 0 || opened->damaged) {
        say("the picture is damaged: it is not as a lane sealed it, and can't be opened");
        return;
    }
    if (opened->tried == 0 && options->key != NULL) say("%s and %s are no key and certificate (PEM)", options->key, options->certificate);
    else if (opened->tried == 0) say("there is no key in %s/evidence/%s.*: name one with --key and --cert", settings->pki, agency);
    else say("none of %u key%s fits", opened->tried, opened->tried == 1 ? "" : "s");
    for (size_t i = 0; i < count; i++) say("it is sealed to the certificate with %s", texts[i]);
}

static int save(const struct evidence_options *options, const void *bytes, size_t size, bool as_json)
{
    if (!file_write(options->file, bytes, size, 0600)) return CLIENT_FAILED;
    if (as_json)
        return print_json(json_pack("{s:s, s:i, s:s, s:I, s:b}", "hit", options->hit, "piece", (int)options->piece, "file", options->file, "size",
                                    (json_int_t)size, "sealed", (int)options->sealed))
                   ? CLIENT_OK
                   : CLIENT_FAILED;
    return printf("%s: %zu bytes%s\n", options->file, size, options->sealed ? ", sealed" : "") > 0 ? CLIENT_OK : CLIENT_FAILED;
}

/* Lanes seal JPEG and PNG alone; what else comes was sealed by something else. */
static bool is_picture(const uint8_t *bytes, size_t size)
{
    return (size > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) || (size > 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0);
}

static int open_and_save(const struct settings *settings, const char *agency, const struct evidence_options *options, const struct http_answer *answer)
{
    struct opened opened = { 0 };
    const bool done = options->key != NULL ? open_with(options->certificate, options->key, answer, &opened)
                                           : open_with_any(settings, agency, answer, &opened);
    int code = CLIENT_FAILED;

    if (done) code = save(options, opened.picture, opened.size, settings->json);
    if (code == CLIENT_OK && !is_picture(opened.picture, opened.size)) {
        say("CAUTION: this is neither a JPEG nor a PNG; a lane in order seals nothing else. Tell the checkpoint, and don't open it");
        code = CLIENT_REMARKS;
    }
    else say_closed(settings, agency, options, answer, &opened);
    if (opened.picture != NULL) OPENSSL_clear_free(opened.picture, opened.size);
    return code;
}

static int fetch(const struct settings *settings, struct http *gate, const char *agency, const struct evidence_options *options)
{
    char path[64];
    const struct http_request request = { .method = "GET", .path = path };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };

    snprintf(path, sizeof(path), "/v1/hits/%s/evidence/%u", options->hit, options->piece);
    if (!http_ask(gate, &request, &answer)) {
        say("no answer from the gate: %s", http_trouble(gate));
        return CLIENT_UNREACHABLE;
    }
    if (answer.status != 200) return problem_say(gate, &answer);
    return options->sealed ? save(options, answer.body, answer.body_size, settings->json) : open_and_save(settings, agency, options, &answer);
}

int command_hits_evidence(struct settings *settings, int argc, char **argv)
{
    struct evidence_options options = { .hit = hits_take_dashed_id(&argc, argv), .piece = 1 };
    struct command_input input = { settings, &options };
    struct identity identity;
    struct http *gate = NULL;
    int code;

    command_parse(evidence_options, evidence_parse, "HIT",
                  "Opens a picture of a hit with the agency's evidence key, or says which there are.\vThe file is made with mode 0600, whole or "
                  "not at all.  Nobody else can open a picture: not the gate, and not another agency, unless the list was shared with it.",
                  &input, argc, argv);
    code = http_open_as(settings, "agency", &identity, &gate);
    if (code == CLIENT_OK) code = options.file == NULL ? show(gate, &options, settings->json) : fetch(settings, gate, identity.name.first, &options);
    http_close(gate);
    return code;
}
