#ifndef KEYED_H
#define KEYED_H
#endif
