# SPDX-License-Identifier: ISC
# What goes beyond the suite: each of these proves, or measures, one thing (SECURITY.md
# says which), takes its minutes, and is no part of check.

PROOF_DIRS =	hostile audit storm bench
PROOF_C =	$(foreach d,$(PROOF_DIRS),$(wildcard regress/$(d)/*.c))
OBJS +=		$(patsubst %.c,%.o,$(PROOF_C))

HOSTILE =	$(addprefix regress/hostile/,dazaid attack calls)
PROOFS =	$(HOSTILE) regress/audit/pattern regress/storm/storm regress/bench/bench \
		regress/bench/floor

.PHONY:		hostile faults storm model fuzz audit bench checksec

$(PROOFS):
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(if $(filter %/floor,$@),,$(LIBS))

# A daemon with an attacker for its network process, and who tells that what to do.
regress/hostile/dazaid: regress/hostile/network.o regress/hostile/packet.o \
		$(filter-out $(addprefix dazaid/,network.o heart.o control.o conn.o \
		request.o),$(DAZAID)) $(filter-out common/line.o,$(COMMON))
regress/hostile/attack: $(addprefix regress/hostile/,attack.o siege.o packet.o \
		tricks.o descriptors.o) common/num.o
regress/hostile/calls: regress/hostile/calls.o dazaid/sandbox.o common/num.o common/log.o \
		common/out.o
hostile:
	@regress/deps.sh build check
	$(Q)$(MAKE) --no-print-directory regress
	$(Q)regress/check.sh -k hostile.kyua

# Every system call of the daemon goes wrong in turn; FAULTS_EVERY=N: one in N.
FAULTS_EVERY ?=	1
FAULTS_JOBS ?=	4
faults:
	@regress/deps.sh build
	$(Q)$(MAKE) --no-print-directory all regress/faults
	$(Q)regress/faults -e $(FAULTS_EVERY) -j $(FAULTS_JOBS) dazaid/dazaid

# Many clients of every kind against daemons that come and go; any seed replays.
STORM_SECONDS ?= 600
STORM_SEED ?=	20240229
STORM_LIFE ?=
regress/storm/storm: $(patsubst %.c,%.o,$(sort $(wildcard regress/storm/*.c)))
storm:
	@regress/deps.sh build
	$(Q)$(MAKE) --no-print-directory all regress/storm/storm
	$(Q)regress/storm/storm $(STORM_SEED) $(STORM_SECONDS) $(STORM_LIFE)

# The conversation of client, network and vault, in every order: spin(1).
model:
	@regress/deps.sh model
	$(Q)regress/model.sh

# Every target for so many seconds, and then what they reach; see regress/fuzz/fuzz.mk.
FUZZ_SECONDS ?=	60
fuzz:
	@regress/deps.sh build fuzz
	$(Q)regress/fuzz/run.sh $(FUZZ_SECONDS)

# All of a virtual machine's memory, after each way to die.
regress/audit/pattern: regress/audit/pattern.o
audit:
	@regress/deps.sh build audit
	$(Q)$(MAKE) --no-print-directory all regress/audit/pattern regress/talk
	$(Q)regress/audit/audit.sh

# Measured against what the machine can do.  BENCH_ONLY="eof ping" repeats these figures
# alone, BENCH_SAMPLES=20 is a quick look.
regress/bench/bench: $(patsubst %.c,%.o,$(sort $(filter-out %/floor.c,\
		$(wildcard regress/bench/*.c)))) common/secmem.o
regress/bench/floor: regress/bench/floor.o
bench:
	@regress/deps.sh build bench
	$(Q)$(MAKE) --no-print-directory all regress/bench/bench regress/bench/floor
	$(Q)regress/bench/bench.sh

# What the compiler and the linker have made of the flags.
checksec:
	@regress/deps.sh build checksec binutils
	$(Q)$(MAKE) --no-print-directory all
	$(Q)regress/checksec.sh $(PROGS)
