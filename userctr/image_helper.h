/* userctr/image_helper.h - processes that read and write archives of images for the daemon, without its privileges. */
#ifndef USERCTR_IMAGE_HELPER_H
#define USERCTR_IMAGE_HELPER_H

#include <sys/types.h>

struct err;

/* Verbs of the program; each returns the exit status. */
int unpack_main(int argc, char **argv);
int fetch_main(int argc, char **argv);

/*
 * Start this very program with other arguments.
 *
 *   argv        ended by NULL; argv[0] is the program's name
 *   fds, n      become the descriptors 0, 1, 2, 3...; -1 = /dev/null (2: stays ours). Borrowed.
 *
 * Returns  a pidfd, caller owns: readable when it has ended, then to be waited for with helper_reap()
 * Blocks   until the new program runs
 */
int helper_spawn(const char *const argv[], const int *fds, size_t n, struct err *e);

/* Wait for an ended helper; closes pidfd. Returns its wait status, or -errno. */
int helper_reap(int pidfd);

#endif
