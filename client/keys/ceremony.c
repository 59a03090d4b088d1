/* platesieve keys ceremony: deals three seeds to three key servers, so that each epoch's key is shared and no machine
   ever holds it.  docs/protocol.md, "Two of three", has the form of the files. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <platesieve/platesieve.h>

#include "client/base64.h"
#include "client/file.h"
#include "client/keys/keys.h"

#define SERVERS PLATESIEVE_KEY_SERVERS
#define SEED_TEXT 44 /* base64url of 32 bytes, and the ending zero */

_Static_assert(PLATESIEVE_SEED_BYTES == 32 && PLATESIEVE_COMMITMENT_BYTES == 32, "both are 43 characters");

/* All of it in locked memory. */
struct ceremony {
    uint8_t seeds[SERVERS][PLATESIEVE_SEED_BYTES];
    uint8_t commitments[SERVERS][PLATESIEVE_COMMITMENT_BYTES];
    char id[PLATESIEVE_TOKEN_TEXT + 1];
    char seed_texts[SERVERS][SEED_TEXT], commitment_texts[SERVERS][SEED_TEXT];
    char text[LIMIT_SHARE_FILE_BYTES];
};

static void draw(struct ceremony *ceremony)
{
    uint8_t id[PLATESIEVE_CEREMONY_ID_BYTES];

    for (unsigned i = 0; i < SERVERS; i++) {
        randombytes_buf(ceremony->seeds[i], PLATESIEVE_SEED_BYTES);
        platesieve_seed_commitment(i + 1, ceremony->seeds[i], ceremony->commitments[i]);
        base64_print(ceremony->seeds[i], PLATESIEVE_SEED_BYTES, ceremony->seed_texts[i], SEED_TEXT);
        base64_print(ceremony->commitments[i], PLATESIEVE_COMMITMENT_BYTES, ceremony->commitment_texts[i], SEED_TEXT);
    }
    platesieve_ceremony_id((const uint8_t(*)[PLATESIEVE_COMMITMENT_BYTES])ceremony->commitments, id);
    base64_print(id, sizeof(id), ceremony->id, sizeof(ceremony->id));
}

static void file_name(const char *folder, unsigned server, char path[PATH_MAX])
{
    (void)!snprintf(path, PATH_MAX, "%s/keys-%u.share", folder, server);
}

/* What server SERVER gets: the seeds of the two others' numbers. */
static bool write_share(struct ceremony *ceremony, const char *folder, unsigned server)
{
    const unsigned lower = server == 1 ? 2 : 1, higher = server == SERVERS ? SERVERS - 1 : SERVERS;
    char path[PATH_MAX];
    int size;

    file_name(folder, server, path);
    size = snprintf(ceremony->text, sizeof(ceremony->text),
                    "{\"ceremony\": \"%s\", \"server\": %u, \"of\": %d,\n"
                    " \"seeds\": {\"%u\": \"%s\", \"%u\": \"%s\"},\n"
                    " \"commitments\": [\"%s\", \"%s\", \"%s\"]}\n",
                    ceremony->id, server, SERVERS, lower, ceremony->seed_texts[lower - 1], higher,
                    ceremony->seed_texts[higher - 1], ceremony->commitment_texts[0], ceremony->commitment_texts[1],
                    ceremony->commitment_texts[2]);
    return size > 0 && (size_t)size < sizeof(ceremony->text) && file_write(path, ceremony->text, (size_t)size, 0600);
}

/* The folder must be new: a ceremony never lies over another. */
static bool deal(struct ceremony *ceremony, const char *folder)
{
    if (strlen(folder) > PATH_MAX - 32) {
        say("a path is too long");
        return false;
    }
    if (mkdir(folder, 0700) != 0) {
        say(errno == EEXIST ? "%s is there already: give the name of a new folder" : "can't make the folder %s: %m",
            folder);
        return false;
    }
    draw(ceremony);
    for (unsigned server = 1; server <= SERVERS; server++)
        if (!write_share(ceremony, folder, server)) return false;
    return true;
}

static bool tell(const struct settings *settings, const struct ceremony *ceremony, const char *folder)
{
    json_t *files = json_array();

    for (unsigned server = 1; server <= SERVERS; server++) {
        char path[PATH_MAX];

        file_name(folder, server, path);
        json_array_append_new(files, json_pack("{s:i, s:s}", "server", (int)server, "file", path));
        if (!settings->json)
            printf("%s  goes to the machine of key server %u, by hand, and there:  "
                   "platesieve-keyd share keys-%u.share --config FILE\n",
                   path, server, server);
    }
    if (settings->json) return print_json(json_pack("{s:s, s:o}", "ceremony", ceremony->id, "files", files));
    json_decref(files);
    printf("Each machine names the ceremony %s when it has taken its file.  Two of the files open every epoch:\n"
           "no machine may see a second one, no network any, and when all three are taken, destroy %s\n"
           "and each copy (shred -u; the medium too, if it is flash).\n",
           ceremony->id, folder);
    return !ferror(stdout);
}

static error_t ceremony_parse(int key, char *argument, struct argp_state *state)
{
    const char **folder = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) return ARGP_ERR_UNKNOWN;
        *folder = argument;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which folder?"); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int keys_ceremony(struct settings *settings, int argc, char **argv)
{
    const char *folder = NULL;
    struct command_input input = { settings, &folder };
    struct ceremony *made;
    bool done;

    command_parse(NULL, ceremony_parse, "DIR",
                  "Draws the seeds of which three key servers make their shares of every epoch's key, and writes one file "
                  "for each server into the new folder DIR.  To be done once, on a machine without a network.",
                  &input, argc, argv);
    made = platesieve_secret_allocate(sizeof(*made));
    if (made == NULL) {
        say("there is no memory that can be locked for seeds");
        return CLIENT_FAILED;
    }
    done = deal(made, folder) && tell(settings, made, folder);
    platesieve_secret_free(made);
    return done ? CLIENT_OK : CLIENT_FAILED;
}
