#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static void say(const char *text) {
    // Whether it can be written or not, the program ends.
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

// What must hold before the constructors of shared libraries run: they open files, and the mathematics library of libtorch
// ends the program, with a message of its own, where there is no working directory.
static void begin(int argc, char **argv, char **environment) {
    (void)argc, (void)argv, (void)environment;
    // The next file that is opened would get the number of a closed stream, and what is printed would go into it.
    for (int stream = 0; stream <= 2; ++stream) {
        // The lowest free number is given, and those below are open by now.
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) break;
    }
    char folder[PATH_MAX];
    if (getcwd(folder, sizeof folder)) return;
    say(errno == ENOENT
            ? "error: the working directory does not exist any more\n  Change to another folder (cd), and run the command again.\n"
            : "error: the path of the working directory is too long\n  Change to another folder (cd), and run the command again.\n");
    _exit(69);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **, char **) = begin;
