/* The facts that jurisdiction.c looks up.  All tables are sorted by code, bytewise.  Inside the library only. */
#ifndef JURISDICTION_TABLE_H
#define JURISDICTION_TABLE_H

#include <platesieve/platesieve.h>

#define JURISDICTION_FOREIGN_CODE 2 /* characters of a code that isn't ISO 3166-2 */

struct jurisdiction_pair {
    char code[JURISDICTION_FOREIGN_CODE + 1];
    char iso[PLATESIEVE_JURISDICTION_MAX + 1];
};

struct jurisdiction_pairs {
    const struct jurisdiction_pair *pairs;
    size_t count;
};

/* Indexed by enum platesieve_codes. */
extern const struct jurisdiction_pairs jurisdiction_pairs[];

/* Every jurisdiction there is: ISO 3166-1 alpha-2 without US, CA, MX and without the six that are US subdivisions too; ISO 3166-2 of
   US, CA and MX. */
extern const char jurisdiction_iso[][PLATESIEVE_JURISDICTION_MAX + 1];
extern const size_t jurisdiction_iso_count;

#endif
