/* Who hears what say() says. */
#ifndef CLIENT_SAY_H
#define CLIENT_SAY_H

#define SAY_LINE_MAX 1024 /* bytes; a longer line is cut */

struct say_ear {
    void (*hear)(void *context, const char *line); /* LINE has no end of line */
    void *context;
};

/* From now on say() in this thread goes to EAR, which is borrowed; NULL: to standard error, as at first.  Returns the one before. */
const struct say_ear *say_listen(const struct say_ear *ear);

#endif
