# SPDX-License-Identifier: Apache-2.0
# Slipway's only makefile. Sources are found by folder, so adding a .c file needs no edit here.
#   make [O=build] [V=1]     'make help' lists the targets

O       ?= build
V       ?= 0
SHELL   := /bin/bash
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

export SLIPWAY_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/slipway
export SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),1700000000)
export O
export LC_ALL := C
export TZ := UTC

Q := $(if $(filter 1,$(V)),,@)
say = @printf '  %-5s %s\n' $(1) $(2);
# $(call step,what,command): a long step; a line with its time when it is done
step = $(Q)s=$$EPOCHREALTIME; set -e; $(2); s=$$(( $${EPOCHREALTIME/./} - $${s/./} )); \
	printf '[%4d.%d s] %s\n' $$((s / 1000000)) $$((s / 100000 % 10)) '$(1)'

# ---- sources ------------------------------------------------------------------------------------

layers     := $(sort $(patsubst lib/%/,%,$(dir $(wildcard lib/*/*.c))))
services   := $(sort $(foreach d,$(dir $(wildcard images/*/*.c)),$(notdir $(d:/=))))
programs   := init sysctr userctr slipway $(services:%=slipway-%)
src_sysctr  := $(filter-out sysctr/main.c sysctr/cli_%,$(wildcard sysctr/*.c))
src_init    := $(wildcard init/*.c)
src_userctr := $(wildcard userctr/*.c userctr/*/*.c)
src_slipway := $(wildcard admin/*.c admin/*/*.c)
cli_sysctr  := $(wildcard sysctr/main.c sysctr/cli_*.c)
libsrc      := $(wildcard lib/*/*.c) $(src_sysctr)
src         := $(libsrc) $(cli_sysctr) $(src_init) $(src_userctr) $(src_slipway) \
	$(wildcard images/*/*.c)
fixtures   := $(patsubst tests/fixtures/%.c,%,$(wildcard tests/fixtures/*.c))
unit       := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
ns         := $(patsubst tests/ns/%.c,%,$(wildcard tests/ns/*_test.c))
fuzz       := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
# a program may be a folder that has no code yet
has_main    = $(wildcard $(dir $(firstword $(1)))main.c)
built      := $(strip $(if $(wildcard init/main.c),init) $(if $(wildcard sysctr/main.c),sysctr) \
	$(if $(wildcard userctr/main.c),userctr) $(if $(wildcard admin/main.c),slipway) \
	$(services:%=slipway-%))

# A file whose head says 'build: -O2' is worth its size in speed; all others are for size.
fast       := $(shell grep -ls '^/\* build: -O2' $(src) /dev/null)

# ---- flags ---------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wvla -Wswitch-enum -Wmissing-prototypes -Wstrict-prototypes \
	-Wpointer-arith -Wwrite-strings -Wformat=2 -Wno-format-nonliteral -Wundef -Werror
BASE := -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -MMD -MP -fvisibility=hidden \
	-ffile-prefix-map=$(CURDIR)=. $(WARN)

DEPS_musl := $(O)/deps/musl
DEPS_host := $(O)/deps/host
XCC       := $(DEPS_musl)/bin/x86_64-linux-musl-gcc
SYSROOT   := $(DEPS_musl)/sysroot

# rel: what the system runs.  asan: unit tests.  fuzz: libFuzzer.
CC_rel      := $(XCC)
CFLAGS_rel  := $(BASE) -isystem $(DEPS_musl)/include -g -fPIE -ffunction-sections -fdata-sections \
	-fstack-protector-strong -fstack-clash-protection \
	-fno-asynchronous-unwind-tables -fno-unwind-tables
LDFLAGS_rel := -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,relro,-z,now -Wl,-z,noexecstack \
	-Wl,--fatal-warnings -L$(DEPS_musl)/lib
OPT_rel      = $(if $(filter $<,$(fast)),-O2,-Os)

SAN         := -fsanitize=address,undefined -fno-sanitize-recover=undefined
CC_asan     := gcc
CFLAGS_asan := $(BASE) -isystem $(DEPS_host)/include -g -O1 -fno-omit-frame-pointer $(SAN)
CC_fuzz     := clang
CFLAGS_fuzz := $(BASE) -isystem $(DEPS_host)/include -g -O1 -fno-omit-frame-pointer $(SAN) \
	-fsanitize=fuzzer-no-link
OPT_asan    :=
OPT_fuzz    :=

THIRD := -lcurl -larchive -lzstd -lz -lmbedtls -lmbedx509 -lmbedcrypto -lseccomp -lyyjson -lyaml \
	-lhttp_parser

# ---- third-party libraries -----------------------------------------------------------------------

deps_in := $(wildcard deps/*.sh deps/recipes/*) deps/manifest

deps: $(O)/.host-packages $(O)/deps/musl.stamp $(O)/deps/host.stamp

$(O)/.host-packages: deps/packages.txt deps/packages.sh
	@mkdir -p $(@D)
	$(Q)deps/packages.sh
	@touch $@

# links into a cache that somebody emptied
$(foreach f,musl host,$(shell test -e $(O)/deps/$(f)/lib/libz.a || rm -f $(O)/deps/$(f).stamp))

$(O)/deps/%.stamp: $(deps_in) | $(O)/.host-packages
	@mkdir -p $(@D)
	$(Q)deps/build.sh $* $(O)/deps/$*
	@touch $@

deps-update:
	$(Q)deps/update.sh $(PKG)

# ---- compiling and linking -----------------------------------------------------------------------

# Files that change only when what they say changes: flags, and which sources there are.
keep = $(shell mkdir -p $(dir $(1)); printf '%s\n' '$(2)' | cmp -s - $(1) || \
	printf '%s\n' '$(2)' >$(1))
$(foreach f,rel asan fuzz,$(call keep,$(O)/$(f)/flags,$(CC_$(f)) $(CFLAGS_$(f)) $(fast)))
$(call keep,$(O)/sources,$(src))

define compile  # flavour, flavour of the libraries
$(O)/$(1)/%.o: %.c $(O)/$(1)/flags | $(O)/deps/$(2).stamp
	@mkdir -p $$(@D)
	$$(call say,CC$(if $(filter rel,$(1)),,-$(1)),$$<)
	$(Q)$$(CC_$(1)) $$(CFLAGS_$(1)) $$(OPT_$(1)) -c -o $$@ $$<
endef
$(eval $(call compile,rel,musl))
$(eval $(call compile,asan,host))
$(eval $(call compile,fuzz,host))

define archive  # flavour, name, sources
$(O)/$(1)/lib$(2).a: $(3:%.c=$(O)/$(1)/%.o) $(O)/sources
	$$(call say,AR$(if $(filter rel,$(1)),,-$(1)),lib$(2).a)
	@rm -f $$@
	$(Q)gcc-ar rcsD $$@ $$(filter %.o,$$^)
endef

# The release has one archive per layer; tests link the programs' insides too.
libs := $(layers) sysctr
$(foreach f,rel asan fuzz,\
	$(foreach l,$(layers),$(eval $(call archive,$(f),$(l),$(wildcard lib/$(l)/*.c))))\
	$(eval $(call archive,$(f),sysctr,$(src_sysctr))))
$(foreach f,asan fuzz,\
	$(eval $(call archive,$(f),init,$(filter-out init/main.c,$(src_init))))\
	$(eval $(call archive,$(f),userctr,$(filter-out userctr/main.c,$(src_userctr))))\
	$(eval $(call archive,$(f),slipway,$(filter-out admin/main.c,$(src_slipway))))\
	$(eval $(call archive,$(f),cli,$(filter-out sysctr/main.c,$(cli_sysctr))))\
	$(eval $(call archive,$(f),services,$(filter-out %/main.c,$(wildcard images/*/*.c)))))
testlibs := $(libs) init userctr slipway cli services

define program  # name, sources, third-party libraries
$(O)/debug/$(1): $(2:%.c=$(O)/rel/%.o) $(libs:%=$(O)/rel/lib%.a)
	@mkdir -p $$(@D)
	$(Q)$(XCC) $(LDFLAGS_rel) -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $$(filter %.a,$$^) $(3) -Wl,--end-group
endef
# PID 1 gets no third-party code: linking fails when it reaches for any.
$(eval $(call program,init,$(src_init),))
$(eval $(call program,sysctr,$(cli_sysctr),$(THIRD)))
$(eval $(call program,userctr,$(src_userctr),$(THIRD)))
$(eval $(call program,slipway,$(src_slipway),$(THIRD)))
$(foreach s,$(services),$(eval $(call program,slipway-$(s),$(wildcard images/$(s)/*.c),$(THIRD))))
$(foreach x,$(fixtures),$(eval $(call program,fixtures/$(x),tests/fixtures/$(x).c,)))

# $(O)/debug/NAME keeps its symbols for a debugger; $(O)/bin/NAME is what runs.
$(O)/bin/%: $(O)/debug/% deps/check-static.sh
	@mkdir -p $(@D)
	$(Q)strip -s -o $@ $<
	$(Q)deps/check-static.sh $@
	$(call say,LD,"$@ $$(stat -c %s $@)")

programs: $(libs:%=$(O)/rel/lib%.a) $(built:%=$(O)/bin/%)
$(programs) $(fixtures:%=fixtures/%): %: $(O)/bin/%

-include $(wildcard $(foreach f,rel asan fuzz,$(patsubst %.c,$(O)/$(f)/%.d,$(src) \
	$(wildcard tests/unit/*.c tests/ns/*.c tests/fuzz/*.c tests/fixtures/*.c))))

# ---- the system ----------------------------------------------------------------------------------

# Each part has a script that gets O and SLIPWAY_CACHE from the environment and knows its own inputs;
# the rules here only say what must be there first. A part whose script is not there is left out.
kernel := $(if $(wildcard kernel-config/build.sh),$(O)/vmlinuz)
images := $(if $(wildcard images/build.sh),$(O)/system.erofs)
initrd := $(if $(and $(wildcard rootfs/mkrootfs.sh),$(wildcard init/main.c)),$(O)/initrd.img)
# an ISO without a system on it is none
iso    := $(if $(and $(wildcard iso/mkiso.sh),$(initrd)),$(O)/slipway.iso)
tree    = $(if $(wildcard $(1)),$(shell find $(1) -type f -o -type l))

all: programs $(kernel) $(images) $(initrd) $(iso)

kernel: $(kernel)
images: $(images)
initrd: $(initrd)
iso: $(iso)

$(O)/vmlinuz: $(call tree,kernel-config) deps/common.sh deps/manifest | $(O)/.host-packages
	$(call step,kernel,kernel-config/build.sh)
	@touch $@

$(O)/system.erofs: $(call tree,images) $(built:%=$(O)/bin/%) $(O)/deps/musl.stamp
	$(call step,system image,images/build.sh)
	@touch $@

$(O)/initrd.img: $(call tree,rootfs) $(O)/bin/init $(O)/bin/slipway $(images) $(O)/deps/musl.stamp
	$(call step,initramfs,rootfs/mkrootfs.sh)
	@touch $@

$(O)/slipway.iso: $(call tree,iso) $(kernel) $(initrd)
	$(call step,iso,iso/mkiso.sh)
	@touch $@

run: all
	$(Q)iso/run.sh

# ---- tests ---------------------------------------------------------------------------------------

define cmocka  # tier
$(O)/test/%_test: $(O)/asan/tests/$(1)/%_test.o $(testlibs:%=$(O)/asan/lib%.a)
	@mkdir -p $$(@D)
	$$(call say,LD-test,$$(@F))
	$(Q)gcc $(SAN) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -L$(DEPS_host)/lib $(THIRD) \
		-lcmocka -Wl,--end-group -lpthread -lm
endef
$(eval $(call cmocka,unit))
$(eval $(call cmocka,ns))

$(O)/test/%_fuzz: $(O)/fuzz/tests/fuzz/%_fuzz.o $(testlibs:%=$(O)/fuzz/lib%.a)
	@mkdir -p $(@D)
	$(call say,LD-fuzz,$(@F))
	$(Q)clang $(SAN) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(filter %.a,$^) \
		-L$(DEPS_host)/lib $(THIRD) -Wl,--end-group -lpthread -lm

unit-build: $(unit:%=$(O)/test/%)
ns-build: $(ns:%=$(O)/test/%)
fuzz-build: $(fuzz:%=$(O)/test/%)

fixtures-build: $(fixtures:%=$(O)/bin/fixtures/%)

unit: unit-build
	$(Q)tests/run.py unit
fuzz: fuzz-build
	$(Q)tests/run.py fuzz
ns: programs ns-build fixtures-build
	$(Q)tests/run.py ns
api: programs images fixtures-build
	$(Q)tests/run.py api
boot: all fixtures-build
	$(Q)tests/run.py boot
peers: kernel programs
	$(Q)tests/run.py peers
# the same inputs each time: what is new is found by make fuzz
test: export FUZZ_SECONDS ?= 5
test: export FUZZ_SEED ?= 1
test: all unit-build ns-build fuzz-build fixtures-build
	$(Q)tests/run.py unit fuzz ns api boot peers

# What a reader would not see: layers, headers, descriptors, PID 1's calls, a second compiler.
# musl's CMSG_NXTHDR compares signs, and clang looks into macros of system headers
clang_musl := clang --target=x86_64-linux-musl -nostdlibinc -isystem $(DEPS_musl)/include \
	-isystem $(SYSROOT)/include $(filter-out -MMD -MP,$(BASE)) -Wno-sign-compare -fsyntax-only
clang_host := clang -isystem $(DEPS_host)/include $(filter-out -MMD -MP,$(BASE)) -fsyntax-only
check = $(Q)printf '  LINT  %s\n' '$(1)'; $(2)

lint: $(addprefix lint-,layers descriptors docs pid1 headers clang clang-tests)
lint-layers:
	$(call check,layers,tests/lint/layers.sh)
lint-descriptors:
	$(call check,descriptors,tests/lint/cloexec.sh)
lint-docs:
	$(call check,documentation,tests/lint/docs.sh)
lint-pid1: programs
	$(call check,PID 1,tests/lint/pid1.sh $(O) $(src_init:%.c=$(O)/rel/%.o))
lint-headers: | $(O)/deps/musl.stamp
	$(call check,headers,tests/lint/headers.sh $(XCC) $(filter-out -MMD -MP,$(CFLAGS_rel)))
lint-clang: | $(O)/deps/musl.stamp
	$(call check,clang,printf '%s\n' $(src) $(wildcard tests/fixtures/*.c) | \
		xargs -r -P 2 -n 4 $(clang_musl))
lint-clang-tests: | $(O)/deps/host.stamp
	$(call check,clang on tests,printf '%s\n' $(wildcard $(addsuffix /*.c,$(addprefix tests/,unit ns fuzz))) | \
		xargs -r -P 2 -n 4 $(clang_host))

# Two builds in folders of different names and depths; COLD=1 gives the second an empty cache.
reproducible:
	$(Q)tests/reproducible.sh $(abspath $(O))

bench: all
	$(Q)bench/run.sh

mutants:
	$(Q)tests/mutants.py $(ONLY)

clean:
	rm -rf $(O)

help:
	@printf '%s\n' \
		'make [O=build] [V=1]  everything: programs, kernel, images, initramfs, iso' \
		'make run              boot the ISO in QEMU, serial console here (RUN=uefi|disk|kernel)' \
		'make test             all tests; one tier: make unit fuzz ns api boot peers' \
		'make lint             layers, headers, descriptors, documentation, PID 1, clang' \
		'make programs kernel images initrd iso    one part' \
		'make deps             host packages and third-party libraries' \
		'make deps-update      move the pins of third-party files that Debian has replaced' \
		'make reproducible     build twice, compare (COLD=1: without the cache)' \
		'make bench            figures;  make mutants: tests must notice broken code' \
		'make clean            remove O; the cache stays ($(SLIPWAY_CACHE))'

.PHONY: all kernel images initrd iso run deps deps-update programs $(programs) unit-build ns-build \
	fuzz-build fixtures-build unit fuzz ns api boot peers test lint lint-% reproducible bench mutants clean help
