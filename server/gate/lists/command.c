#include "server/gate/lists/command.h"

#include <string.h>

#include "server/gate/db/load.h"
#include "server/gate/fields.h"
#include "server/gate/served.h"
#include "server/http/log.h"

#define DB_WAIT_MS 5000
#define ALL "all"

bool list_command(const struct daemon_options *options)
{
    return strcmp(options->command, "accept-older") == 0 || strcmp(options->command, "reseal") == 0;
}

struct list_name {
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
};

/* "agency/list". */
static bool list_name_parse(const char *text, struct list_name *name)
{
    const char *slash = strchr(text, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - text);

    if (slash == NULL || size > LIMIT_NAME_MAX || strlen(slash + 1) > LIMIT_NAME_MAX) return false;
    memcpy(name->agency, text, size);
    name->agency[size] = '\0';
    memcpy(name->list, slash + 1, strlen(slash + 1) + 1);
    return name_is_valid(name->agency) && name_is_valid(name->list);
}

static enum daemon_exit check_names(const struct daemon_options *options, bool all_goes)
{
    struct list_name name;

    for (size_t i = 0; i < options->argument_count; i++) {
        if (all_goes && strcmp(options->arguments[i], ALL) == 0 && options->argument_count == 1) continue;
        if (list_name_parse(options->arguments[i], &name)) continue;
        fprintf(stderr, "platesieved: argument %zu is not AGENCY/LIST\n", i + 1);
        return DAEMON_USAGE;
    }
    return DAEMON_OK;
}

/* -- accept-older -------------------------------------------------------------------------------------------------- */

static enum daemon_exit forget(struct served *served, const struct daemon_options *options, bool all)
{
    struct list_name name;

    for (size_t i = 0; i < options->argument_count && !all; i++) {
        (void)list_name_parse(options->arguments[i], &name);
        if (served_forget(served, name.agency, name.list) == 0) fprintf(stderr, "%s/%s: nothing is known to have been served of it\n", name.agency, name.list);
        else log_line(LOG_NOTICE, "what was served of list %s/%s is forgotten: the next state of it that gates made is taken", name.agency, name.list);
    }
    if (all) log_line(LOG_NOTICE, "what was served is forgotten: the next state of each list that gates made is taken");
    if (!failed(served_save(served))) return DAEMON_OK;
    fprintf(stderr, "platesieved: the state folder can't be written: nothing was changed\n");
    return DAEMON_FAILED;
}

static enum daemon_exit accept_older(const struct gate_state *state, const struct daemon_options *options)
{
    bool all = strcmp(options->arguments[0], ALL) == 0;
    struct served *served = NULL;

    if (failed(served_open(state, all, stderr, &served))) return DAEMON_FAILED;
    enum daemon_exit code = forget(served, options, all);
    served_close(served);
    return code;
}

/* -- reseal -------------------------------------------------------------------------------------------------------- */

static void show(const struct db_list *list)
{
    printf("%s/%s: category %s, priority %u, grade %s, %s%s, %zu site(s) named, cooldown %u s, retention %u days, cap %llu tokens,"
           " revision %u, %llu entries\n",
           list->agency, list->id, list->category, list->priority, platesieve_grade_name((enum platesieve_grade)list->grade),
           list->covert ? "covert" : "open", list->suspended ? ", suspended" : "", list->site_count, list->cooldown_s, list->retention_days,
           (unsigned long long)list->cap_tokens, list->revision, (unsigned long long)list->entries);
}

static enum daemon_exit reseal_one(struct db *db, const struct list_name *name, struct db_list *list)
{
    struct result result = db_list_reseal(db, name->agency, name->list, list);

    if (failed(result)) {
        fprintf(stderr, "platesieved: %s/%s: %s\n", name->agency, name->list, reason_row(result.reason)->title);
        return DAEMON_FAILED;
    }
    log_line(LOG_NOTICE, "list %s/%s was sealed anew by the operator, revision %u, as it stands in the database", name->agency, name->list,
             list->revision);
    show(list);
    return DAEMON_OK;
}

static enum daemon_exit reseal(const struct config *config, const struct gate_state *state, const struct daemon_options *options)
{
    struct db *db = NULL;
    struct db_list *list = malloc(sizeof *list);
    struct list_name name;
    enum daemon_exit code = DAEMON_OK;

    if (list == NULL || failed(db_open(config->database_gate, "platesieved reseal", 1, DB_WAIT_MS, &db)) ||
        failed(db_seal_with(db, gate_state_mac_key(state))) || failed(db_schema_check(db))) {
        fprintf(stderr, "platesieved: the database is away, or has a schema that this program does not know\n");
        code = DAEMON_FAILED;
    }
    for (size_t i = 0; i < options->argument_count && code == DAEMON_OK; i++) {
        (void)list_name_parse(options->arguments[i], &name);
        code = reseal_one(db, &name, list);
    }
    db_close(db);
    free(list);
    return code;
}

enum daemon_exit list_command_run(const struct config *config, const struct daemon_options *options, const uint8_t *key)
{
    bool older = strcmp(options->command, "accept-older") == 0;
    struct gate_state *state = NULL;
    enum daemon_exit code = check_names(options, older);

    if (code != DAEMON_OK) return code;
    if (failed(gate_state_open(config->state_dir, key, stderr, &state))) return DAEMON_USAGE;
    code = older ? accept_older(state, options) : reseal(config, state, options);
    gate_state_close(state);
    return code;
}
