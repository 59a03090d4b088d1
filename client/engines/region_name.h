/* States of the United States and Mexico and provinces of Canada, by name, to ISO 3166-2. */
#ifndef CLIENT_ENGINES_REGION_NAME_H
#define CLIENT_ENGINES_REGION_NAME_H

#include "client/engines/document.h"

/* "Texas", "NEW_YORK", "Nuevo Leon", "Québec": "US-TX" and so on, static.  Absent: it is none of these, or, unless COUNTRY is "US", "Georgia", which is a
   country as well. */
struct value engine_region_name(struct value name, const char *country);

#endif
