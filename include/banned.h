/* Functions that have hurt C programs too often are compile errors here.  The build includes this header before any other
   (PS_CPPFLAGS); the standard headers come first, so that their own declarations stay valid. */
#ifndef BANNED_H
#define BANNED_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(function, instead) function##_is_banned_use_##instead

#undef strcpy
#define strcpy(...) BANNED(strcpy, snprintf_or_memcpy)
#undef strcat
#define strcat(...) BANNED(strcat, snprintf)
#undef strncpy
#define strncpy(...) BANNED(strncpy, snprintf_or_memcpy)
#undef strncat
#define strncat(...) BANNED(strncat, snprintf)
#undef stpcpy
#define stpcpy(...) BANNED(stpcpy, snprintf)
#undef sprintf
#define sprintf(...) BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, vsnprintf)
#undef gets
#define gets(...) BANNED(gets, getline)
#undef strtok
#define strtok(...) BANNED(strtok, strtok_r)
#undef alloca
#define alloca(...) BANNED(alloca, malloc)
#undef atoi
#define atoi(...) BANNED(atoi, strtol)
#undef atol
#define atol(...) BANNED(atol, strtol)
#undef atoll
#define atoll(...) BANNED(atoll, strtoll)
#undef atof
#define atof(...) BANNED(atof, strtod)
#undef sscanf
#define sscanf(...) BANNED(sscanf, a_parser)
#undef scanf
#define scanf(...) BANNED(scanf, getline_and_a_parser)
#undef rand
#define rand(...) BANNED(rand, randombytes_buf)
#undef random
#define random(...) BANNED(random, randombytes_buf)
#undef tmpnam
#define tmpnam(...) BANNED(tmpnam, mkstemp)
#undef mktemp
#define mktemp(...) BANNED(mktemp, mkstemp)
#undef system
#define system(...) BANNED(system, posix_spawn)
#undef popen
#define popen(...) BANNED(popen, posix_spawn)
#undef gmtime
#define gmtime(...) BANNED(gmtime, gmtime_r)
#undef localtime
#define localtime(...) BANNED(localtime, localtime_r)
#undef ctime
#define ctime(...) BANNED(ctime, strftime)
#undef asctime
#define asctime(...) BANNED(asctime, strftime)

#endif
