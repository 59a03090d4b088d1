#include "server/http/grades.h"

#include <platesieve/platesieve.h>
#include <stdio.h>

#define TEXT_BYTES 64

bool grades_parse(const char *text, unsigned *grades)
{
    char copy[TEXT_BYTES], *rest = copy;
    *grades = 0;
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy) return false;
    for (const char *word = strtok_r(copy, " ,", &rest); word != NULL; word = strtok_r(NULL, " ,", &rest)) {
        enum platesieve_grade grade;
        if (!platesieve_grade_parse(word, &grade)) return false;
        *grades |= 1u << grade;
    }
    return *grades != 0;
}
