/* Grades as the settings name them. */
#ifndef SERVER_HTTP_GRADES_H
#define SERVER_HTTP_GRADES_H

#include <stdbool.h>

/* "full plate similar near", in any order, separated by spaces or commas, at least one; into a bit for each
   (1u << enum platesieve_grade). */
bool grades_parse(const char *text, unsigned *grades);

#endif
