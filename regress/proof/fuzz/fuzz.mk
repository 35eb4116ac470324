# SPDX-License-Identifier: ISC
# The fuzz targets, for run.sh.  From the top: make -f regress/proof/fuzz/fuzz.mk
#
# Two of each, from the same sources: build/fuzz/NAME looks for trouble, under
# sanitizers; build/cov/NAME counts which lines are reached.

FUZZ_CC ?=	clang
PKGS =		libbsd-overlay libseccomp
TARGETS =	num store heart control vault option
DIR =		regress/proof/fuzz
B =		$(DIR)/build
Q =		$(if $(V),,@)

WARN =		-Wall -Wextra -Wpedantic -Wshadow -Wconversion \
		-Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
		-Wpointer-arith -Wcast-qual -Wcast-align -Wformat=2 -Wundef \
		-Werror
SAN =		-fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_fuzz =	-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link $(SAN)
# At -O1 counters are kept in registers, which do not survive longjmp(3).
CFLAGS_cov =	-O0 -g -fprofile-instr-generate -fcoverage-mapping
LDFLAGS_fuzz =	-fsanitize=fuzzer $(SAN)
LDFLAGS_cov =	-fsanitize=fuzzer -fprofile-instr-generate
CPPFLAGS =	-std=c11 -D_GNU_SOURCE -Icommon -Idazaid \
		$(shell pkg-config --cflags $(PKGS))

# What each is made of, beside itself and fuzz.c.  What a target includes as a .c file,
# to reach what is static there, is not in its list; main() of a program is PROGRAM_main.
NETWORK =	$(DIR)/net.c $(DIR)/world.c \
		$(addprefix common/,line.c num.c secmem.c) \
		$(addprefix dazaid/,imsg.c log.c request.c signals.c store.c)
SRC_num =	common/num.c
SRC_store =
SRC_heart =	$(NETWORK)
SRC_control =	$(NETWORK)
SRC_vault =	$(DIR)/model.c $(DIR)/world.c \
		$(addprefix common/,num.c secmem.c) \
		$(addprefix dazaid/,imsg.c log.c panic.c serve.c signals.c store.c \
		transfer.c)
SRC_option =	$(DIR)/ctl.c $(addprefix common/,num.c secmem.c sockpath.c) \
		dazaid/dazaid.c dazaid/store.c dazai-hb/dazai-hb.c \
		$(addprefix dazaictl/,askpass.c command.c dazaictl.c status.c)

# Functions of the system that a target puts its own in the place of.
wraps =		$(addprefix -Wl$(,)--wrap=,$(shell \
		awk -F ', ' '/^WRAP/ { print $$2 }' $(1)))
, :=		,

all:		$(foreach t,$(TARGETS),$(B)/fuzz/$(t) $(B)/cov/$(t))

define kind
$(B)/$(1)/o/%.o: %.c $(DIR)/fuzz.mk
	@mkdir -p $$(@D)
	@echo "  CC    $$<, $(1)"
	$$(Q)$$(FUZZ_CC) $$(CPPFLAGS) $$(WARN) $$(CFLAGS_$(1)) \
	    $$(if $$(filter dazaid dazai-hb dazaictl,$$(*F)),\
	    -Dmain=$$(subst -,_,$$(*F))_main \
	    -Wno-missing-prototypes) -MMD -MP -c -o $$@ $$<
endef
$(foreach k,fuzz cov,$(eval $(call kind,$(k))))

define target
OBJ_$(1)_$(2) =	$(patsubst %.c,$(B)/$(1)/o/%.o,$(DIR)/$(2).c $(DIR)/fuzz.c $(SRC_$(2)))
$(B)/$(1)/$(2): $$(OBJ_$(1)_$(2))
	@echo "  LD    $$@"
	$$(Q)$$(FUZZ_CC) $$(LDFLAGS_$(1)) $$(call wraps,$$(wildcard \
	    $(filter $(DIR)/%,$(DIR)/$(2).c $(SRC_$(2))))) -o $$@ $$^ \
	    $$(shell pkg-config --libs $$(PKGS))
-include $$(OBJ_$(1)_$(2):.o=.d)
endef
$(foreach t,$(TARGETS),$(foreach k,fuzz cov,$(eval $(call target,$(k),$(t)))))

.PHONY:		all
.DELETE_ON_ERROR:
