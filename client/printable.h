/* Which characters of other people's words are shown to people. */
#ifndef CLIENT_PRINTABLE_H
#define CLIENT_PRINTABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <utf8proc.h>

/* Letters, digits, signs and spaces: nothing that ends a line, turns its direction, speaks to a terminal, or means nothing.  By Unicode's general
   category (UAX 44). */
bool printable(utf8proc_int32_t character);
/* Puts '?' for each other character of TEXT, and for each byte that is no UTF-8; a character that is cut off by the end goes. */
void make_printable(char *text);
/* A copy of what a server told, with all texts and names of members made printable: for what is shown to people, never for what goes on to a machine.  The
   caller json_decref()s; NULL for NULL, or without memory. */
json_t *json_printable(json_t *json);

#endif
