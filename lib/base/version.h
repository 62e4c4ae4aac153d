/* lib/base/version.h - the version of everything that is built from this tree. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define SLIPWAY_VERSION "0.1.0"

#endif
