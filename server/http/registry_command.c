#include "server/http/registry_command.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "server/http/clock.h"
#include "server/http/rights.h"
#include "server/http/roll_file.h"

struct changing {
    const struct registry_place *place;
    const struct daemon_options *options;
    char by[LIMIT_IDENTITY_MAX + 1];
    size_t changed;
    bool no_operator;
};

bool registry_command(const struct daemon_options *options)
{
    return strcmp(options->command, "register") == 0 || strcmp(options->command, "unregister") == 0 ||
           strcmp(options->command, "registered") == 0;
}

/* "local/<user>", as far as the user's name can stand in a file of names. */
static void name_user(char by[LIMIT_IDENTITY_MAX + 1])
{
    const struct passwd *user = getpwuid(getuid());
    const char *name = user == NULL ? "" : user->pw_name;
    bool plain = *name != 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name);
    snprintf(by, LIMIT_IDENTITY_MAX + 1, "local%s%.*s", plain ? "/" : "", LIMIT_NAME_MAX, plain ? name : "");
}

/* -- checking ---------------------------------------------------------------------------------- */

static bool usable(const struct registry_place *place, const char *name, const struct daemon_options *options)
{
    struct peer peer;
    if (failed(peer_parse_name(name, strlen(name), &peer))) {
        fputs("a name is not one: reader/<site>/<lane>, agency/<agency>/<user>, operator/gate/<user>,\n"
              "operator/keys/<user>, auditor/<user> or node/<name>, of a-z 0-9 - _ .\n",
              stderr);
        return false;
    }
    if ((peer.role & place->roles) == 0) {
        fprintf(stderr, "%s: this daemon has no use for names of this role\n", peer.name);
        return false;
    }
    if (options->rights != 0 && roll_rights_default(peer.role) == 0) {
        fprintf(stderr, "%s: only names of agencies have rights\n", peer.name);
        return false;
    }
    if (options->quota == NULL || quota_profile_fits(place->quotas, peer.role, options->quota)) return true;
    fprintf(stderr, "%s: there is no such quota profile for this role\n", peer.name);
    return false;
}

/* -- register, unregister ---------------------------------------------------------------------- */

static struct result add_name(struct changing *changing, struct roll *roll, const char *name)
{
    struct peer peer;
    struct roll_entry entry = { .since_s = clock_now_ms(&system_clock) / 1000 };
    const char *quota = changing->options->quota;
    unsigned rights = changing->options->rights;
    TRY(peer_parse_name(name, strlen(name), &peer));
    const struct roll_entry *old = roll_find(roll, name);
    if (quota == NULL) quota = old != NULL ? old->quota : roll_quota_default(peer.role);
    if (rights == 0) rights = old != NULL ? old->rights : roll_rights_default(peer.role);
    if (old != NULL && strcmp(quota, old->quota) == 0 && rights == old->rights) return OK;
    if (old != NULL) entry.since_s = old->since_s;
    entry.role = peer.role;
    entry.rights = rights;
    memcpy(entry.name, peer.name, sizeof entry.name);
    memcpy(entry.by, changing->by, sizeof entry.by);
    snprintf(entry.quota, sizeof entry.quota, "%s", quota);
    changing->changed++;
    return roll_put(roll, &entry);
}

static struct result change(void *context, struct roll *roll)
{
    struct changing *changing = context;
    const struct daemon_options *options = changing->options;
    bool removing = strcmp(options->command, "unregister") == 0;
    for (size_t i = 0; i < options->argument_count; i++) {
        if (!removing) {
            TRY(add_name(changing, roll, options->arguments[i]));
        } else if (roll_remove(roll, options->arguments[i])) {
            changing->changed++;
        } else {
            fprintf(stderr, "%s: is not registered; nothing was changed\n", options->arguments[i]);
            return FAIL(REASON_NOT_FOUND);
        }
    }
    changing->no_operator = roll_count(roll, changing->place->operator) == 0;
    return OK;
}

static enum daemon_exit run_change(struct changing *changing)
{
    bool adding = strcmp(changing->options->command, "register") == 0;
    name_user(changing->by);
    struct result result = roll_change(changing->place->file, changing->place->roles, adding, change, changing);
    if (result.reason == REASON_TOO_MANY) fprintf(stderr, "there is room for %d names\n", LIMIT_REGISTERED);
    if (result.reason == REASON_BUSY) fputs("the registry is being changed by somebody else; try again\n", stderr);
    if (failed(result)) return DAEMON_FAILED;
    fprintf(stderr, "%zu name(s) %s\n", changing->changed, adding ? "registered or changed" : "removed");
    if (changing->no_operator) fputs("warning: no operator is registered\n", stderr);
    return DAEMON_OK;
}

/* -- registered -------------------------------------------------------------------------------- */

static const char *since_text(const struct roll_entry *entry, char text[TIME_TEXT_SIZE])
{
    if (entry->since_s == 0) return "-";
    time_format(entry->since_s * 1000, text);
    return text;
}

static void print_json(const struct roll *roll)
{
    char since[TIME_TEXT_SIZE];
    json_t *array = json_array();
    for (size_t i = 0; i < roll->count; i++) {
        const struct roll_entry *entry = &roll->entries[i];
        json_t *one = json_pack("{ss ss ss* ss*}", "name", entry->name, "quota", entry->quota, "since",
                                entry->since_s > 0 ? since_text(entry, since) : NULL, "by",
                                *entry->by != 0 ? entry->by : NULL);
        if (entry->rights != 0) (void)json_object_set_new(one, "rights", rights_json(entry->rights));
        (void)json_array_append_new(array, one);
    }
    json_t *whole = json_pack("{so}", "identities", array);
    (void)json_dumpf(whole, stdout, JSON_INDENT(2));
    (void)putchar('\n');
    json_decref(whole);
}

static void print_lines(const struct roll *roll)
{
    char since[TIME_TEXT_SIZE], rights[RIGHTS_TEXT_SIZE];
    for (size_t i = 0; i < roll->count; i++) {
        const struct roll_entry *entry = &roll->entries[i];
        printf("%-40s %-12s %-17s %s %s\n", entry->name, entry->quota, entry->rights != 0 ? rights_print(entry->rights, ',', rights) : "-",
               since_text(entry, since), entry->by);
    }
}

static enum daemon_exit run_list(const char *file, unsigned roles, bool json)
{
    struct roll roll CLEANUP(roll_clear) = { 0 };
    struct stat info;
    unsigned line;
    const char *why;
    if (!roll_read(file, roles, &roll, &info, &line, &why)) {
        if (line > 0) fprintf(stderr, "%s:%u: %s\n", file, line, why);
        else fprintf(stderr, "%s: %s\n", file, why);
        return DAEMON_FAILED;
    }
    if (json) print_json(&roll);
    else print_lines(&roll);
    return fflush(stdout) == 0 ? DAEMON_OK : DAEMON_FAILED;
}

enum daemon_exit registry_command_run(const struct registry_place *place, const struct daemon_options *options)
{
    if (strcmp(options->command, "registered") == 0) return run_list(place->file, place->roles, options->json);
    for (size_t i = 0; i < options->argument_count; i++)
        if (!usable(place, options->arguments[i], options)) return DAEMON_USAGE;
    struct changing changing = { .place = place, .options = options };
    return run_change(&changing);
}
