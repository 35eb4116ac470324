# SPDX-License-Identifier: ISC
# The fuzz targets, for run.sh.  From the top: make -f regress/proof/fuzz/fuzz.mk
#
# Each is built in two ways from the same sources: build/fuzz/NAME looks for
# trouble, under sanitizers, and counts the lines that are reached;
# regress/unit/replay_NAME replays the kept corpus for the suite, without clang.

FUZZ_CC ?=	clang
CC_fuzz =	$(FUZZ_CC)
CC_replay =	$(CC)
PKG_CONFIG ?=	pkg-config
PKGS =		libbsd-overlay libseccomp
TARGETS =	loadfile network vault program
DIR =		regress/proof/fuzz
ORACLE =	regress/oracle
B =		$(DIR)/build
Q =		$(if $(V),,@)

WARN =		-Wall -Wextra -Wpedantic -Wshadow -Wconversion \
		-Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
		-Wpointer-arith -Wcast-qual -Wcast-align -Wformat=2 -Wundef \
		-Werror
SANITIZE =	-fsanitize=address,undefined -fno-sanitize-recover=all
# Counters that are not atomic are kept in registers, which do not survive longjmp(3).
CFLAGS_fuzz =	-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link $(SANITIZE) \
		-fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic
LDFLAGS_fuzz =	-fsanitize=fuzzer $(SANITIZE) -fprofile-instr-generate
CFLAGS_replay =	-O1 -g $(if $(SAN),$(SANITIZE)) -Wno-unknown-warning-option -Wno-format-truncation
LDFLAGS_replay = $(if $(SAN),$(SANITIZE))
STD =		-std=c11 -D_GNU_SOURCE -Icommon -Idazaid \
		$(shell $(PKG_CONFIG) --cflags $(PKGS))

# The sources of each target beside itself and fuzz.c, and beside the .c files that it
# includes to reach static functions.  main() of a program is PROGRAM_main.
SRC_network =	$(addprefix $(DIR)/,client.c net_client.c net_world.c oracle.c reply.c want.c world.c) \
		$(ORACLE)/names.c \
		$(addprefix common/,clock.c cred.c line.c name.c num.c secmem.c) \
		$(addprefix dazaid/,answer.c imsg.c log.c panic.c request.c session.c signals.c store.c)
SRC_loadfile =	$(addprefix common/,line.c loadfile.c name.c num.c)
SRC_vault =	$(addprefix $(ORACLE)/,controller.c names.c secrets.c) $(DIR)/model.c \
		$(addprefix $(DIR)/,arena.c client.c model_serve.c model_transfer.c vault_net.c vault_world.c world.c) \
		$(addprefix common/,clock.c cred.c name.c num.c secmem.c) \
		$(addprefix dazaid/,alive.c event.c holder.c imsg.c log.c notify.c panic.c serve.c \
		session.c signals.c transfer.c)
SRC_program =	$(addprefix $(DIR)/,helper.c option.c program_world.c) $(ORACLE)/names.c \
		$(addprefix common/,name.c num.c oneline.c option.c prompt.c program.c secmem.c sockpath.c \
		stdfd.c visible.c) dazaid/options.c dazaid/store.c dazai-hb/dazai-hb.c \
		$(addprefix dazaictl/,answer.c askpass.c assuan.c command.c config.c dazaictl.c give.c \
		help.c json.c list.c paint.c site.c status.c table.c unit.c)

# The system functions that a target replaces.
wraps =		$(addprefix -Wl$(,)--wrap=,$(shell \
		awk -F ', ' '/^WRAP/ { print $$2 }' $(1)))
, :=		,

all:		$(foreach t,$(TARGETS),$(B)/fuzz/$(t))
replay:		$(foreach t,$(TARGETS),regress/unit/replay_$(t))

define kind
$(B)/$(1)/o/%.o: %.c $(DIR)/fuzz.mk
	@mkdir -p $$(@D)
	@echo "  CC    $$<, $(1)"
	$$(Q)$$(CC_$(1)) $$(STD) $$(WARN) $$(CFLAGS_$(1)) \
	    $$(if $$(filter dazai-hb dazaictl,$$(*F)),\
	    -Dmain=$$(subst -,_,$$(*F))_main \
	    -Wno-missing-prototypes) -MMD -MP -c -o $$@ $$<
endef
$(foreach k,fuzz replay,$(eval $(call kind,$(k))))

# target KIND NAME PROGRAM
define target
OBJ_$(1)_$(2) =	$(patsubst %.c,$(B)/$(1)/o/%.o,$(DIR)/$(2).c $(DIR)/fuzz.c $(SRC_$(2)))
$(3): $$(OBJ_$(1)_$(2)) $(if $(filter replay,$(1)),$(B)/replay/o/$(DIR)/replay.o)
	@echo "  LD    $$@"
	$$(Q)$$(CC_$(1)) $$(LDFLAGS_$(1)) $$(call wraps,$$(wildcard \
	    $(filter $(DIR)/%,$(DIR)/$(2).c $(SRC_$(2))))) -o $$@ $$^ \
	    $$(shell $(PKG_CONFIG) --libs $$(PKGS))
-include $$(OBJ_$(1)_$(2):.o=.d)
endef
$(foreach t,$(TARGETS),$(eval $(call target,fuzz,$(t),$(B)/fuzz/$(t))) \
	$(eval $(call target,replay,$(t),regress/unit/replay_$(t))))
-include $(B)/replay/o/$(DIR)/replay.d

.PHONY:		all replay
.DELETE_ON_ERROR:
