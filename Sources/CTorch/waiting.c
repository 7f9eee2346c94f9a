// How threads of the OpenMP library wait for work.
//
// Those of GNU's library, which libtorch brings, turn round and round by default and so take the cores away from other
// programs on them. The library reads its environment when it is loaded, before the program begins. So this function,
// which the loader calls before the constructors of all libraries, starts the program anew in the same process with
// the number of turns in its environment. Where that cannot be done everything works, only slower beside others.
#include "CTorch.h"

#include <features.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__) && defined(__GLIBC__)

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
    // After the new start this holds, so it is the only one.
    if (waiting_in(environment)) return;
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
