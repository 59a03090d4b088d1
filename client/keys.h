/* platesieve keys: what is done to the keys of key servers. */
#ifndef CLIENT_KEYS_H
#define CLIENT_KEYS_H

#include "client/client.h"

/* keys_ceremony.c: platesieve keys ceremony; an exit code. */
int keys_ceremony(struct settings *settings, int argc, char **argv);
/* keys_rotate.c: platesieve keys rotate; an exit code. */
int keys_rotate(struct settings *settings, int argc, char **argv);

#endif
