/* Scope-bound cleaning: `struct batch batch CLEANUP(batch_wipe) = { 0 };` calls batch_wipe(&batch) on every way out. */
#ifndef CLEANUP_H
#define CLEANUP_H

#define CLEANUP(function) __attribute__((cleanup(function)))
#define MUST_USE __attribute__((warn_unused_result)) /* on a function */
/* On a struct, between `struct` and its tag; the two compilers spell it differently. */
#ifdef __clang__
#define MUST_USE_TYPE __attribute__((warn_unused_result))
#else
#define MUST_USE_TYPE [[__nodiscard__]]
#endif
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
