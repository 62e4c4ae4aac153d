// SPDX-License-Identifier: Apache-2.0
/* The administrators' password and homes. Without a password given for this boot nobody can log in by one: there is no
 * default that the network could guess. */
#include "images/console/console.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/cmdline.h"
#include "lib/sys/io.h"

#include <crypt.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define PASSWORD_MAX 256

static const char *const names[] = {CONSOLE_USER, "rancher"};

bool users_have_password(const char *cmdline, size_t len)
{
	struct cmdline_arg a;

	return cmdline_last(cmdline, len, "password", &a) && a.value_len > 0;
}

static int make_hash(const char *password, char out[256], struct err *e)
{
	static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned char random[16];
	char salt[32] = "$6$";

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return err_set(e, errno, "get random bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		salt[3 + i] = digits[random[i] & 63];
	struct crypt_data data = {0};
	const char *hash = crypt_r(password, salt, &data);
	if (hash == NULL || hash[0] == '*' || strlen(hash) >= 256)
		return err_say(e, EINVAL, "the password cannot be hashed");
	strcpy(out, hash);
	return 0;
}

static int write_shadow(const char *hash, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(4096);

	/* no password makes this hash; a shorter way to say so ends busybox' login with a complaint about the salt */
	buf_puts(&b, "root:$6$none$*:::::::\nnobody:$6$none$*:::::::\n");
	for (size_t i = 0; i < countof(names); i++)
		buf_printf(&b, "%s:%s:::::::\n", names[i], hash);
	owned_fd int etc = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (etc < 0)
		return err_set(e, errno, "open '/etc'");
	return file_replace(etc, "shadow", buf_str(&b), b.len, 0600, e);
}

int users_set(const char *cmdline, size_t len, struct err *e)
{
	char password[PASSWORD_MAX], hash[256], home[64];
	struct cmdline_arg a;

	for (size_t i = 0; i < countof(names); i++) {
		(void)snprintf(home, sizeof(home), "/home/%s", names[i]); /* fits */
		if (mkdir(home, 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "make home '%s'", home);
	}
	if (!users_have_password(cmdline, len) || !cmdline_last(cmdline, len, "password", &a))
		return 0;
	if (!cmdline_copy_value(&a, password, sizeof(password)))
		return err_say(e, EINVAL, "slipway.password: more than %d characters, or a control character", PASSWORD_MAX - 1);
	int r = make_hash(password, hash, e);
	explicit_bzero(password, sizeof(password));
	return r < 0 ? r : write_shadow(hash, e);
}
