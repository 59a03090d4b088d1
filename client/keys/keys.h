/* platesieve keys: what is done to the keys of key servers. */
#ifndef CLIENT_KEYS_KEYS_H
#define CLIENT_KEYS_KEYS_H

#include "client/client.h"

/* ceremony.c: platesieve keys ceremony; an exit code. */
int keys_ceremony(struct settings *settings, int argc, char **argv);
/* rotate.c: platesieve keys rotate; an exit code. */
int keys_rotate(struct settings *settings, int argc, char **argv);

#endif
