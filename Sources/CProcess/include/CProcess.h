#ifndef FOVEA_CPROCESS_H
#define FOVEA_CPROCESS_H

#include <stdbool.h>
#include <sys/types.h>

// In C, since a signal handler may touch nothing but lock-free atomics: a static of Swift is initialised under a lock.

// Gives SIGQUIT (Ctrl-\) its default action, which the runtime of Swift replaces: it would print a backtrace and continue.
void fovea_signals_prepare(void);

// Begins to listen. `grace`: seconds from the first request to stop until the program ends in any case.
void fovea_signals_listen(unsigned grace);

// For a job: a signal does not end it at once, however often it comes, but the end of its parent does, which must read its
// standard error stream from a pipe. Called before it listens.
void fovea_signals_follow_parent(void);

// The signal that requested a stop; 0 for none.
int fovea_signals_caught(void);

// Whether a checkpoint was requested since this was last called.
bool fovea_signals_take_checkpoint(void);

// Starts this program once more, with arguments that end with NULL; gives the process, or -1 with errno. `messages`: where its
// standard error stream can be read.
pid_t fovea_job_start(char *const *arguments, int *messages);

#endif
