/* init/boot.h - the steps of the boot; one early job per file. Each is `int (*)(void *pid1, struct err *)`. */
#ifndef INIT_BOOT_H
#define INIT_BOOT_H

struct err;

int boot_mounts(void *ctx, struct err *e);	  /* boot_mounts.c: kernel file systems, cgroups delegated */
int boot_log(void *ctx, struct err *e);		  /* boot_log.c: descriptors 0-3, kernel log */
int boot_cmdline(void *ctx, struct err *e);	  /* boot_cmdline.c: read, and told to services */
int boot_consoles(void *ctx, struct err *e);	  /* boot_cmdline.c: consoles, complaints about keys */
int boot_clock(void *ctx, struct err *e);	  /* boot_clock.c: not before the build */
int boot_recovery(void *ctx, struct err *e);	  /* boot_cmdline.c: fails when slipway.recovery asks for it */
int boot_state(void *ctx, struct err *e);	  /* boot_state.c: find it, mount it detached */
int boot_image(void *ctx, struct err *e);	  /* boot_image.c: the system image becomes the root */
int boot_binds(void *ctx, struct err *e);	  /* boot_state.c: attach the state and what persists in it */
void boot_binds_undo(void *ctx);		  /* boot_state.c: stamp, unmount or read-only; runs in a child */
int boot_table(void *ctx, struct err *e);	  /* boot_services.c */
int boot_control(void *ctx, struct err *e);	  /* boot_services.c */
int boot_services(void *ctx, struct err *e);	  /* boot_services.c: start them */

#endif
