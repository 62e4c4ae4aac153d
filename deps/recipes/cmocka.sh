# cmocka: unit tests. One file; its build system is not worth having.
files='cmocka_*.orig.tar.*'
flavours='host'
licence=Apache-2.0
licence_files=COPYING

build() {
	cat >config.h <<-C
	#define HAVE_CLOCK_REALTIME 1
	#define HAVE_GCC_THREAD_LOCAL_STORAGE 1
	#define HAVE_INTTYPES_H 1
	#define HAVE_MALLOC_H 1
	#define HAVE_SETJMP_H 1
	#define HAVE_SIGNAL_H 1
	#define HAVE_STDINT_H 1
	#define HAVE_STDIO_H 1
	#define HAVE_STDLIB_H 1
	#define HAVE_STRINGS_H 1
	#define HAVE_STRING_H 1
	#define HAVE_STRSIGNAL 1
	#define HAVE_STRUCT_TIMESPEC 1
	#define HAVE_SYS_STAT_H 1
	#define HAVE_SYS_TYPES_H 1
	#define HAVE_TIME_H 1
	#define HAVE_UNISTD_H 1
	#define HAVE_CALLOC 1
	#define HAVE_CLOCK_GETTIME 1
	#define HAVE_EXIT 1
	#define HAVE_FPRINTF 1
	#define HAVE_FREE 1
	#define HAVE_LONGJMP 1
	#define HAVE_MALLOC 1
	#define HAVE_MEMCPY 1
	#define HAVE_MEMSET 1
	#define HAVE_PRINTF 1
	#define HAVE_SETJMP 1
	#define HAVE_SIGNAL 1
	#define HAVE_SNPRINTF 1
	#define HAVE_STRCMP 1
	#define HAVE_STRNCPY 1
	#define HAVE_VSNPRINTF 1
	C
	archive libcmocka.a -D_GNU_SOURCE -DHAVE_CONFIG_H -I. -Iinclude src/cmocka.c
	install -Dm644 -t "$out/include" include/cmocka.h include/cmocka_*.h
}
