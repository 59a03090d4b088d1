/* Settings of a daemon from an INI file (inih) into a struct, by a table: unknown sections and keys, values out of
   range and missing ones are errors that name file, line and key, never the value; in a section "<prefix> NAME", the
   section and the key as the file has them, '?' for what is no printable ASCII. */
#ifndef SERVER_HTTP_SETTINGS_H
#define SERVER_HTTP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum setting_type { SETTING_TEXT, SETTING_NUMBER, SETTING_BOOL };

struct setting {
    const char *section; /* "gate", or "site *": each section "site NAME" is handed to `each` below */
    const char *key;
    enum setting_type type;
    size_t offset;        /* into the struct: char * (malloc'ed), unsigned long long, bool */
    const char *fallback; /* NULL: must be given; "": optional, NULL pointer for text */
    unsigned long long min, max;
};

/* Called for keys of sections "<prefix> NAME", where SETTING, a row of the table, has the section "<prefix> *"; false
   refuses the key. */
typedef bool (*setting_each_fn)(void *settings, const struct setting *setting, const char *name, const char *key,
                                const char *value);

/* 0, or -1 with one line on ERRORS. */
int settings_read(const char *file, const struct setting *table, size_t count, setting_each_fn each, void *settings,
                  FILE *errors);
/* The line of FILE, from 1, that first gives KEY of SECTION (NULL: any key of it), for complaints about values that only make sense together; 0: none does, or it
   can't be read. */
int settings_line(const char *file, const char *section, const char *key);
/* Frees the texts that the table points at. */
void settings_free(const struct setting *table, size_t count, void *settings);

#endif
