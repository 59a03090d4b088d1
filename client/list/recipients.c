/* platesieve list recipients: who may open the pictures of a list's hits. */
#include "client/base64.h"
#include "client/http/problem.h"
#include "client/identity/believed.h"
#include "client/identity/certificate.h"
#include "client/list/list.h"
#include "client/moment.h"

#define DAYS_DEFAULT 90
#define DAY_MS INT64_C(86400000)

struct recipients_options {
    const char *list;
    const char *certificates[LIMIT_HEADER_RECIPIENTS], *agencies[LIMIT_HEADER_AGENCIES];
    size_t certificate_count, agency_count;
    unsigned days;
    bool none;
};

enum { OPTION_CERT = 0x300, OPTION_DAYS, OPTION_SHARE, OPTION_NONE };

static const struct argp_option recipients_options[] = {
    { "cert", OPTION_CERT, "FILE", 0, "Seal pictures to this evidence certificate; may be given again", 0 },
    { "days", OPTION_DAYS, "N", 0, "How long that holds (90), at most until one of the certificates ends", 0 },
    { "share-with", OPTION_SHARE, "AGENCY", 0, "Certificates of this agency are meant, too; may be given again", 0 },
    { "none", OPTION_NONE, NULL, 0, "Bring no pictures any more", 0 },
    { 0 },
};

static void add_agency(const struct argp_state *state, struct recipients_options *options, const char *agency)
{
    if (options->agency_count == LIMIT_HEADER_AGENCIES) argp_error(state, "at most %d agencies", LIMIT_HEADER_AGENCIES);
    options->agencies[options->agency_count++] = option_name(state, "an agency's name", agency);
}

static void finish_options(const struct argp_state *state, const struct recipients_options *options)
{
    if (options->list == NULL) argp_error(state, "which list?");
    if (options->none && options->certificate_count > 0) argp_error(state, "--none or --cert, not both");
    if (options->agency_count > 0 && options->certificate_count == 0) argp_error(state, "--share-with goes with --cert");
}

static error_t recipients_parse(int key, char *argument, struct argp_state *state)
{
    struct recipients_options *options = state->input;

    switch (key) {
    case OPTION_CERT:
        if (options->certificate_count == LIMIT_HEADER_RECIPIENTS) argp_error(state, "at most %d certificates", LIMIT_HEADER_RECIPIENTS);
        options->certificates[options->certificate_count++] = argument;
        return 0;
    case OPTION_DAYS: options->days = (unsigned)option_number(state, "--days", argument, 1, LIMIT_HEADER_DAYS); return 0;
    case OPTION_SHARE: add_agency(state, options, argument); return 0;
    case OPTION_NONE: options->none = true; return 0;
    case ARGP_KEY_ARG:
        list_argument(state, &options->list, argument);
        return 0;
    case ARGP_KEY_END: finish_options(state, options); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* -- showing ------------------------------------------------------------------------------------------------------- */

static json_t *recipient_json(const struct list_header_recipient *recipient)
{
    char name[2 * LIMIT_NAME_MAX + 16], expires[MOMENT_TEXT] = "";
    int64_t begins_ms, ends_ms;

    snprintf(name, sizeof(name), "evidence/%s/%s", recipient->agency, recipient->number);
    if (certificate_times(recipient->certificate, &begins_ms, &ends_ms)) moment_print(ends_ms, expires);
    return json_pack("{s:s, s:s}", "name", name, "expires", expires);
}

static json_t *header_json(const struct list_header *header)
{
    char id[LIST_HEADER_ID_TEXT + 1], signed_at[MOMENT_TEXT], expires[MOMENT_TEXT], signer[2 * LIMIT_NAME_MAX + 16];
    json_t *recipients = json_array(), *shared = json_array();

    for (size_t i = 0; i < header->recipient_count; i++) json_array_append_new(recipients, recipient_json(&header->recipients[i]));
    for (size_t i = 0; i < header->shared_count; i++) json_array_append_new(shared, json_string(header->shared_with[i]));
    base64_print(header->id, sizeof(header->id), id, sizeof(id));
    moment_print(header->signed_ms, signed_at);
    moment_print(header->expires_ms, expires);
    snprintf(signer, sizeof(signer), "agency/%s/%s", header->agency, header->signer);
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:o, s:o}", "list", header->list, "agency", header->agency, "header", id, "serial",
                     (json_int_t)header->serial, "signed_by", signer, "signed_at", signed_at, "expires", expires, "recipients", recipients,
                     "shared_with", shared);
}

static bool print_header(const struct list_header *header, bool json)
{
    char signed_at[MOMENT_TEXT], expires[MOMENT_TEXT];

    if (json) return print_json(header_json(header));
    moment_print(header->signed_ms, signed_at);
    moment_print(header->expires_ms, expires);
    printf("%s/%s: pictures are sealed to\n", header->agency, header->list);
    for (size_t i = 0; i < header->recipient_count; i++)
        printf("  evidence/%s/%s\n", header->recipients[i].agency, header->recipients[i].number);
    printf("  signed by agency/%s/%s on %.10s, until %.10s\n", header->agency, header->signer, signed_at, expires);
    return !ferror(stdout);
}

static bool print_none(const struct recipients_options *options, const struct identity *identity, bool json)
{
    if (json) return print_json(json_pack("{s:s, s:s, s:n}", "list", options->list, "agency", identity->name.first, "header"));
    return printf("%s/%s: lanes send no pictures of its hits (--cert says to whom they shall be sealed)\n", identity->name.first, options->list) > 0;
}

/* -- what stands ---------------------------------------------------------------------------------------------------- */

/* *HEADER NULL: there is none, or none that holds any more, which is said. */
static int fetch(struct http *gate, const struct anchors *anchors, const char *agency, const char *list, bool *stands, struct list_header **header)
{
    char path[LIMIT_NAME_MAX + 32];
    const struct http_request request = { .method = "GET", .path = path };
    struct http_answer answer CLEANUP(http_answer_wipe) = { 0 };
    enum list_header_fault fault;

    snprintf(path, sizeof(path), "/v1/lists/%s/header", list);
    *header = NULL;
    *stands = false;
    if (!http_ask(gate, &request, &answer)) {
        say("no answer from the gate: %s", http_trouble(gate));
        return CLIENT_UNREACHABLE;
    }
    if (answer.status == 404) return CLIENT_OK;
    if (answer.status != 200) return problem_say(gate, &answer);
    *stands = true;
    fault = list_header_verify(anchors, (const uint8_t *)answer.body, answer.body_size, agency, list, moment_now_ms(), header);
    if (fault != LIST_HEADER_FINE) say("lanes can't use what stands there: %s; sign it anew with --cert", list_header_fault_text(fault));
    return CLIENT_OK;
}

/* A list that is not there has no header either: the two look the same. */
static int show(struct http *gate, const struct anchors *anchors, const struct recipients_options *options, const struct identity *identity,
                bool json)
{
    struct list_header *header = NULL;
    struct list_info info;
    bool stands, printed = true;
    int code = list_fetch(gate, options->list, &info);

    if (code == CLIENT_OK) code = fetch(gate, anchors, identity->name.first, options->list, &stands, &header);
    if (code != CLIENT_OK) return code;
    if (header != NULL) printed = print_header(header, json);
    else if (!stands) printed = print_none(options, identity, json);
    else code = CLIENT_FAILED;
    list_header_free(header);
    return printed ? code : CLIENT_FAILED;
}

/* -- signing -------------------------------------------------------------------------------------------------------- */

/* Ends with the first of the certificates: afterwards no lane would believe it. */
static void end_with(struct list_header *header, const X509 *certificate)
{
    int64_t begins_ms, ends_ms;

    if (certificate_times(certificate, &begins_ms, &ends_ms) && ends_ms < header->expires_ms) header->expires_ms = ends_ms;
}

static bool read_certificates(const struct recipients_options *options, struct list_header *header)
{
    for (size_t i = 0; i < options->certificate_count; i++) {
        header->recipients[i].certificate = certificate_read(options->certificates[i]);
        if (header->recipients[i].certificate == NULL) {
            say("%s is not a certificate (PEM)", options->certificates[i]);
            return false;
        }
        header->recipient_count++;
        end_with(header, header->recipients[i].certificate);
    }
    return true;
}

static struct list_header *draft(const struct recipients_options *options, const struct identity *identity, const X509 *own)
{
    struct list_header *header = calloc(1, sizeof(*header));

    if (header == NULL) {
        say("out of memory");
        return NULL;
    }
    snprintf(header->agency, sizeof(header->agency), "%s", identity->name.first);
    snprintf(header->list, sizeof(header->list), "%s", options->list);
    header->signed_ms = moment_now_ms();
    header->expires_ms = header->signed_ms + options->days * DAY_MS;
    header->serial = (uint64_t)header->signed_ms; /* rises by itself, on whichever machine */
    end_with(header, own);
    header->shared_count = options->agency_count;
    for (size_t i = 0; i < options->agency_count; i++)
        snprintf(header->shared_with[i], sizeof(header->shared_with[i]), "%s", options->agencies[i]);
    if (read_certificates(options, header)) return header;
    list_header_free(header);
    return NULL;
}

static const char *fault_advice(enum list_header_fault fault)
{
    if (fault == LIST_HEADER_RECIPIENT) return "take evidence/<agency>/<n> certificates of this authority: own ones, and --share-with for others'";
    return list_header_fault_text(fault);
}

static int upload(struct http *gate, const char *list, const uint8_t *der, size_t size)
{
    char path[LIMIT_NAME_MAX + 32];
    const struct http_request request = { .method = "PUT", .path = path, .body = (const char *)der, .body_size = size,
                                          .content_type = "application/cms" };

    snprintf(path, sizeof(path), "/v1/lists/%s/header", list);
    return http_ask_json(gate, &request, 204, NULL);
}

/* Signs HEADER, looks at it as a lane would, and sends it. */
static int sign_and_send(struct http *gate, const struct anchors *anchors, const struct list_header *header, X509 *own, EVP_PKEY *key, bool json)
{
    struct list_header *verified = NULL;
    uint8_t *der = NULL;
    size_t size = 0;
    enum list_header_fault fault = list_header_sign(header, own, key, &der, &size);
    int code = CLIENT_FAILED;

    if (fault == LIST_HEADER_FINE)
        fault = list_header_verify(anchors, der, size, header->agency, header->list, moment_now_ms(), &verified);
    if (fault != LIST_HEADER_FINE) say("no lane would take this: %s", fault_advice(fault));
    else code = upload(gate, header->list, der, size);
    if (code == CLIENT_OK && !print_header(verified, json)) code = CLIENT_FAILED;
    list_header_free(verified);
    free(der);
    return code;
}

static int set(struct http *gate, const struct anchors *anchors, const struct recipients_options *options, const struct identity *identity,
               bool json)
{
    X509 *own = certificate_read(identity->certificate);
    EVP_PKEY *key = key_read(identity->key);
    struct list_header *standing = NULL, *header = own == NULL || key == NULL ? NULL : draft(options, identity, own);
    bool stands;
    int code = header == NULL ? CLIENT_FAILED : fetch(gate, anchors, identity->name.first, options->list, &stands, &standing);

    if (own == NULL || key == NULL) say("can't read %s and its key", identity->certificate);
    if (standing != NULL && standing->serial >= header->serial) header->serial = standing->serial + 1;
    if (code == CLIENT_OK) code = sign_and_send(gate, anchors, header, own, key, json);
    list_header_free(standing);
    list_header_free(header);
    EVP_PKEY_free(key);
    X509_free(own);
    return code;
}

static int take_away(struct http *gate, const struct recipients_options *options, const struct identity *identity, bool json)
{
    char path[LIMIT_NAME_MAX + 32];
    const struct http_request request = { .method = "DELETE", .path = path };
    int code;

    snprintf(path, sizeof(path), "/v1/lists/%s/header", options->list);
    code = http_ask_json(gate, &request, 204, NULL);
    if (code == CLIENT_OK && !print_none(options, identity, json)) code = CLIENT_FAILED;
    return code;
}

int command_list_recipients(struct settings *settings, int argc, char **argv)
{
    struct recipients_options options = { .days = DAYS_DEFAULT };
    struct command_input input = { settings, &options };
    struct identity identity;
    struct anchors anchors = { 0 };
    struct http *gate = NULL;
    int code;

    command_parse(recipients_options, recipients_parse, "LIST",
                  "Says to which evidence certificates lanes seal the pictures of a list's hits; without --cert, shows it.\vThis is "
                  "signed with the key of the identity in use: no gate can change it, or name a recipient of its own.",
                  &input, argc, argv);
    code = identity_find(settings, "agency", &identity);
    if (code == CLIENT_OK) code = believed_read(settings, &identity, &anchors);
    if (code == CLIENT_OK) code = http_open(settings, HTTP_GATE, &identity, &gate);
    if (code == CLIENT_OK && options.none) code = take_away(gate, &options, &identity, settings->json);
    else if (code == CLIENT_OK && options.certificate_count > 0) code = set(gate, &anchors, &options, &identity, settings->json);
    else if (code == CLIENT_OK) code = show(gate, &anchors, &options, &identity, settings->json);
    http_close(gate);
    anchors_free(&anchors);
    return code;
}
