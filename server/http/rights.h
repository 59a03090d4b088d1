/* What an agency's identity may do, and how it is written: in the file of registered names ("push view decrypt"), on
   command lines ("push,view") and in JSON. */
#ifndef SERVER_HTTP_RIGHTS_H
#define SERVER_HTTP_RIGHTS_H

#include "server/http/http.h"

#define RIGHTS_TEXT_SIZE 24 /* all of them, separated, with an ending zero */

/* Words separated by spaces or commas, at least one, each once.  False for anything else. */
bool rights_parse(const char *text, unsigned *rights);
/* The words of RIGHTS (ORed), in one order, separated by SEPARATOR. */
const char *rights_print(unsigned rights, char separator, char text[RIGHTS_TEXT_SIZE]);

/* An array of the words. */
json_t *rights_json(unsigned rights);
/* The same, parsed: at least one, each once. */
bool rights_take(const json_t *json, unsigned *rights);

#endif
