// How threads of the OpenMP library wait for work.
//
// Those of GNU's library, which libtorch brings, spin by default and so take the cores away from other programs on them.
// The library reads its environment when it is loaded, before main. So this function, which the loader calls before the
// constructors of all libraries, executes the program again in the same process with the number of spins in its
// environment. Where that cannot be done everything works, only slower next to other programs.
#include "CTorch.h"

#include <features.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__) && defined(__GLIBC__)

#include <sys/auxv.h>

// Any of these says how threads wait; the last two are LLVM's and Intel's.
static const char *const variables[] = {"GOMP_SPINCOUNT=", "OMP_WAIT_POLICY=", "KMP_BLOCKTIME=", "KMP_LIBRARY="};
static char chosen[] = "GOMP_SPINCOUNT=10000";

static const char *waiting_in(char *const *environment) {
    for (; *environment; ++environment) {
        for (size_t i = 0; i < sizeof variables / sizeof *variables; ++i) {
            if (!strncmp(*environment, variables[i], strlen(variables[i]))) return *environment;
        }
    }
    return NULL;
}

static void choose_waiting(int argc, char **argv, char **environment) {
    (void)argc;
    // True the second time, so there is no third.
    if (waiting_in(environment)) return;
    // With the rights of another user nothing is executed by a path. Without a base of the loader it is the loader that was
    // executed (`ld.so PROGRAM`): /proc/self/exe then names the loader, which would take our arguments for its own.
    if (getauxval(AT_SECURE) || !getauxval(AT_BASE)) return;
    size_t count = 0;
    while (environment[count]) ++count;
    // By its own path: /proc/self/exe would become the name that `ps` shows.
    char path[PATH_MAX + 1];
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    if (length <= 0) return;
    path[length] = 0;
    char *changed[count + 2];
    memcpy(changed, environment, count * sizeof *changed);
    changed[count] = chosen;
    changed[count + 1] = NULL;
    execve(path, argv, changed);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **, char **) = choose_waiting;

const char *ct_waiting(void) {
    extern char **environ;
    return waiting_in(environ);
}

#else

const char *ct_waiting(void) { return NULL; }

#endif
