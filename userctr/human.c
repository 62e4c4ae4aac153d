// SPDX-License-Identifier: Apache-2.0
#include "userctr/human.h"

#include "lib/base/owned.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS 1000000000LL

const char *human_duration(int64_t s, char out[HUMAN_MAX])
{
	long long n = s;
	long long hours = (n + 1800) / 3600; /* docker rounds hours, and what is made of them */

	if (n < 1)
		(void)snprintf(out, HUMAN_MAX, "Less than a second");
	else if (n == 1)
		(void)snprintf(out, HUMAN_MAX, "1 second");
	else if (n < 60)
		(void)snprintf(out, HUMAN_MAX, "%lld seconds", n);
	else if (n / 60 == 1)
		(void)snprintf(out, HUMAN_MAX, "About a minute");
	else if (n / 60 < 60)
		(void)snprintf(out, HUMAN_MAX, "%lld minutes", n / 60);
	else if (hours == 1)
		(void)snprintf(out, HUMAN_MAX, "About an hour");
	else if (hours < 48)
		(void)snprintf(out, HUMAN_MAX, "%lld hours", hours);
	else if (hours < 24 * 7 * 2)
		(void)snprintf(out, HUMAN_MAX, "%lld days", hours / 24);
	else if (hours < 24 * 30 * 2)
		(void)snprintf(out, HUMAN_MAX, "%lld weeks", hours / 24 / 7);
	else if (hours < 24 * 365 * 2)
		(void)snprintf(out, HUMAN_MAX, "%lld months", hours / 24 / 30);
	else
		(void)snprintf(out, HUMAN_MAX, "%lld years", n / 3600 / 24 / 365);
	return out;
}

static const char *scaled(double v, double base, int digits, const char *const *unit, size_t units, char *out)
{
	size_t i = 0;

	while (v >= base && i + 1 < units) {
		v /= base;
		i++;
	}
	(void)snprintf(out, HUMAN_MAX, "%.*g%s", digits, v, unit[i]);
	return out;
}

const char *human_size(double bytes, int digits, char out[HUMAN_MAX])
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
	return scaled(bytes, 1000, digits, unit, countof(unit), out);
}

const char *human_bytes(double bytes, char out[HUMAN_MAX])
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
	return scaled(bytes, 1024, 4, unit, countof(unit), out);
}

int human_parse_bytes(const char *s, int64_t *ret)
{
	static const char units[] = "kmgtp";
	char *end;
	double v, factor = 1;

	if (!isdigit((unsigned char)*s) && *s != '.')
		return strcmp(s, "-1") == 0 ? (*ret = -1, 0) : -EINVAL;
	if (s[0] == '0' && tolower((unsigned char)s[1]) == 'x')
		return -EINVAL;
	v = strtod(s, &end);
	if (end == s)
		return -EINVAL;
	if (*end == ' ')
		end++;
	char u = (char)tolower((unsigned char)*end);
	const char *at = u != '\0' ? strchr(units, u) : NULL;
	if (at != NULL) {
		for (const char *p = units; p <= at; p++)
			factor *= 1024;
		end++;
		if (tolower((unsigned char)end[0]) == 'i' && tolower((unsigned char)end[1]) == 'b')
			end += 2;
		else if (tolower((unsigned char)*end) == 'b')
			end++;
	} else if (u == 'b') {
		end++;
	}
	if (*end != '\0' || v * factor >= 9.2e18)
		return -EINVAL;
	*ret = (int64_t)(v * factor);
	return 0;
}

static const struct {
	const char *name;
	int64_t ns;
} duration_units[] = {
	{"ns", 1}, {"us", 1000}, {"\xc2\xb5s", 1000}, {"ms", 1000000}, {"s", NS}, {"m", 60 * NS}, {"h", 3600 * NS},
};

int human_parse_duration(const char *s, int64_t *ret_ns)
{
	bool is_negative = *s == '-';
	double sum = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (strcmp(s, "0") == 0)
		return *ret_ns = 0, 0;
	if (*s == '\0')
		return -EINVAL;
	while (*s != '\0') {
		char num[32];
		size_t n = strspn(s, "0123456789."), i = 0;
		if (n == 0 || n >= sizeof(num) || strcmp(s, ".") == 0)
			return -EINVAL;
		memcpy(num, s, n);
		num[n] = '\0';
		s += n;
		size_t u = strcspn(s, "0123456789.");
		if (u == 0)
			return -ENOMSG;
		while (i < countof(duration_units) &&
		       (strlen(duration_units[i].name) != u || memcmp(duration_units[i].name, s, u) != 0))
			i++;
		if (i == countof(duration_units))
			return -EINVAL;
		char *end;
		double v = strtod(num, &end);
		if (*end != '\0')
			return -EINVAL;
		sum += v * (double)duration_units[i].ns;
		s += u;
	}
	if (sum >= 9.2e18)
		return -EINVAL;
	*ret_ns = is_negative ? -(int64_t)sum : (int64_t)sum;
	return 0;
}

const char *human_duration_ns(int64_t ns, char out[HUMAN_MAX])
{
	uint64_t u = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	const char *sign = ns < 0 ? "-" : "";
	char frac[12] = "";

	if (u < 1000)
		(void)snprintf(out, HUMAN_MAX, u == 0 ? "0s" : "%s%uns", sign, (unsigned)u);
	else if (u < 1000000)
		(void)snprintf(out, HUMAN_MAX, "%s%.7g\xc2\xb5s", sign, (double)u / 1e3);
	else if (u < NS)
		(void)snprintf(out, HUMAN_MAX, "%s%.9gms", sign, (double)u / 1e6);
	else {
		unsigned long long s = u / NS;
		if (u % NS != 0) {
			(void)snprintf(frac, sizeof(frac), ".%09u", (unsigned)(u % NS));
			for (size_t n = strlen(frac); frac[n - 1] == '0'; n--)
				frac[n - 1] = '\0';
		}
		if (s < 60)
			(void)snprintf(out, HUMAN_MAX, "%s%llu%ss", sign, s, frac);
		else if (s < 3600)
			(void)snprintf(out, HUMAN_MAX, "%s%llum%llu%ss", sign, s / 60, s % 60, frac);
		else
			(void)snprintf(out, HUMAN_MAX, "%s%lluh%llum%llu%ss", sign, s / 3600, s / 60 % 60, s % 60, frac);
	}
	return out;
}

static bool digits_only(const char *s, size_t n)
{
	return n > 0 && strspn(s, "0123456789") >= n;
}

/* "2013-01-02", "2013-01-02T13:23[:37[.5]]" with Z, +hh:mm or nothing (local time). */
static int parse_rfc3339(const char *s, int64_t *ret_sec, long *ret_ns)
{
	struct tm tm = {0};
	const char *p = strptime(s, "%Y-%m-%d", &tm);
	long zone = 0;
	bool has_zone = false;

	*ret_ns = 0;
	if (p == NULL)
		return -EINVAL;
	if (*p == 'T') {
		const char *at = strptime(p + 1, "%H:%M:%S", &tm);
		if (at == NULL)
			at = strptime(p + 1, "%H:%M", &tm);
		if (at == NULL)
			at = strptime(p + 1, "%H", &tm);
		if (at == NULL)
			return -EINVAL;
		p = at;
		if (*p == '.') {
			long scale = 100000000;
			for (p++; isdigit((unsigned char)*p); p++, scale /= 10)
				*ret_ns += (*p - '0') * scale;
		}
	}
	if (*p == 'Z') {
		has_zone = true;
		p++;
	} else if ((*p == '+' || *p == '-') && strlen(p) == 6 && p[3] == ':') {
		has_zone = true;
		zone = (atoi(p + 1) * 60 + atoi(p + 4)) * 60 * (*p == '-' ? -1 : 1);
		p += 6;
	}
	if (*p != '\0')
		return -EINVAL;
	tm.tm_isdst = -1;
	*ret_sec = has_zone ? timegm(&tm) - zone : mktime(&tm);
	return 0;
}

int human_parse_moment(const char *s, int64_t now_ns, char out[HUMAN_MAX])
{
	int64_t ns, sec;
	long frac = 0;
	size_t whole = strcspn(s, ".");

	if (digits_only(s, whole) && whole < 18 && (s[whole] == '\0' || digits_only(s + whole + 1, strlen(s + whole + 1))) &&
	    strlen(s) < 40) { /* as it is: the daemon knows both forms */
		(void)snprintf(out, HUMAN_MAX, "%.40s", s);
		return 0;
	}
	if (parse_rfc3339(s, &sec, &frac) == 0) {
		(void)snprintf(out, HUMAN_MAX, "%lld.%09ld", (long long)sec, frac);
		return 0;
	}
	if (human_parse_duration(s, &ns) < 0)
		return -EINVAL;
	int64_t at = now_ns - ns;
	(void)snprintf(out, HUMAN_MAX, "%lld.%09lld", (long long)(at / NS), (long long)(at % NS));
	return 0;
}
