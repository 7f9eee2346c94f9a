// What threads of the OpenMP library find in the environment.
//
// Those of GNU's library, which libtorch brings, spin by default while they wait for work and so take the cores away from
// other programs on them. And some variables let a parallel part have fewer threads than it was promised: oneDNN then waits
// for ever, and MKL's and libtorch's results are wrong. The library reads its environment when it is loaded, before main. So
// this function, which the loader calls before the constructors of all libraries, executes the program again in the same
// process, with the number of spins in its environment and without those variables. Where that cannot be done everything
// else works, only slower next to other programs.
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
// How many threads compute is decided by --threads.
static const char *const misleading[] = {"OMP_DYNAMIC=", "OMP_THREAD_LIMIT=", "OMP_MAX_ACTIVE_LEVELS="};

static int is_any(const char *entry, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (!strncmp(entry, names[i], strlen(names[i]))) return 1;
    }
    return 0;
}

#define IS_ANY(entry, names) is_any(entry, names, sizeof names / sizeof *names)

static const char *waiting_in(char *const *environment) {
    for (; *environment; ++environment) {
        if (IS_ANY(*environment, variables)) return *environment;
    }
    return NULL;
}

static void choose_waiting(int argc, char **argv, char **environment) {
    (void)argc;
    size_t count = 0, kept = 0;
    for (; environment[count]; ++count) kept += !IS_ANY(environment[count], misleading);
    int waits = waiting_in(environment) != NULL;
    // True the second time, so there is no third.
    if (waits && kept == count) return;
    // With the rights of another user nothing is executed by a path. Without a base of the loader it is the loader that was
    // executed (`ld.so PROGRAM`): /proc/self/exe then names the loader, which would take our arguments for its own.
    if (getauxval(AT_SECURE) || !getauxval(AT_BASE)) return;
    // By its own path: /proc/self/exe would become the name that `ps` shows.
    char path[PATH_MAX + 1];
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    if (length <= 0) return;
    path[length] = 0;
    char *changed[kept + 2];
    size_t end = 0;
    for (size_t i = 0; i < count; ++i) {
        if (!IS_ANY(environment[i], misleading)) changed[end++] = environment[i];
    }
    if (!waits) changed[end++] = chosen;
    changed[end] = NULL;
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
