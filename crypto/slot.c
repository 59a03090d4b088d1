#include <platesieve/platesieve.h>
