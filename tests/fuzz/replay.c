/* Runs a fuzz target over the files named, or over its corpus in the source tree: what `make check` does without libFuzzer.
   NAME_fuzz's corpus is $srcdir/tests/fuzz/corpus/NAME. */
#include <dirent.h>
#include <limits.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1024 * 1024)

static int replay_file(const char *path)
{
    static unsigned char input[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    unsigned char *exact;
    size_t size;

    if (file == NULL) {
        perror(path);
        return 1;
    }
    size = fread(input, 1, sizeof input, file);
    fclose(file);
    exact = malloc(size > 0 ? size : 1); /* of exactly that size, so that a sanitizer sees a read behind it */
    if (exact == NULL)
        return 1;
    memcpy(exact, input, size);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

static int replay_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    char path[PATH_MAX];
    int failed = 0, files = 0;

    if (directory == NULL) {
        perror(folder);
        return 1;
    }
    while (!failed && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        failed = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path || replay_file(path) != 0;
        files++;
    }
    closedir(directory);
    printf("%sok 1 - %d files of %s\n1..1\n", failed || files == 0 ? "not " : "", files, folder);
    return failed || files == 0;
}

int main(int argc, char **argv)
{
    const char *source = getenv("srcdir"), *slash = strrchr(argv[0], '/');
    char folder[PATH_MAX], name[64];
    size_t length;

    if (argc > 1) {
        int failed = 0;

        for (int i = 1; i < argc && !failed; i++)
            failed = replay_file(argv[i]);
        return failed;
    }
    snprintf(name, sizeof name, "%s", slash != NULL ? slash + 1 : argv[0]);
    length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, "_fuzz") == 0)
        name[length - 5] = 0;
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".", name);
    return replay_folder(folder);
}
