/* Countries of three letters, as cameras name them (ISO 3166-1 alpha-3: "POL"), to countries of two. */
#ifndef CLIENT_ENGINES_COUNTRY_H
#define CLIENT_ENGINES_COUNTRY_H

#include "client/engines/document.h"

/* "POL", "pol": "PL", static.  Absent: it is no such code, or its states issue the plates (CAN, MEX, USA), so that the country alone says nothing. */
struct value engine_country(struct value country);

#endif
