#include "CProcess.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

static atomic_int caught = 0;
static atomic_int requests = 0;
static atomic_uint grace = 60;
static atomic_bool wants_checkpoint = false;
static atomic_bool is_job = false;

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2, "a handler may take no lock");

static void stop(int number) {
    int saved = errno;
    int before = 0;
    if (atomic_compare_exchange_strong(&caught, &before, number)) {
        alarm(atomic_load(&grace));
    } else if (number == SIGALRM) {
        // The grace is over.
        _exit(128 + before);
    }
    // Not SIGHUP: a closed terminal may send it twice, and a service manager sends it together with SIGTERM. Nor in a job, which
    // may get a signal from a terminal and from its parent, and is killed when that ends.
    if (!atomic_load(&is_job) && (number == SIGINT || number == SIGTERM) && atomic_fetch_add(&requests, 1) > 0) {
        _exit(128 + atomic_load(&caught));
    }
    errno = saved;
}

static void checkpoint(int number) {
    (void)number;
    atomic_store(&wants_checkpoint, true);
}

void fovea_signals_prepare(void) {
    struct sigaction present;
    // A shell starts programs in the background with SIGQUIT ignored.
    if (sigaction(SIGQUIT, NULL, &present) == 0 && present.sa_handler == SIG_IGN) return;
    signal(SIGQUIT, SIG_DFL);
}

void fovea_signals_listen(unsigned seconds) {
    static const int stopping[] = {SIGINT, SIGTERM, SIGALRM, SIGHUP};
    atomic_store(&grace, seconds);
    sigset_t heard;
    sigemptyset(&heard);
    struct sigaction action = {.sa_handler = stop, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stopping / sizeof *stopping; ++i) {
        struct sigaction present;
        // `nohup` starts programs that are to outlive their terminal with SIGHUP ignored.
        if (stopping[i] == SIGHUP && sigaction(SIGHUP, NULL, &present) == 0 && present.sa_handler == SIG_IGN) continue;
        sigaction(stopping[i], &action, NULL);
        sigaddset(&heard, stopping[i]);
    }
    action.sa_handler = checkpoint;
    sigaction(SIGUSR1, &action, NULL);
    sigaddset(&heard, SIGUSR1);
    // These end the program by themselves.
    static const int ending[] = {SIGQUIT, SIGUSR2, SIGXCPU};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; ++i) sigaddset(&heard, ending[i]);
    // The program that started this one may have held signals back, which is handed on.
    pthread_sigmask(SIG_UNBLOCK, &heard, NULL);
}

void fovea_signals_follow_parent(void) {
    atomic_store(&is_job, true);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // For `ps`: it was started by the name of a link.
    prctl(PR_SET_NAME, "fovea");
    // It may have ended before that; then nobody reads the messages of this process any more.
    struct pollfd reader = {.fd = STDERR_FILENO};
    if (poll(&reader, 1, 0) > 0 && reader.revents & POLLERR) _exit(128 + SIGKILL);
}

int fovea_signals_caught(void) { return atomic_load(&caught); }

bool fovea_signals_take_checkpoint(void) { return atomic_exchange(&wants_checkpoint, false); }
