// SPDX-License-Identifier: Apache-2.0
/* The floor of a boot: a PID 1 that says when it began and does nothing else. Beside it stands what the system adds.
 * Prints "nothing: MONOTONIC_USEC TSC" and waits. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

int main(void)
{
	unsigned long long tsc = __rdtsc();
	struct timespec t;
	char line[96];

	clock_gettime(CLOCK_MONOTONIC, &t);
	int n = snprintf(line, sizeof(line), "nothing: %lld %llu\n",
			 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000, tsc);
	(void)!write(1, line, (size_t)n);
	for (;;)
		pause();
}
