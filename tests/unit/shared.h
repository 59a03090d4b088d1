/* Test data that is not part of the project: found through PLATESIEVE_SHARED, or the test says that it is skipped. */
#ifndef TESTS_SHARED_H
#define TESTS_SHARED_H

#include <stdio.h>
#include <stdlib.h>

/* Opens NAME below the shared folder, or says aloud that it is absent and returns NULL. */
static inline FILE *shared_open(const char *name)
{
    const char *folder = getenv("PLATESIEVE_SHARED");
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "../shared", name);
    file = fopen(path, "r");
    if (file == NULL)
        fprintf(stderr, "SKIPPED: %s is absent; set PLATESIEVE_SHARED to the folder that holds it\n", name);
    return file;
}

#endif
