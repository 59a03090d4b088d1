/* The adapters, one a file.  A new one: its file, a line here, a line in engine.c, its messages in the tests. */
#ifndef CLIENT_ENGINES_ADAPTERS_H
#define CLIENT_ENGINES_ADAPTERS_H

#include "client/engines/engine.h"

extern const struct engine engine_axis, engine_dahua, engine_frigate, engine_genetec, engine_hikvision, engine_plain, engine_platerecognizer, engine_rekor,
    engine_unifi, engine_verkada;

#endif
