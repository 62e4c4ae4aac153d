/* userctr/init_main.h - /sbin/docker-init of `docker run --init`: this program under another name. */
#ifndef USERCTR_INIT_MAIN_H
#define USERCTR_INIT_MAIN_H

/* Run argv[1...] (after an optional "--") as a child, pass signals on to it, reap whatever is left to process 1, and end as
 * the child did. Returns the exit status. */
int init_main(int argc, char **argv);

#endif
