/* lib/codec/smbios.h - find a string of the firmware's type 11 ("OEM strings") tables.
 *
 * The input is the structure table as the kernel shows it in /sys/firmware/dmi/tables/DMI.
 */
#ifndef CODEC_SMBIOS_H
#define CODEC_SMBIOS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Find the first OEM string that begins with prefix.
 *
 *   ret      what follows the prefix, inside table, not NUL-ended
 *
 * Returns  whether there is one; a malformed table ends the search and is no error
 */
bool smbios_oem_string(const void *table, size_t len, const char *prefix, const char **ret, size_t *ret_len);

#endif
