# SPDX-License-Identifier: GPL-3.0-or-later
# culvert: build, test, install. Every mode lives in a directory of its own under build/, side by side.
#
#   make               build build/release/culvert (build/culvert points to it)
#   make demo          shows culvert with real traffic, in the foreground until Ctrl-C (ONCE=1: ends by itself)
#   make test          install what is missing, build, unit tests, integration tests
#   make unit          the unit tests of every module; make unit-net builds and runs those of one module,
#                      linked with that module and the ones below it only (GTEST_ARGS=...)
#   make integration   the black-box tests (PYTEST_ARGS="-k drain", SCALE=0.1 for smaller transfers)
#   make debug         build/debug/culvert and its unit tests, quick to build
#   make asan, tsan    the same under the address+leak+undefined, or the thread sanitizer
#   make check-asan    unit and integration tests under a sanitizer, at a small scale (also: check-tsan)
#   make fuzz          every fuzzer for SECONDS=60 (FUZZ=name: only that one)
#   make bench         the measurements against other proxies (QUICK=1: the main rows in under three minutes,
#                      BEFORE=/path/to/culvert, ALSO="/path/to/culvert:NAME ...": other builds beside this one,
#                      PEERS_FROM=trixie: haproxy and nginx of that Debian release);
#                      make bench-publish writes the last run's chart and table into docs/
#   make check         structure: layers, one door a library, headers, generated files, format, lengths
#   make tidy          clang-tidy;  make format: clang-format over all sources
#   make generated     write the sample file, the man pages and docs/configuration.md's table from the option tables
#   make static        build/culvert-VERSION-linux-ARCH.tar.gz: one static program that runs on any Linux (ARCH=arm64 needs a
#                      cross compiler, which apt installs)
#   make dist          build/culvert-VERSION.tar.gz: the source with wolfSSL's archive, the list of its parts (SPDX), checksums
#   make install       PREFIX=/usr/local DESTDIR= SYSCONFDIR=/etc: binary, man pages, sample files, systemd unit
#   make deps          install the packages that building and testing need (apt, as root or through sudo)
#   make clean         remove build/
#
#   MODE=release|debug|asan|tsan|fuzz|demo|static   which build unit-*, integration and lib/* work with
#   V=1 shows the commands, CXX=, CC=, CXXFLAGS=, LDFLAGS= as usual, LTO=0 turns link-time optimisation off,
#   ARCH=arm64|amd64 is what MODE=static builds for (another one than this machine's needs a cross compiler), WERROR=0 does not make errors of warnings, PYTHON=/usr/bin/python3 runs the tests,
#   BUILD=build is the directory of everything built,
#   WOLFSSL=fallback|distro, WOLFSSL_TARBALL= and WOLFSSL_CACHE= choose wolfSSL (scripts/wolfssl.sh --help);
#   AEAD=wolfcrypt leaves out the encryption with VAES and AVX-512, RECORDS=library leaves the records of established sessions
#   to wolfSSL (both with a BUILD= of their own);
#   WOLFSSL_KEYLOG=1 BUILD=build/keylog makes a culvert that can write the secrets of its sessions (keylog-file)

MAKEFLAGS += --no-builtin-rules --no-builtin-variables --no-print-directory
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.DEFAULT_GOAL := all

VERSION := 0.1.0
MODE ?= $(if $(filter static,$(MAKECMDGOALS)),static,release)
BUILD ?= build
MODES := release debug asan tsan fuzz demo static
PYTHON ?= /usr/bin/python3
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SECONDS ?= 60
LTO ?= 1
WERROR ?= 1
export AEAD RECORDS WOLFSSL WOLFSSL_KEYLOG WOLFSSL_TARBALL WOLFSSL_CACHE PYTHON BUILD

ifeq ($(filter $(MODE),$(MODES)),)
$(error MODE=$(MODE): allowed are $(MODES))
endif

# What is built for, by Debian's names. Only MODE=static builds for another architecture than this machine's.
ARCH_x86_64 := amd64
ARCH_aarch64 := arm64
ARCH_HERE := $(or $(ARCH_$(shell uname -m)),$(shell uname -m))
ARCH ?= $(ARCH_HERE)
MACHINE := $(or $(patsubst ARCH_%,%,$(foreach m,x86_64 aarch64,$(if $(filter $(ARCH),$(ARCH_$(m))),$(m)))),$(ARCH))
ifneq ($(ARCH),$(ARCH_HERE))
ifneq ($(MODE),static)
$(error ARCH=$(ARCH): only MODE=static builds for another architecture than $(ARCH_HERE))
endif
ifeq ($(filter amd64 arm64,$(ARCH)),)
$(error ARCH=$(ARCH): allowed are amd64 and arm64)
endif
CROSS := $(MACHINE)-linux-gnu-
endif

# --- modules ----------------------------------------------------------------------------------------------

# The layers, lowest first, and what each module may include. A module in a room of another, as tls/session, is a module
# of its own. `make check` compares every #include with this table. LIBS_x are the libraries that only module x may use.
MODULES := base log stats buffer config event net http starttls proxy route limit \
  tls/protocol tls/library tls/x509 tls/hello tls/credentials tls/tickets tls/peer_auth tls/ocsp tls/endpoint tls/record \
  tls/session tunnel backend service process worker health certs admin server main ctl single

MODULE_DEPS_base   :=
MODULE_DEPS_log    := base
MODULE_DEPS_stats  := base
MODULE_DEPS_buffer := base
MODULE_DEPS_config := base
MODULE_DEPS_event  := base
MODULE_DEPS_net    := base buffer event
MODULE_DEPS_http   := base event net
MODULE_DEPS_starttls := base
MODULE_DEPS_proxy  := base
MODULE_DEPS_route  := base net
MODULE_DEPS_limit  := base event net
MODULE_DEPS_tls/protocol    := base
MODULE_DEPS_tls/library     := base tls/protocol
MODULE_DEPS_tls/x509        := base tls/library
MODULE_DEPS_tls/hello       := base tls/protocol tls/library
MODULE_DEPS_tls/credentials := base tls/library tls/x509
MODULE_DEPS_tls/tickets     := base tls/library
MODULE_DEPS_tls/peer_auth   := base tls/protocol tls/library tls/x509 tls/credentials
MODULE_DEPS_tls/ocsp        := base tls/library tls/x509 tls/credentials
MODULE_DEPS_tls/endpoint    := base tls/protocol tls/library tls/x509 tls/hello tls/credentials tls/peer_auth
MODULE_DEPS_tls/record      := base buffer tls/protocol tls/library
MODULE_DEPS_tls/session     := base stats buffer event net starttls proxy limit \
  tls/protocol tls/record tls/library tls/hello tls/credentials tls/tickets tls/peer_auth tls/ocsp tls/endpoint
MODULE_DEPS_tunnel  := base stats buffer event net
MODULE_DEPS_backend := base stats event net
MODULE_DEPS_service := base stats net proxy route limit tunnel backend tls/credentials tls/endpoint
MODULE_DEPS_process := base config net
MODULE_DEPS_worker  := base log stats event net proxy route starttls limit tunnel backend service process \
  tls/protocol tls/hello tls/session
MODULE_DEPS_health  := base stats buffer event net backend service worker tls/session
MODULE_DEPS_certs   := base log stats config event net http service process \
  tls/library tls/credentials tls/tickets tls/peer_auth tls/ocsp tls/endpoint
MODULE_DEPS_admin   := base log stats config event net http route tunnel backend service process worker certs \
  tls/protocol tls/credentials tls/endpoint tls/peer_auth
MODULE_DEPS_server  := base log stats config event net proxy route starttls limit backend service process worker health certs admin \
  tls/library tls/credentials tls/ocsp tls/session
MODULE_DEPS_main    := base log stats config event net route backend service worker health process certs admin server tls/protocol tls/library \
  tls/credentials tls/session
# culvertctl, a program of its own.
MODULE_DEPS_ctl     := base
# Both in one static file.
MODULE_DEPS_single  := base main ctl

LIBS_base   := -lfmt
LIBS_backend := -lresolv
LIBS_config := -linih
LIBS_event  := -levent_core
# The library calls this function for random bytes, so the linker must keep it wherever the library is in the link.
LIBS_tls/library := -Wl,-u,culvertRandomBlock $(if $(filter distro,$(WOLFSSL)),-lwolfssl,-l:libwolfssl.a)
LIBS_process := -lcap

reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
# BELOW_x: all modules that x is linked with, whether it includes them itself or not.
$(foreach m,$(MODULES),$(eval BELOW_$(m) := $(sort $(foreach d,$(MODULE_DEPS_$(m)),$(d) $(BELOW_$(d))))))
# withDeps modules: these and all below them, highest first (the order for the linker)
withDeps = $(call reverse,$(filter $(sort $(1) $(foreach m,$(1),$(BELOW_$(m)))),$(MODULES)))
libsOf = $(foreach m,$(call withDeps,$(1)),$(LIBS_$(m)))

sourcesOf = $(sort $(wildcard src/$(1)/*.cc))
# What tests are linked with: everything except main() of each program.
librarySourcesOf = $(filter-out src/main/main.cc src/ctl/main.cc src/single/main.cc,$(call sourcesOf,$(1)))
# The unit test of a fault is in tests/regress/MODULE and is linked into the module's unit tests.
unitSourcesOf = $(sort $(wildcard tests/unit/$(1)/*_test.cc tests/regress/$(1)/*_test.cc))
UNIT_MODULES := $(foreach m,$(MODULES),$(if $(call unitSourcesOf,$(m)),$(m)))
# The demo's and the static build compile one file for each of these bundles of modules, not one for each source. So the headers and templates that
# sources share are compiled once for each bundle. Four bundles take the least time on two processors.
# Names in unnamed namespaces must be unique in a bundle; scripts/check-bundles.py checks that.
BUNDLES := below tls above main
BUNDLED := $(filter-out ctl single,$(MODULES))
BUNDLE_tls := $(filter tls/%,$(BUNDLED))
BUNDLE_below := $(foreach m,$(BUNDLED),$(if $(filter tls/%,$(m) $(BELOW_$(m))),,$(m)))
BUNDLE_main := main
bundleSourcesOf = $(call sourcesOf,$(1))
ifeq ($(MODE),static)
BUNDLES += single
BUNDLE_single := ctl single
# It has one main().
# A byte of a tunnel passes through the bundles below and tls only. The others are small instead of fast.
$(foreach b,above main single,$(eval BUNDLE_FLAGS_$(b) := -Os))
bundleSourcesOf = $(filter-out src/main/main.cc src/ctl/main.cc,$(call sourcesOf,$(1)))
endif
BUNDLE_above := $(filter-out $(foreach b,below tls main single,$(BUNDLE_$(b))),$(BUNDLED))

FUZZERS := $(patsubst tests/fuzz/%_fuzz.cc,%,$(sort $(wildcard tests/fuzz/*_fuzz.cc)))

# --- flags ------------------------------------------------------------------------------------------------

# make's own defaults do not count as a choice
$(foreach tool,CXX=$(CROSS)g++ AR=$(CROSS)ar,$(if $(filter default undefined,$(origin $(firstword $(subst =, ,$(tool))))),\
  $(eval $(firstword $(subst =, ,$(tool))) := $(lastword $(subst =, ,$(tool))))))
ifeq ($(MODE),fuzz)
override CXX := clang++
endif
CCACHE := $(shell command -v ccache 2>/dev/null)

WOLFSSL_CC := $(if $(filter command%,$(origin CC)),$(CC),$(if $(CROSS),$(CROSS)gcc))
# make before 4.4 hands exported variables to recipes, but not to $(shell).
wolfsslScript = $(shell WOLFSSL='$(WOLFSSL)' WOLFSSL_KEYLOG='$(WOLFSSL_KEYLOG)' WOLFSSL_TARBALL='$(WOLFSSL_TARBALL)' WOLFSSL_CACHE='$(WOLFSSL_CACHE)' \
  $(if $(WOLFSSL_CC),CC='$(WOLFSSL_CC)') scripts/wolfssl.sh $(1))
WOLFSSL_PREFIX := $(call wolfsslScript,--print-prefix)
WOLFSSL_READY := $(WOLFSSL_PREFIX)/.ready
WOLFSSL_ORIGIN := $(call wolfsslScript,--print-origin)

# The libraries of another architecture, out of Debian's packages.
ifneq ($(CROSS),)
FOREIGN := $(BUILD)/libraries-$(ARCH)
FOREIGN_READY := $(FOREIGN)/.ready
FOREIGN_INCLUDES := -isystem $(FOREIGN)/usr/include/$(MACHINE)-linux-gnu -isystem $(FOREIGN)/usr/include
FOREIGN_LIBRARIES := -L$(FOREIGN)/usr/lib/$(MACHINE)-linux-gnu
endif

B := $(BUILD)/$(MODE)$(if $(CROSS),-$(ARCH))
# No control-flow protection: Debian's start files (crti.o) and wolfSSL's assembly do not support it. So the linker
# leaves out the IBT and SHSTK notes, and without them the kernel and the loader do not turn the protection on.
MULTIARCH_HARDEN := $(if $(filter amd64,$(ARCH)),-fcf-protection=none)
HARDEN := -fstack-protector-strong -fstack-clash-protection $(MULTIARCH_HARDEN) -D_GLIBCXX_ASSERTIONS

# With strict aliasing, gcc 12 with -flto moved a store behind the copy of its struct: the tickets' lifetime was lost.
FLAGS_release := -O2 -g -fno-strict-aliasing $(HARDEN) -D_FORTIFY_SOURCE=2
FLAGS_debug   := -O0 -g -D_GLIBCXX_ASSERTIONS
# Reports of the sanitizers need lines only, and -g1 saves a tenth to a third of the compiler's time.
FLAGS_asan    := -O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS -DCULVERT_SANITIZED=1 \
                 -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_tsan    := -O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS -DCULVERT_SANITIZED=1 -fsanitize=thread
# -Og compiles fastest: -O0 leaves so many small functions that it takes longer.
FLAGS_demo    := -Og -D_GLIBCXX_ASSERTIONS
# Debian has no static {fmt}, but its headers contain the whole library.
FLAGS_static  := -O2 -fno-strict-aliasing $(HARDEN) -D_FORTIFY_SOURCE=2 -DFMT_HEADER_ONLY
FLAGS_fuzz    := -O1 -g -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS -DCULVERT_SANITIZED=1 \
                 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_release := -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed -Wl,--gc-sections
LDFLAGS_asan    := -fsanitize=address,undefined
LDFLAGS_tsan    := -fsanitize=thread
LDFLAGS_fuzz    := -fsanitize=fuzzer,address,undefined
COMMA := ,
# Relative relocations are packed: the file is 190 KB smaller. The linker for arm64 cannot do that.
LDFLAGS_static  := -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections$(if $(filter amd64,$(ARCH)),$(COMMA)-z$(COMMA)pack-relative-relocs) -s
ifeq ($(MODE),static)
LINK_KIND := -static-pie
LIBS_base :=
# The linker warns of name lookups, which glibc makes with shared objects; src/single/main.cc prevents that.
STATIC_ADVICE := 2> >(grep -v -e 'statically linked applications requires' -e 'in function' >&2)
endif

# The daemon gets link-time optimisation. Its objects also hold ordinary code, because other programs are linked with them.
ifeq ($(MODE)$(LTO),release1)
ifeq ($(findstring clang,$(shell $(CXX) --version 2>/dev/null)),)
LTO_COMPILE := -flto=auto -ffat-lto-objects
LTO_LINK := -flto=auto
NO_LTO := -fno-lto
endif
endif

# A build of bundles shows no warnings: the other modes do, one source at a time.
WARNINGS := $(if $(filter demo static,$(MODE)),-w,-Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror))
# -gz: if the first debug string begins with "ZLIB", as names of wolfSSL do, the linker takes all of them for compressed ones.
# Strings that really are compressed have a flag, so the linker cannot err.
ALL_CXXFLAGS = -std=c++20 -Isrc -fPIE -pthread -gz -ffunction-sections -fdata-sections \
  -ffile-prefix-map=$(CURDIR)=. $(FOREIGN_INCLUDES) $(WARNINGS) $(FLAGS_$(MODE)) $(CPPFLAGS) $(CXXFLAGS)
ALL_LDFLAGS = $(or $(LINK_KIND),-pie) -pthread $(FLAGS_$(MODE)) $(LDFLAGS_$(MODE)) -L$(WOLFSSL_PREFIX)/lib $(FOREIGN_LIBRARIES) $(LDFLAGS)
# Only the door and the modules above it can see wolfSSL's headers.
TLS_DOOR := tls/library
tlsFlags = $(if $(filter $(TLS_DOOR),$(call withDeps,$(1))),-isystem $(WOLFSSL_PREFIX)/include $(KEYLOG_FLAG) $(RECORD_FLAGS))
KEYLOG_FLAG := $(if $(WOLFSSL_KEYLOG),-DCULVERT_KEYLOG=1)
# Left out of the build: the AEAD provider with VAES and AVX-512; culvert's own record layer.
RECORD_FLAGS := $(if $(filter wolfcrypt,$(AEAD)),-DCULVERT_AEAD_WOLFCRYPT) $(if $(filter library,$(RECORDS)),-DCULVERT_LIBRARY_RECORDS)
$(if $(filter-out wolfcrypt,$(AEAD)),$(error AEAD=$(AEAD): allowed is wolfcrypt, or nothing))
$(if $(filter-out library,$(RECORDS)),$(error RECORDS=$(RECORDS): allowed is library, or nothing))
tlsReady = $(if $(filter $(TLS_DOOR),$(call withDeps,$(1))),$(WOLFSSL_READY))
# Under a sanitizer, most of the time goes into compiling the unit tests. Unoptimised, they take two thirds of it.
TEST_FLAGS := -I. -Itests -Itests/support $(if $(filter asan tsan,$(MODE)),-O0)

# Building uses every CPU, unless -j says otherwise.
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

REVISION := $(filter-out unknown,$(firstword $(shell scripts/revision.sh)))
VERSION_FLAGS := -DCULVERT_VERSION='"$(VERSION)"' -DCULVERT_REVISION='"$(REVISION)"' \
  -DCULVERT_WOLFSSL_ORIGIN='"$(subst ','\'',$(WOLFSSL_ORIGIN))"' -DCULVERT_BUILD_MODE='"$(MODE)"'

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
endif

# --- goals ------------------------------------------------------------------------------------------------

.PHONY: all help debug asan tsan unit units unit-cmocka integration test check-asan check-tsan fuzz fuzzers demo bench bench-publish check tidy format generated
.PHONY: static dist install deps wolfssl clean FORCE
FORCE:

all: $(BUILD)/culvert $(BUILD)/culvertctl

$(BUILD)/culvert $(BUILD)/culvertctl: $(BUILD)/%: $(BUILD)/release/%
	$(Q)ln -sfn release/$* $@

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

debug asan tsan:
	@$(MAKE) $(PARALLEL) MODE=$@ $(BUILD)/$@/culvert $(BUILD)/$@/culvertctl units

# `make $(BUILD)/asan/culvert` from any mode.
$(foreach m,$(filter-out $(MODE),$(MODES)),$(BUILD)/$(m)/culvert): $(BUILD)/%/culvert: FORCE
	@$(MAKE) MODE=$* $@
$(foreach m,$(filter-out $(MODE),$(MODES)),$(BUILD)/$(m)/culvertctl): $(BUILD)/%/culvertctl: FORCE
	@$(MAKE) MODE=$* $@

wolfssl: $(WOLFSSL_READY)

$(WOLFSSL_READY): scripts/wolfssl.sh scripts/wolfssl-mends.sh scripts/wolfssl.list \
    $(wildcard src/tls/library/culvert_session.[ch]) | $(BUILD)/.deps
	@$(if $(WOLFSSL_CC),CC='$(WOLFSSL_CC)') scripts/wolfssl.sh
	@touch -c $@
	@[ -e $@ ] || { echo 'make: the compiler was installed or changed meanwhile; run make again'; exit 1; }

# If packages are missing, one clear line instead of a compiler's error.
$(BUILD)/.deps: scripts/install-deps.sh
	@scripts/install-deps.sh --check build
	@mkdir -p $(BUILD) && touch $@

$(FOREIGN_READY): scripts/foreign-libraries.sh
	$(call say,APT,"libraries of $(ARCH) into $(FOREIGN)")
	$(Q)scripts/foreign-libraries.sh $(ARCH) $(FOREIGN)
	@touch $@

deps:
	@scripts/install-deps.sh build test

# --- compiling --------------------------------------------------------------------------------------------

# $(call stamp,FILE,TEXT): FILE changes only when TEXT does, so files that depend on it are rebuilt only then.
define stamp
@mkdir -p $(dir $(1))
@printf '%s\n' $(2) | cmp -s - $(1) || printf '%s\n' $(2) > $(1)
endef
quoted = '$(subst ','\'',$(1))'
HASH := \#

$(B)/.build_opts: FORCE
	$(call stamp,$@,$(call quoted,$(CXX) $(ALL_CXXFLAGS) $(LTO_COMPILE) $(WOLFSSL_PREFIX) $(KEYLOG_FLAG) $(RECORD_FLAGS)))
$(B)/.link_opts: FORCE
	$(call stamp,$@,$(call quoted,$(CXX) $(ALL_LDFLAGS) $(LTO_LINK)))
$(B)/.version: FORCE
	$(call stamp,$@,$(call quoted,$(VERSION_FLAGS)))

# Only one object contains the version.
$(B)/obj/main/version.o: $(B)/.version
$(B)/obj/main/version.o: EXTRA_FLAGS := $(VERSION_FLAGS)
# And one of culvertctl.
$(B)/obj/ctl/ctl_version.o: $(B)/.version
$(B)/obj/ctl/ctl_version.o: EXTRA_FLAGS := $(VERSION_FLAGS)

# The text of the manual pages: each page is a string literal of one object.
MANUALS := $(patsubst docs/man/%.in,$(BUILD)/man/%.inc,$(wildcard docs/man/*.in))
$(BUILD)/man/%.inc: docs/man/%.in
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q){ printf 'R"ROFF('; cat $<; printf ')ROFF"\n'; } >$@
$(B)/obj/main/manual.o: $(MANUALS)
$(B)/obj/main/manual.o: EXTRA_FLAGS := -I$(BUILD)/man
$(B)/obj/ctl/ctl_manual.o: $(MANUALS)
$(B)/obj/ctl/ctl_manual.o: EXTRA_FLAGS := -I$(BUILD)/man

# A build of bundles has them in one.
$(B)/obj/bundles/main.o $(B)/obj/bundles/single.o: $(B)/.version $(MANUALS)
$(B)/obj/bundles/main.o $(B)/obj/bundles/single.o: EXTRA_FLAGS := $(VERSION_FLAGS) -I$(BUILD)/man

# The page of the admin door is a string literal, too.
ADMIN_PAGE := $(BUILD)/page/index.html.inc
$(ADMIN_PAGE): src/admin/page/index.html
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q){ printf 'R"PAGE('; cat $<; printf ')PAGE"\n'; } >$@
$(B)/obj/admin/admin_page.o $(B)/obj/bundles/above.o: $(ADMIN_PAGE)
$(B)/obj/admin/admin_page.o $(B)/obj/bundles/above.o: EXTRA_FLAGS := -I$(BUILD)/page

define unitObjectRule
$(B)/obj/tests/$(2)/$(1)/%.o: tests/$(2)/$(1)/%.cc $(B)/.build_opts | $(call tlsReady,$(1)) $(BUILD)/.deps $(FOREIGN_READY)
	$$(call say,CXX,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CCACHE) $$(CXX) $$(ALL_CXXFLAGS) $$(TEST_FLAGS) $(call tlsFlags,$(1)) -MMD -MP -c -o $$@ $$<

endef
define moduleRules
$(B)/obj/$(1)/%.o: src/$(1)/%.cc $(B)/.build_opts | $(call tlsReady,$(1)) $(BUILD)/.deps $(FOREIGN_READY)
	$$(call say,CXX,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CCACHE) $$(CXX) $$(ALL_CXXFLAGS) $$(LTO_COMPILE) $(call tlsFlags,$(1)) $$(EXTRA_FLAGS) -MMD -MP -c -o $$@ $$<

$(B)/lib/$(1).list: FORCE
	$$(call stamp,$$@,$(call quoted,$(call librarySourcesOf,$(1))))

$(B)/lib/$(1).a: $(patsubst src/%.cc,$(B)/obj/%.o,$(call librarySourcesOf,$(1))) $(B)/lib/$(1).list
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && $$(AR) rcsD $$@ $$(filter %.o,$$^)

$(foreach d,unit regress,$(call unitObjectRule,$(1),$(d)))

$(B)/units/$(1): $(patsubst %.cc,$(B)/obj/%.o,$(call unitSourcesOf,$(1))) \
    $(foreach m,$(call withDeps,$(1)),$(B)/lib/$(m).a) $(call tlsReady,$(1)) $(B)/.link_opts
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CXX) $$(ALL_LDFLAGS) $$(NO_LTO) -o $$@ $$(filter %.o,$$^) -lgtest_main -lgmock -lgtest $$(filter %.a,$$^) \
	  $(call libsOf,$(1))

.PHONY: unit-$(1)
unit-$(1): $(if $(call unitSourcesOf,$(1)),$(B)/units/$(1))
	$(if $(call unitSourcesOf,$(1)),@printf '  %-7s %s\n' RUN $(B)/units/$(1),@echo "  no unit tests in tests/unit/$(1)")
	$(if $(call unitSourcesOf,$(1)),$$(Q)$$(RUN) $(B)/units/$(1) --gtest_brief=1 $$(GTEST_ARGS))
endef
$(foreach m,$(MODULES),$(eval $(call moduleRules,$(m))))

# unit-tls: all rooms of tls
define roomsRule
.PHONY: unit-$(1)
unit-$(1): $(addprefix unit-,$(filter $(1)/%,$(UNIT_MODULES)))
endef
$(foreach f,$(sort $(foreach m,$(MODULES),$(if $(findstring /,$(m)),$(firstword $(subst /, ,$(m)))))),$(eval $(call roomsRule,$(f))))

ifneq ($(filter demo static,$(MODE)),)
define bundleRules
$(B)/bundles/$(1).cc: FORCE
	$$(call stamp,$$@,$(foreach m,$(BUNDLE_$(1)),$(foreach f,$(call bundleSourcesOf,$(m)),'$(HASH)include "$(f:src/%=%)"')))

$(B)/obj/bundles/$(1).o: $(B)/bundles/$(1).cc $(B)/.build_opts | $(call tlsReady,$(BUNDLE_$(1))) $(BUILD)/.deps $(FOREIGN_READY)
	$$(call say,CXX,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CCACHE) $$(CXX) $$(ALL_CXXFLAGS) $$(BUNDLE_FLAGS_$(1)) $(call tlsFlags,$(BUNDLE_$(1))) $$(EXTRA_FLAGS) -MMD -MP -c -o $$@ $$<
endef
$(foreach b,$(BUNDLES),$(eval $(call bundleRules,$(b))))
endif

# --- linking ----------------------------------------------------------------------------------------------

# The release binary is stripped. Its debug information is in a file beside it, where gdb finds it.
BUNDLE_OBJECTS := $(foreach b,$(BUNDLES),$(B)/obj/bundles/$(b).o)
OBJECTS_demo := $(BUNDLE_OBJECTS)
OBJECTS_static := $(BUNDLE_OBJECTS)
$(B)/culvert: $(or $(OBJECTS_$(MODE)),$(B)/obj/main/main.o $(foreach m,$(call withDeps,main),$(B)/lib/$(m).a)) $(WOLFSSL_READY) $(B)/.link_opts
	$(call say,LINK,$@)
	$(Q)$(CXX) $(ALL_LDFLAGS) $(LTO_LINK) -o $@.new $(filter %.o %.a,$^) $(call libsOf,main) $(STATIC_ADVICE)
ifeq ($(MODE),release)
	$(Q)objcopy --only-keep-debug $@.new $@.debug
	$(Q)objcopy --strip-unneeded --add-gnu-debuglink=$@.debug $@.new
endif
	$(Q)mv -f $@.new $@
ifeq ($(MODE),release)
	@printf '  %-7s %s: %d KiB stripped\n' SIZE $@ $$(( ($$(stat -c %s $@) + 1023) / 1024 ))
endif

ifeq ($(MODE),static)
# The static program is both.
$(B)/culvertctl: $(B)/culvert
	$(Q)ln -f $< $@
else
# culvertctl is small, and built in the same way in each mode.
$(B)/culvertctl: $(B)/obj/ctl/main.o $(foreach m,$(call withDeps,ctl),$(B)/lib/$(m).a) $(B)/.link_opts
	$(call say,LINK,$@)
	$(Q)$(CXX) $(ALL_LDFLAGS) $(LTO_LINK) -o $@.new $(filter %.o %.a,$^) $(call libsOf,ctl)
	$(if $(filter release,$(MODE)),$(Q)strip $@.new)
	$(Q)mv -f $@.new $@
endif

# --- tests ------------------------------------------------------------------------------------------------

# Every report of a sanitizer is an error. The thread sanitizer of these compilers needs a fixed address layout.
export ASAN_OPTIONS ?= detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0
export UBSAN_OPTIONS ?= print_stacktrace=1
export LSAN_OPTIONS ?= print_suppressions=0
export TSAN_OPTIONS ?= halt_on_error=0:second_deadlock_stack=1
RUN := $(if $(filter tsan,$(MODE)),setarch $(shell uname -m) -R)$(if $(CROSS),qemu-$(MACHINE)-static)

# The thread sanitizer builds and runs the unit tests of the modules that have threads or state for several threads. In the others
# there is one thread, so it can find nothing. ALL_SANITIZED=1 (.ci/full) runs them all.
THREADED = $(shell grep -rlE 'std::(atomic|mutex|j?thread)|startThread' --include='*.cc' --include='*.h' src tests/unit tests/regress | \
  sed -E 's,^(src|tests/unit|tests/regress)/(.*)/[^/]*$$,\2,' | sort -u)
UNITS_RUN := $(if $(filter-out tsan,$(MODE))$(ALL_SANITIZED),$(UNIT_MODULES),$(filter $(THREADED),$(UNIT_MODULES)))

units: $(foreach m,$(UNITS_RUN),$(B)/units/$(m))

# Every module's tests run, even if those of another module fail.
unit: units
	@failed=; for m in $(UNITS_RUN); do $(MAKE) MODE=$(MODE) unit-$$m || failed+=" $$m"; done; \
	  $(MAKE) MODE=$(MODE) unit-cmocka || failed+=" cmocka"; \
	  if [ -n "$$failed" ]; then echo "unit tests failed:$$failed"; exit 1; fi

# One suite is written with CMocka's functions. Built against libcmocka and as GoogleTest, it must give the same verdicts.
unit-cmocka: $(BUILD)/.deps
	$(if $(filter release debug,$(MODE)),@printf '  %-7s %s\n' RUN tests/support/prove_cmocka_compat.py)
	$(if $(filter release debug,$(MODE)),$(Q)CXX="$(CXX)" $(PYTHON) tests/support/prove_cmocka_compat.py)

# Tests that measure time or memory (nosan) run alone, and not under a sanitizer. The others run four at a time, because most of
# them wait. What runs under which sanitizer: the address sanitizer runs all but the tests of documents and of make, and the public
# scanners and other proxies, which make the same handshakes as the tables do. The thread sanitizer does without the tables of single
# connections too, because they involve one worker. ALL_SANITIZED=1 (.ci/full) runs them all. Exit code 5 of pytest: PYTEST_ARGS chose no test.
SANITIZED := $(filter asan tsan,$(MODE))
ignored = $(foreach t,$(1),--ignore-glob='*/test_$(t).py')
NOT_OF_THE_DAEMON := documents demo_and_make bench_report admin_page monitoring_files culvertctl_top
SINGLE_CONNECTIONS := conformance_* forced_parameters hostile_records hostile_first_bytes hostile_handshake record_size \
  early_data renegotiation scanners starttls peers_both_ways close_both_ends raw_tls_client alpn post_quantum \
  certificate_verify_schemes cut_handshake_headers early_data_limit encrypted_key_forms key_sizes_and_kinds large_hellos \
  legacy_version missing_signature_algorithms point_formats record_limits_of_clients renegotiation_warning rsa_pss_keys \
  tickets_that_do_not_fit key_updates_then_data many_records \
  include proxy_in routes_clients srv
ifeq ($(ALL_SANITIZED),)
PYTEST_asan := $(call ignored,$(NOT_OF_THE_DAEMON) scanners peers_both_ways routes_clients)
PYTEST_tsan := $(call ignored,$(NOT_OF_THE_DAEMON) $(SINGLE_CONNECTIONS))
endif
PYTEST = CULVERT=$(abspath $(B)/culvert) CULVERT_MODE=$(MODE) PYTHONDONTWRITEBYTECODE=1 PYTEST_TIMEOUT=$${PYTEST_TIMEOUT:-900} \
  $(RUN) $(PYTHON) -m pytest -q -p no:cacheprovider $(PYTEST_$(MODE)) $(PYTEST_ARGS) tests/integration tests/regress
integration: $(B)/culvert $(B)/culvertctl
	$(Q)$(PYTEST) --nosan=without -n 4 --dist loadfile; many=$$?; \
	  one=0; $(if $(SANITIZED),,$(PYTEST) --nosan=only; one=$$?;) \
	  case $$many-$$one in 0-0 | 0-5 | 5-0) ;; *) exit 1 ;; esac

# Tests and CI insist on the pinned wolfSSL, unless another one was asked for.
test:
	@getent hosts localhost >/dev/null || { echo 'make test: the name localhost does not resolve here (getent hosts localhost);' \
	  'the tests connect to it: add the line "127.0.0.1 localhost" to /etc/hosts' >&2; exit 1; }
	@scripts/install-deps.sh build test
	@$(MAKE) $(PARALLEL) all units
	@$(MAKE) unit; unit=$$?; $(MAKE) integration && exit $$unit

check-asan check-tsan: check-%:
	@$(MAKE) $(PARALLEL) MODE=$* $(BUILD)/$*/culvert $(BUILD)/$*/culvertctl units
	@$(MAKE) MODE=$* unit; unit=$$?; \
	  SCALE=$${SCALE:-0.05} $(MAKE) MODE=$* integration && exit $$unit

# --- fuzzing ----------------------------------------------------------------------------------------------

# A fuzzer is linked with the modules that its first lines name (`// modules: tunnel`) and those below them.
fuzzModules = $(shell sed -n '1,12s|^// modules: *||p' tests/fuzz/$(1)_fuzz.cc)
fuzzOrder = $(call withDeps,$(call fuzzModules,$(1)))

ifeq ($(MODE),fuzz)
define fuzzRules
$(BUILD)/fuzz/obj/tests/fuzz/$(1)_fuzz.o: tests/fuzz/$(1)_fuzz.cc $(BUILD)/fuzz/.build_opts | $(if $(filter $(TLS_DOOR),$(call fuzzOrder,$(1))),$(WOLFSSL_READY))
	$$(call say,CXX,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CCACHE) $$(CXX) $$(ALL_CXXFLAGS) $$(TEST_FLAGS) -isystem $(WOLFSSL_PREFIX)/include -MMD -MP -c -o $$@ $$<
$(BUILD)/fuzz/bin/$(1): $(BUILD)/fuzz/obj/tests/fuzz/$(1)_fuzz.o $(foreach m,$(call fuzzOrder,$(1)),$(BUILD)/fuzz/lib/$(m).a) \
    $(if $(filter $(TLS_DOOR),$(call fuzzOrder,$(1))),$(WOLFSSL_READY)) $(BUILD)/fuzz/.link_opts
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CXX) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) $(foreach m,$(call fuzzOrder,$(1)),$(LIBS_$(m)))
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzRules,$(f))))
endif

fuzzers: $(foreach f,$(or $(FUZZ),$(FUZZERS)),$(BUILD)/fuzz/bin/$(f))

fuzz:
	@command -v clang++ >/dev/null || scripts/install-deps.sh fuzz
	@$(MAKE) $(PARALLEL) MODE=fuzz fuzzers FUZZ="$(FUZZ)"
	@SECONDS_EACH=$(SECONDS) scripts/fuzz.sh $(or $(FUZZ),$(FUZZERS))

# --- the rest ---------------------------------------------------------------------------------------------

demo:
	@MAKE='$(MAKE)' ONCE='$(ONCE)' FILES='$(words $(BUNDLES))' scripts/make-demo.sh

static:
	@scripts/install-deps.sh build static $(if $(CROSS),cross-$(ARCH))
	@$(MAKE) $(PARALLEL) MODE=static ARCH=$(ARCH) $(B)/culvert
	@PACKAGES=$(if $(CROSS),$(FOREIGN)/packages) scripts/make-static.sh $(B)/culvert $(VERSION) $(ARCH)

dist:
	@scripts/install-deps.sh build static
	@scripts/make-dist.sh $(VERSION)

bench:
	@scripts/install-deps.sh build bench
	@$(MAKE) $(PARALLEL) all
	@CULVERT=$${CULVERT:-$(abspath $(BUILD)/release/culvert)} CULVERT_BEFORE="$(abspath $(BEFORE))" \
	  CULVERT_ALSO="$(ALSO)" PEERS_FROM="$(PEERS_FROM)" exec tests/bench/run $(BENCH_ARGS)

bench-publish:
	@tests/bench/run --report --publish $(BENCH_ARGS)

check: all $(BUILD)/demo/culvert
	@scripts/check.sh

generated: all
	@scripts/check-generated.sh --update

# For scripts: the table of layers, one `module: what it may include` a line.
print-modules:
	@$(foreach m,$(MODULES),echo "$(m): $(MODULE_DEPS_$(m))";)
print-bundles:
	@$(foreach b,$(BUNDLES),echo "$(b): $(foreach m,$(BUNDLE_$(b)),$(call bundleSourcesOf,$(m)))";)
print-version:
	@echo $(VERSION)
print-cxxflags:
	@echo "$(ALL_CXXFLAGS) -isystem $(WOLFSSL_PREFIX)/include"
.PHONY: print-modules print-bundles print-version print-cxxflags

tidy: $(WOLFSSL_READY) $(MANUALS) $(ADMIN_PAGE)
	$(Q)clang-tidy --quiet $(or $(FILES),$(foreach m,$(MODULES),$(call sourcesOf,$(m)))) -- -std=c++20 -Isrc -I$(BUILD)/man -I$(BUILD)/page $(VERSION_FLAGS) -isystem $(WOLFSSL_PREFIX)/include

format:
	$(Q)clang-format -i $$(find src tests -name '*.h' -o -name '*.cc')

install: $(BUILD)/release/culvert $(BUILD)/release/culvertctl
	install -D -m 0755 $(BUILD)/release/culvert $(DESTDIR)$(PREFIX)/bin/culvert
	install -D -m 0755 $(BUILD)/release/culvertctl $(DESTDIR)$(PREFIX)/bin/culvertctl
	install -D -m 0644 etc/culvert.8 $(DESTDIR)$(PREFIX)/share/man/man8/culvert.8
	install -D -m 0644 etc/culvertctl.8 $(DESTDIR)$(PREFIX)/share/man/man8/culvertctl.8
	install -D -m 0644 etc/culvertctl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/culvertctl
	install -D -m 0644 etc/culvert.ini.5 $(DESTDIR)$(PREFIX)/share/man/man5/culvert.ini.5
	install -D -m 0644 etc/culvert.ini $(DESTDIR)$(PREFIX)/share/doc/culvert/culvert.ini
	install -D -m 0644 etc/culvert-minimal.ini $(DESTDIR)$(PREFIX)/share/doc/culvert/culvert-minimal.ini
	install -d -m 0755 $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/culvert
	sed -e 's|/usr/local/bin/|$(PREFIX)/bin/|g' -e 's|/etc/culvert/|$(SYSCONFDIR)/culvert/|g' etc/culvert.service \
	  >$(DESTDIR)$(UNITDIR)/culvert.service

clean:
	rm -rf $(BUILD)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
