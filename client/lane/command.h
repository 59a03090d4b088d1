/* The commands that begin with `platesieve lane`. */
#ifndef CLIENT_LANE_COMMAND_H
#define CLIENT_LANE_COMMAND_H

#include "client/client.h"

/* --config FILE: the service (service.h); a word of its own; or reads from a file (lane.c). */
int command_lane_any(struct settings *settings, int argc, char **argv);
int command_lane_status(struct settings *settings, int argc, char **argv);

#endif
