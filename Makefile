# Signalbox. `make help` lists the targets.

CC       ?= gcc
SAN      ?=
VARIANT  := $(if $(SAN),$(subst $(comma),-,$(SAN)),release)
comma    := ,
BUILD    := build/$(if $(SAN),$(subst $(comma),-,$(SAN)),release)
PACKAGES := lua5.4 libcurl libuv openssl libnghttp2 zlib jansson lua5.4-cjson

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -Wformat=2 -Werror
OPTIMISE := $(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,-O2)
CFLAGS   += -std=c11 -D_GNU_SOURCE -g $(OPTIMISE) $(WARNINGS) -fvisibility=hidden -fPIC -pthread -MMD -MP -Isrc -Iinclude \
            -I$(BUILD) $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDFLAGS  += -pthread $(if $(SAN),-fsanitize=$(SAN)) -Wl,-z,relro,-z,now
LIBS     := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lhttp_parser -lm

# The rooms of src/, and which of them each one stands on (itself first; the order is the linker's).
ROOMS     := base aws route world policy net mux gateway emulator cli
base      := base
aws       := aws base
route     := route base
world     := world base
policy    := policy route base
net       := net base
mux       := mux policy route aws net base
gateway   := gateway mux policy route aws net base
emulator  := emulator world aws net base
cli       := cli gateway emulator mux policy route world aws net base

sources    = $(wildcard src/$(1)/*.c)
objects    = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
archives   = $(patsubst %,$(BUILD)/lib%.a,$(1))
UNIT_SPECS := $(wildcard spec/unit/*/*_spec.c)
UNIT_TESTS := $(patsubst spec/unit/%.c,$(BUILD)/spec/unit/%,$(UNIT_SPECS))

.PHONY: all
.SECONDARY:
all: build/signalbox ## builds build/signalbox

build/signalbox: $(BUILD)/signalbox
	@ln -sf $(patsubst build/%,%,$<) $@

$(BUILD)/signalbox: $(call archives,$(cli))
	$(CC) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

define archive_rule
$(BUILD)/lib$(1).a: $(call objects,$(1))
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach room,$(ROOMS),$(eval $(call archive_rule,$(room))))

# A unit spec links its own room and the rooms below it, nothing else.
define unit_rule
$(BUILD)/spec/unit/$(1)/%: $(BUILD)/spec/unit/$(1)/%.o $(call archives,$($(1)))
	$(CC) $(LDFLAGS) -o $$@ $$^ $(LIBS)
endef
$(foreach room,$(ROOMS),$(eval $(call unit_rule,$(room))))

# Lua that ships inside the binary: lua/signalbox/*.lua and the default policy.
EMBEDDED := $(wildcard lua/signalbox/*.lua) policies/weighted.lua
$(BUILD)/embedded.inc: $(EMBEDDED) Makefile
	@mkdir -p $(@D)
	@{ for f in $(EMBEDDED); do \
	     printf '{"%s", (const char[]){' "$$f"; od -An -v -tx1 "$$f" | sed 's/ \(..\)/0x\1,/g'; printf '0}, %d},\n' $$(wc -c < "$$f"); \
	   done; } > $@
$(BUILD)/src/policy/embedded.o: $(BUILD)/embedded.inc

.PHONY: unit
unit: $(filter $(BUILD)/spec/unit/$(if $(ROOM),$(ROOM)/)%,$(UNIT_TESTS)) ## runs the unit specs; ROOM=aws for one room
	@spec/support/run_units $^

.PHONY: clean
clean: ## removes what was built
	rm -rf build

.PHONY: help
help: ## lists the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
