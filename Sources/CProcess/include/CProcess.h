#ifndef FOVEA_CPROCESS_H
#define FOVEA_CPROCESS_H

#include <stdbool.h>

// In C, since a signal handler may touch nothing but lock-free atomics: a static of Swift is initialised under a lock.

// Gives SIGQUIT (Ctrl-\) its default action, which the runtime of Swift replaces: it would print a backtrace and continue.
void fovea_signals_prepare(void);

// Begins to listen. `grace`: seconds from the first request to stop until the program ends in any case.
void fovea_signals_listen(unsigned grace);

// The signal that requested a stop; 0 for none.
int fovea_signals_caught(void);

// Whether a checkpoint was requested since this was last called.
bool fovea_signals_take_checkpoint(void);

#endif
