# SPDX-License-Identifier: ISC
# What goes beyond the suite: each of these proves or measures one thing (SECURITY.md
# says which), takes minutes, and is not part of check.

PROOF_DIRS =	hostile audit storm bench
PROOF_C =	$(foreach d,$(PROOF_DIRS),$(wildcard regress/proof/$(d)/*.c))
OBJS +=		$(patsubst %.c,%.o,$(PROOF_C))

HOSTILE =	$(addprefix regress/proof/hostile/,dazaid impostor attack calls)
PROOFS =	$(HOSTILE) regress/proof/audit/pattern regress/proof/storm/storm regress/proof/bench/bench \
		regress/proof/bench/floor

REPLAYS =	$(addprefix regress/unit/replay_,loadfile network vault program)

.PHONY:		replays package-test mutants hostile faults storm model fuzz audit systemd desktop bench checksec

$(PROOFS):
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(PIE) $(ALL_LDFLAGS) -o $@ $^ $(if $(filter %/floor,$@),,$(LIBS))

# The daemon with an attacker as its network process, and the driver of the attacker.
regress/proof/hostile/dazaid: regress/proof/hostile/network.o regress/proof/hostile/packet.o \
		$(filter-out $(addprefix dazaid/,network.o heart.o control.o conn.o answer.o \
		request.o),$(DAZAID)) $(COMMON)
regress/proof/hostile/impostor: regress/proof/hostile/impostor.o \
		$(filter-out $(addprefix dazaid/,network.o heart.o control.o conn.o answer.o \
		request.o),$(DAZAID)) $(COMMON)
regress/proof/hostile/attack: $(addprefix regress/proof/hostile/,attack.o siege.o net.o \
		client.o packet.o floods.o losses.o descriptors.o slow.o)
regress/proof/hostile/calls: regress/proof/hostile/calls.o dazaid/sandbox.o common/num.o dazaid/log.o \
		dazaid/imsg.o common/filter.o common/out.o
hostile:
	@regress/tools/deps.sh build check
	$(Q)$(MAKE) --no-print-directory regress
	$(Q)DAZAI_SIEGE=1 regress/tools/check.sh behaviour/hostile_test.sh

# Lets each system call of the daemon fail in turn; FAULTS_EVERY=N: one in N.
FAULTS_EVERY ?=	1
FAULTS_JOBS ?=	4
faults:
	@regress/tools/deps.sh build python3
	$(Q)$(MAKE) --no-print-directory all
	$(Q)python3 regress/proof/faults/faults.py -e $(FAULTS_EVERY) -j $(FAULTS_JOBS) dazaid/dazaid

# Many clients at a time use daemons that start and end; a seed repeats a run.
STORM_SECONDS ?= 600
STORM_SEED ?=	20240229
STORM_LIFE ?=
regress/proof/storm/storm: $(patsubst %.c,%.o,$(sort $(wildcard regress/proof/storm/*.c))) common/num.o
storm:
	@regress/tools/deps.sh build
	$(Q)$(MAKE) --no-print-directory all regress/proof/storm/storm
	$(Q)regress/proof/storm/storm $(STORM_SEED) $(STORM_SECONDS) $(STORM_LIFE)

# Checks a model of client, network and vault in every order of events, with spin(1).
model:
	@regress/tools/deps.sh model
	$(Q)regress/proof/model/model.sh

# Fuzzes every target for so many seconds; see run.sh.
FUZZ_SECONDS ?=	60
fuzz:
	@regress/tools/deps.sh build fuzz
	$(Q)regress/proof/fuzz/run.sh $(FUZZ_SECONDS)

# Programs for the suite that replay the corpora of the fuzz targets.
replays:
	$(Q)$(MAKE) --no-print-directory -f regress/proof/fuzz/fuzz.mk CC='$(CC)' \
	    PKG_CONFIG='$(PKG_CONFIG)' SAN='$(SAN)' V='$(V)' replay

# Proves the tests: how many changes of the daemon do they notice?
# MUTANTS="-n 20 dazaid/heart.c" passes options on; see the head of mutants.py.
MUTANTS ?=
mutants:
	@regress/tools/deps.sh build check mutants
	$(Q)python3 regress/proof/mutants/mutants.py $(MUTANTS)

# Searches all of a virtual machine's memory after each way to die.
regress/proof/audit/pattern: regress/proof/audit/pattern.o
audit:
	@regress/tools/deps.sh build audit
	$(Q)$(MAKE) --no-print-directory all regress/proof/audit/pattern regress/tools/talk
	$(Q)regress/proof/audit/audit.sh

# Builds the Debian packages, and installs, uses, replaces and removes them in a bare
# Debian of each suite; as root.
PACKAGE_SUITES ?= bookworm trixie
package-test:
	@regress/tools/deps.sh build deb package
	$(Q)regress/proof/package/package.sh $(PACKAGE_SUITES)

# Boots a Debian with systemd and tries logind, units and logins; CASES="lock suspend":
# these alone.
# desktop: with screen lockers, and with elogind.
CASES ?=
systemd desktop:
	@regress/tools/deps.sh build logind audit machine
	$(Q)$(MAKE) --no-print-directory all regress/proof/audit/pattern regress/tools/talk
	$(Q)regress/proof/systemd/systemd.sh $(CASES)
desktop:	CASES = xss_lock swayidle elogind

# Measures dazaid beside what the machine can do.  BENCH_ONLY="eof ping" repeats these figures
# alone, BENCH_SAMPLES=20 takes a few minutes.
regress/proof/bench/bench: $(patsubst %.c,%.o,$(sort $(filter-out %/floor.c,\
		$(wildcard regress/proof/bench/*.c)))) common/secmem.o
regress/proof/bench/floor: regress/proof/bench/floor.o
bench:
	@regress/tools/deps.sh build bench
	$(Q)$(MAKE) --no-print-directory all regress/proof/bench/bench regress/proof/bench/floor
	$(Q)regress/proof/bench/bench.sh

# Shows the hardening of the programs that were built.
checksec:
	@regress/tools/deps.sh build checksec binutils
	$(Q)$(MAKE) --no-print-directory all
	$(Q)regress/tools/checksec.sh $(PROGS)
