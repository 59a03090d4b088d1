#include "client/list/list.h"

#include "client/base64.h"
#include "client/http/problem.h"
#include "client/moment.h"

/* -- what a gate says about a list --------------------------------------------------------------------------------- */

static bool copy_name(char to[LIMIT_NAME_MAX + 1], const char *from)
{
    if (!name_part_valid(from)) return false;
    memcpy(to, from, strlen(from) + 1);
    return true;
}

/* A gate that names no key ids leaves it to the key servers alone. */
static void parse_pins(json_t *epochs, struct epoch_pins *pins)
{
    for (size_t i = 0; i < json_array_size(epochs) && pins->count < LIMIT_EPOCHS_KNOWN; i++) {
        const char *id = json_string_value(json_object_get(json_array_get(epochs, i), "id"));
        const char *key_id = json_string_value(json_object_get(json_array_get(epochs, i), "key_id"));
        struct epoch_pin *pin = &pins->list[pins->count];

        if (id == NULL || strlen(id) > LIMIT_EPOCH_ID_MAX) continue;
        if (!base64_parse(key_id, pin->key_id, sizeof(pin->key_id))) continue;
        memcpy(pin->id, id, strlen(id) + 1);
        pins->count++;
    }
}

static void parse_covered(json_t *epochs, struct list_info *info)
{
    for (size_t i = 0; i < json_array_size(epochs) && info->covered_count < LIMIT_EPOCHS_KNOWN; i++) {
        const char *id = json_string_value(json_object_get(json_array_get(epochs, i), "id"));

        if (id == NULL || strlen(id) > LIMIT_EPOCH_ID_MAX) continue;
        if (!json_is_true(json_object_get(json_array_get(epochs, i), "covered"))) continue;
        memcpy(info->covered[info->covered_count++], id, strlen(id) + 1);
    }
}

bool list_info_parse(json_t *json, struct list_info *info)
{
    const char *id, *agency, *grade;
    json_int_t revision, entries;

    *info = (struct list_info) { 0 };
    if (json_unpack(json, "{s:s, s:s, s:s, s:I, s:I}", "list", &id, "agency", &agency, "grade", &grade, "revision",
                    &revision, "entries", &entries) != 0)
        return false;
    if (!copy_name(info->id, id) || !copy_name(info->agency, agency) || !platesieve_grade_parse(grade, &info->grade))
        return false;
    if (revision < 0 || revision > UINT32_MAX || entries < 0) return false;
    info->revision = (uint32_t)revision;
    info->entries = (uint64_t)entries;
    info->age_limit_s = (uint32_t)json_integer_value(json_object_get(json, "age_limit_s"));
    if (json_is_string(json_object_get(json, "committed_at")) &&
        !moment_parse(json_string_value(json_object_get(json, "committed_at")), &info->committed_ms))
        return false;
    parse_covered(json_object_get(json, "epochs"), info);
    parse_pins(json_object_get(json, "epochs"), &info->pins);
    return true;
}

int list_fetch(struct http *gate, const char *id, struct list_info *info)
{
    char path[LIMIT_NAME_MAX + 32];
    const struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL;
    int code;

    snprintf(path, sizeof(path), "/v1/lists/%s", id);
    code = http_ask_json(gate, &request, 200, &json);
    if (code == CLIENT_OK && !list_info_parse(json, info)) {
        say("the gate described the list in a way that can't be read; is this program too old?");
        code = CLIENT_FAILED;
    }
    json_decref(json);
    return code;
}

/* -- printing ------------------------------------------------------------------------------------------------------ */

static const char *text_of(json_t *json, const char *member)
{
    const char *text = json_string_value(json_object_get(json, member));

    return text == NULL ? "" : text;
}

static long long number_of(json_t *json, const char *member)
{
    return (long long)json_integer_value(json_object_get(json, member));
}

/* Names of an array of strings, or of the epochs that are covered or not; nothing where there is none. */
static void print_names(const char *label, json_t *array, int covered)
{
    bool any = false;

    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *item = json_array_get(array, i);
        const char *name = covered < 0 ? json_string_value(item) : text_of(item, "id");

        if (covered >= 0 && json_is_true(json_object_get(item, "covered")) != covered) continue;
        if (!any) printf("  %-12s", label);
        printf(" %s", name == NULL ? "?" : name);
        any = true;
    }
    if (any) putchar('\n');
}

/* In an epoch that the list has no tokens for, or not of its grade, lanes get none of its alerts, or not all. */
static void print_missing(json_t *json)
{
    json_t *epochs = json_object_get(json, "epochs");

    for (size_t i = 0; i < json_array_size(epochs) && number_of(json, "revision") > 0; i++) {
        json_t *epoch = json_array_get(epochs, i);
        const int64_t now_ms = moment_now_ms();
        int64_t opens_ms;

        if (json_is_true(json_object_get(epoch, "covered")) || !moment_parse(text_of(epoch, "opens"), &opens_ms)) continue;
        printf("  %-12s %s, which ", "NO TOKENS", text_of(epoch, "id"));
        if (opens_ms <= now_ms) printf("is open: under it lanes get no alerts of this list, or not all");
        else printf("opens in %lld h %lld min", (long long)(opens_ms - now_ms) / 3600000,
                    (long long)(opens_ms - now_ms) / 60000 % 60);
        puts(" (platesieve list tokens)");
    }
}

/* Printable already. */
static void print_list(json_t *json)
{
    printf("%s/%s: %lld entries, revision %lld", text_of(json, "agency"), text_of(json, "list"),
           number_of(json, "entries"), number_of(json, "revision"));
    if (json_is_string(json_object_get(json, "committed_at"))) printf(" of %.19sZ", text_of(json, "committed_at"));
    list_print_state(json);
    printf("  %-12s %s, priority %lld, weakest grade %s%s\n", "category", text_of(json, "category"),
           number_of(json, "priority"), text_of(json, "grade"),
           json_is_true(json_object_get(json, "covert"))        ? ", covert"
           : json_is_true(json_object_get(json, "calibration")) ? ", for calibration"
                                                                : "");
    printf("  %-12s cooldown %lld s, retention %lld days, age limit %lld s, cap %lld tokens\n", "limits",
           number_of(json, "cooldown_s"), number_of(json, "retention_days"), number_of(json, "age_limit_s"),
           number_of(json, "cap_tokens"));
    if (number_of(json, "flagged") > 0)
        printf("  %-12s %lld entries raise false alarms (platesieve list flags %s)\n", "FLAGGED", number_of(json, "flagged"),
               text_of(json, "list"));
    list_print_alarms(json);
    list_print_waiting(json);
    print_names("sites", json_object_get(json, "sites"), -1);
    if (text_of(json, "instruction")[0] != '\0') printf("  %-12s %s\n", "instruction", text_of(json, "instruction"));
    print_names("covered", json_object_get(json, "epochs"), 1);
    print_missing(json);
}

bool list_print(json_t *json, bool as_json)
{
    json_t *shown;

    if (as_json) return print_json(json_incref(json));
    shown = json_printable(json);
    print_list(shown);
    json_decref(shown);
    return !ferror(stdout);
}

/* -- show ---------------------------------------------------------------------------------------------------------- */

struct show_options {
    const char *list;
};

void list_argument(const struct argp_state *state, const char **list, const char *argument)
{
    if (*list != NULL) argp_usage(state);
    *list = option_name(state, "a list's name", argument);
}

static error_t show_parse(int key, char *argument, struct argp_state *state)
{
    struct show_options *options = state->input;

    if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
    list_argument(state, &options->list, argument);
    return 0;
}

static int show(const struct settings *settings, struct http *gate, const struct show_options *options)
{
    char path[LIMIT_NAME_MAX + 32] = "/v1/lists";
    const struct http_request request = { .method = "GET", .path = path };
    json_t *json = NULL, *lists;
    int code;

    if (options->list != NULL) snprintf(path, sizeof(path), "/v1/lists/%s", options->list);
    code = http_ask_json(gate, &request, 200, &json);
    lists = json_object_get(json, "lists");
    if (code == CLIENT_OK && options->list != NULL) {
        if (!list_print(json, settings->json)) code = CLIENT_FAILED;
    } else {
        for (size_t i = 0; code == CLIENT_OK && i < json_array_size(lists); i++)
            if (!list_print(json_array_get(lists, i), settings->json)) code = CLIENT_FAILED;
        if (code == CLIENT_OK && json_array_size(lists) == 0 && !settings->json) puts("no lists yet");
    }
    json_decref(json);
    return code;
}

int command_list_show(struct settings *settings, int argc, char **argv)
{
    struct show_options options = { 0 };
    struct command_input input = { settings, &options };
    struct identity identity;
    struct http *gate = NULL;
    int code;

    command_parse(NULL, show_parse, "[LIST]", "Shows one list of the agency, or all.", &input, argc, argv);
    code = http_open_as(settings, "agency", &identity, &gate);
    if (code == CLIENT_OK) code = show(settings, gate, &options);
    http_close(gate);
    return code;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static const struct command list_commands[] = {
    { "create", "create an empty list", command_list_create },
    { "push", "replace all entries by those of a file", command_list_push },
    { "add", "add the entries of a file", command_list_add },
    { "remove", "remove the entries of a file", command_list_remove },
    { "tokens", "give the entries tokens for epochs to come", command_list_tokens },
    { "profile", "how the files of a list are read", command_list_profile },
    { "show", "show one list or all", command_list_show },
    { "set", "change a list's rules", command_list_set },
    { "approve", "approve what a second person must", command_list_approve },
    { "refuse", "refuse it, or withdraw it", command_list_refuse },
    { "cap", "set how many tokens it may hold (operators)", command_list_cap },
    { "suspend", "let no gate ask it (operators)", command_list_suspend },
    { "resume", "let gates ask it again (operators)", command_list_resume },
    { "flags", "show the entries that raise false alarms", command_list_flags },
    { "recipients", "say who may open the pictures of its hits", command_list_recipients },
    { "share", "let another agency see the hits of a list", command_list_share },
    { "shares", "show what is shared, given and received", command_list_shares },
    { "unshare", "end a share", command_list_unshare },
    { "suppress", "keep an entry silent at one lane for a while", command_list_suppress },
    { "suppressions", "show which entries are silent where", command_list_suppressions },
    { "unsuppress", "let an entry raise hits at a lane again", command_list_unsuppress },
    { NULL, NULL, NULL },
};

int command_list(struct settings *settings, int argc, char **argv)
{
    return command_dispatch(list_commands,
                            "The agency's hot lists.  Plates are turned into tokens here; the gate never sees one.",
                            settings, argc, argv);
}
