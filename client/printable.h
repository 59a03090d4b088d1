/* Which characters of other people's words are shown to people. */
#ifndef CLIENT_PRINTABLE_H
#define CLIENT_PRINTABLE_H

#include <stdbool.h>
#include <utf8proc.h>

/* Letters, digits, signs and spaces: nothing that ends a line, turns its direction, speaks to a terminal, or means nothing.  By Unicode's general
   category (UAX 44). */
bool printable(utf8proc_int32_t character);

#endif
