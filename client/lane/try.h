/* platesieve lane try: what a lane would understand of a message of a camera engine. */
#ifndef CLIENT_LANE_TRY_H
#define CLIENT_LANE_TRY_H

#include "client/client.h"

int command_lane_try(struct settings *settings, int argc, char **argv);

#endif
