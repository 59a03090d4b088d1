#include "client/state.h"

#include "client/file.h"

bool state_path(const struct settings *settings, const char *agency, const char *file, char path[PATH_MAX])
{
    const char *own = getenv("PLATESIEVE_STATE"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (own != NULL && own[0] != '\0') return path_make(path, PATH_MAX, "%s/%s/%s", own, agency, file);
    if (settings->pki != NULL)
        return path_make(path, PATH_MAX, "%s/../state/client/%s/%s", settings->pki, agency, file);
    if (xdg != NULL && xdg[0] == '/') return path_make(path, PATH_MAX, "%s/platesieve/%s/%s", xdg, agency, file);
    if (home != NULL && home[0] == '/')
        return path_make(path, PATH_MAX, "%s/.local/state/platesieve/%s/%s", home, agency, file);
    say("where shall keys for references be kept? Set PLATESIEVE_STATE.");
    return false;
}
