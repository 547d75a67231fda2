# Signalbox. `make help` lists the targets. SAN=address,undefined, SAN=thread and DEBUG=1 build the same in a variant of
# its own, in a folder of its own.

CC       := gcc
SAN      :=
DEBUG    :=
comma    := ,
VARIANT  := $(subst $(comma),-,$(if $(SAN),$(SAN)$(if $(DEBUG),-debug),$(if $(DEBUG),debug,release)))
BUILD    := build/$(VARIANT)
PACKAGES := lua5.4 libcurl libuv openssl libnghttp2 libdeflate lua5.4-cjson

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -Wformat=2 -Werror
OPTIMISE := $(if $(DEBUG),-O0 -g3,$(if $(SAN),-O1,-O2)) \
            $(if $(SAN),-fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all)
# FORTIFY_SOURCE needs optimisation, and sanitizers check more than all of these. Only x86 has branch targets to mark.
MACHINE  := $(shell $(CC) -dumpmachine 2>/dev/null)
HARDEN   := $(if $(SAN),,-fstack-protector-strong -fstack-clash-protection \
            $(if $(filter x86_64-% i%86-%,$(MACHINE)),-fcf-protection) \
            $(if $(DEBUG),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
CFLAGS   += -std=c11 -D_GNU_SOURCE -g $(OPTIMISE) $(HARDEN) $(WARNINGS) -fvisibility=hidden -fPIC -pthread \
            -ffile-prefix-map=$(CURDIR)=. -Isrc -Iinclude -I$(BUILD) $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDFLAGS  += -pthread $(if $(SAN),-fsanitize=$(SAN)) -Wl,-z,relro,-z,now
LIBS     := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm

# The tools and libraries that the build lacks, for a message of its own before the compiler's.
MISSING   = $(shell command -v $(firstword $(CC)) >/dev/null || echo $(firstword $(CC)); \
              for package in $(PACKAGES); do pkg-config --exists $$package 2>/dev/null || echo $$package; done)

# Prints one short line for each file built; V=1 prints whole commands.
V        :=
SHOW      = $(if $(V),,@printf '  %-3s %s\n' $(1) $(2);)

# Linked into every program under the thread sanitizer.
JUMPS    := $(if $(findstring thread,$(SAN)),$(BUILD)/spec/support/longjmp.o)

# The rooms of src/ and what each one includes, as `ROOM=OTHER,OTHER`, from the table that `make layers` checks. A room
# is linked with all that it stands on.
ROOM_TABLE := $(shell awk -F'|' '/^[a-z]/ {gsub(/ /, "", $$1); gsub(/^ +| +$$/, "", $$2); \
                gsub(/ +/, ",", $$2); print $$1 "=" $$2}' src/rooms.txt)
ROOMS      := $(foreach row,$(ROOM_TABLE),$(firstword $(subst =, ,$(row))))
$(foreach row,$(ROOM_TABLE),$(eval includes.$(subst =, := ,$(subst $(comma), ,$(row)))))
closure     = $(1) $(foreach room,$(includes.$(1)),$(call closure,$(room)))
$(foreach room,$(ROOMS),$(eval $(room) := $(sort $(call closure,$(room)))))

objects    = $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/$(1)/*.c))
archives   = $(patsubst %,$(BUILD)/lib%.a,$(1))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard spec/unit/*/*_spec.c))
FUZZERS    := $(patsubst %.c,$(BUILD)/%,$(filter-out %/replay.c,$(wildcard spec/fuzz/*.c)))
REPLAYS    := $(FUZZERS:$(BUILD)/spec/fuzz/%=$(BUILD)/spec/replay/%)
STALLS     := $(BUILD)/spec/stalls/probe $(BUILD)/spec/stalls/pour
SIEGE      := $(BUILD)/spec/siege/steady
BENCHES    := $(patsubst %.c,$(BUILD)/%,$(wildcard spec/bench/*_bench.c))
C_FILES    := $(wildcard include/*.h src/*/*.[ch] spec/*.[ch] spec/*/*.[ch] spec/unit/*/*.[ch])
LUA_FILES  := $(wildcard lua/*/*.lua policies/*.lua examples/*.lua examples/*/*.lua spec/*/*.lua)

.PHONY: all
.SECONDARY:
.DELETE_ON_ERROR:
all: build/signalbox build/signalbox.so ## builds build/signalbox, and the Lua module beside it

# Links to the variant built last.
build/signalbox build/signalbox.so: build/%: $(BUILD)/% FORCE
	@ln -sf $(patsubst build/%,%,$<) $@

# Renamed over the old program in one step: that one may be running.
$(BUILD)/signalbox: $(call archives,$(cli)) $(JUMPS)
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -pie -o $@.new -Wl,--start-group $^ -Wl,--end-group $(LIBS)
	@mv $@.new $@

# The host provides Lua. `nodelete` keeps the module loaded until the process ends: its libraries have global state.
$(BUILD)/signalbox.so: $(call objects,module) $(call archives,$(filter-out module,$(module)))
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -shared -Wl,-z,nodelete -Wl,--exclude-libs,ALL -o $@.new \
	  -Wl,--start-group $^ -Wl,--end-group $(filter-out -llua5.4,$(LIBS))
	@mv $@.new $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SHOW,CC,$<)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# Every object depends on this file. It changes only when the compiler or its flags change.
.PHONY: FORCE
$(BUILD)/flags: FORCE
	$(if $(strip $(MISSING)),$(error Missing to build: $(strip $(MISSING)). `make deps` installs what is missing))
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS)' > $@

# The room's folder is a prerequisite, so that the archive is made anew when a file is removed.
define archive_rule
$(BUILD)/lib$(1).a: $(call objects,$(1)) src/$(1)
	@rm -f $$@
	$$(call SHOW,AR,$$@)ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach room,$(ROOMS),$(eval $(call archive_rule,$(room))))

# A unit spec, and a benchmark ROOM_bench.c, links its own room and the rooms below it, nothing else; but for those of
# policies, which read bodies as the engine does.
policy_specs := mux
lab_specs    := mux
driven_rooms  = $(sort $($(1)) $(foreach room,$($(1)_specs),$($(room))))
define unit_rule
$(BUILD)/spec/unit/$(1)/%: $(BUILD)/spec/unit/$(1)/%.o $(call archives,$(call driven_rooms,$(1))) $(JUMPS)
	$$(call SHOW,LD,$$@)$(CC) $(LDFLAGS) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $(LIBS)
$(BUILD)/spec/bench/$(1)_bench: $(BUILD)/spec/bench/$(1)_bench.o $(call archives,$(call driven_rooms,$(1)))
	$$(call SHOW,LD,$$@)$(CC) $(LDFLAGS) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $(LIBS)
endef
$(foreach room,$(ROOMS),$(eval $(call unit_rule,$(room))))

# A fuzz target is linked with the fuzzer, or with replay.c, which feeds it the kept inputs.
$(BUILD)/spec/fuzz/%: $(BUILD)/spec/fuzz/%.o $(call archives,$(filter-out cli,$(cli)))
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS)
$(BUILD)/spec/replay/%: $(BUILD)/spec/fuzz/%.o $(BUILD)/spec/fuzz/replay.o $(call archives,$(filter-out cli,$(cli))) $(JUMPS)
	@mkdir -p $(@D)
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS)

$(BUILD)/spec/vectors: $(BUILD)/spec/vectors.o $(call archives,aws base)
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(STALLS) $(SIEGE): %: %.o $(BUILD)/spec/stalls/link.o
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# Lua that ships inside the binary: lua/signalbox/*.lua and the default policy.
EMBEDDED := $(wildcard lua/signalbox/*.lua policies/weighted.lua)
$(BUILD)/embedded.inc: $(EMBEDDED) Makefile
	@mkdir -p $(@D)
	@{ for f in $(EMBEDDED); do \
	     printf '{"%s", (const char[]){' "$$f"; od -An -v -tx1 "$$f" | sed 's/ \(..\)/0x\1,/g'; printf '0}, %d},\n' $$(wc -c < "$$f"); \
	   done; } > $@
$(BUILD)/src/sandbox/embedded.o: $(BUILD)/embedded.inc

# Targets that install packages call make again, so that pkg-config runs after the installation.
.PHONY: deps demo test stalls bench profile soak siege live fuzz
deps: ## installs the Debian packages that are missing
	@spec/support/install build test
demo: deps ## a minute's show: failover, an open breaker, a rule changed under traffic, nothing lost
	@$(MAKE) --no-print-directory all
	@lua5.4 examples/demo.lua build/signalbox
test: deps ## builds and runs every spec; SUITES="unit lua e2e sdk vectors replay" picks some
	@$(MAKE) --no-print-directory test-programs
	@BUILD=$(BUILD) spec/support/run_suites $(SUITES)
stalls: deps ## the longest wait of a client while something hostile runs, two minutes; SPEC=bodies picks a file
	@$(MAKE) --no-print-directory $(BUILD)/signalbox $(STALLS)
	@BUILD=$(BUILD) SIGNALBOX=$(BUILD)/signalbox SPEC=$(SPEC) lua5.4 spec/stalls/run.lua
bench: deps ## measures against nginx and the budgets, six minutes (STREAMS=10000: more); BESIDE=PROGRAM: another build
	@spec/support/install bench
	@$(MAKE) --no-print-directory all bench-programs
	@BUILD=$(BUILD) lua5.4 spec/bench/run.lua $(if $(BESIDE),beside $(BESIDE))
profile: deps ## where the gateway spends its time under load, by perf; build/profile.data is for `perf report`
	@spec/support/install bench
	@$(MAKE) --no-print-directory $(BUILD)/signalbox
	@BUILD=$(BUILD) lua5.4 spec/bench/run.lua profile
SECONDS := 60
soak: deps ## random faults under load for SECONDS=60 (SECONDS=3600: an hour), nothing leaked, nothing lost
	@$(MAKE) --no-print-directory $(BUILD)/signalbox
	@SIGNALBOX=$(BUILD)/signalbox SECONDS=$(SECONDS) lua5.4 spec/soak/run.lua
siege: deps ## all attacks for SECONDS=60 beside 500 good requests a second: none fails, few are slow, memory flat
	@$(MAKE) --no-print-directory $(BUILD)/signalbox $(STALLS) $(SIEGE)
	@BUILD=$(BUILD) SIGNALBOX=$(BUILD)/signalbox SECONDS=$(SECONDS) lua5.4 spec/siege/run.lua
live: ## a dozen real calls to Bedrock through the gateway; wants credentials and AWS_REGION
	@$(MAKE) --no-print-directory $(BUILD)/signalbox
	@SIGNALBOX=$(BUILD)/signalbox lua5.4 spec/live/run.lua

# libFuzzer needs clang, so this is a variant of its own. An empty slice may be a null pointer; adding 0 to it is no
# error here.
FUZZ_SAN := fuzzer-no-link,address,undefined
fuzz: ## invents inputs for the parsers, SECONDS=60 for each; TARGETS="http pattern:5" picks some
	@spec/support/install build fuzz
	@$(MAKE) --no-print-directory CC=clang SAN=$(FUZZ_SAN) WARNINGS=-fno-sanitize=pointer-overflow fuzz-programs
	@SECONDS=$(SECONDS) spec/fuzz/run build/$(subst $(comma),-,$(FUZZ_SAN))/spec/fuzz $(TARGETS)

.PHONY: test-programs bench-programs fuzz-programs unit e2e vectors
test-programs: $(BUILD)/signalbox $(BUILD)/signalbox.so $(UNIT_TESTS) $(REPLAYS) $(BUILD)/spec/vectors
bench-programs: $(BENCHES)
fuzz-programs: $(FUZZERS)

CHOSEN := $(filter $(BUILD)/spec/unit/$(if $(SPEC),$(SPEC)_spec,$(if $(ROOM),$(ROOM)/)%),$(UNIT_TESTS))
unit: $(CHOSEN) ## runs the unit specs; ROOM=route for one room, SPEC=route/breaker for one spec
	$(if $(CHOSEN),,$(error No such unit spec: spec/unit/$(or $(SPEC),$(ROOM)/*)_spec.c))
	@spec/support/run_units $(CHOSEN)
END_TO_END := $(if $(SPEC),$(wildcard spec/e2e/$(SPEC)_spec.lua),spec/e2e)
e2e: $(if $(END_TO_END),$(BUILD)/signalbox $(BUILD)/signalbox.so) ## runs the end-to-end specs; SPEC=streams for one spec
	$(if $(END_TO_END),,$(error No such end-to-end spec: $(SPEC)))
	@BUILD=$(BUILD) SPEC=$(SPEC) spec/support/run_suites e2e

VECTORS ?= spec/fixtures
vectors: $(BUILD)/spec/vectors ## signer and codec against the vectors in VECTORS=DIR
	@$< $(VECTORS)

.PHONY: lint layers rooms headers format
lint: $(BUILD)/signalbox $(BUILD)/signalbox.so ## warnings, format, luacheck, layers, pages, headers, documents, banned functions, lengths, hardening
	@CC='$(CC)' CFLAGS='$(CFLAGS)' HARDENED='$(if $(SAN)$(DEBUG),,$^)' spec/lint/run $(C_FILES) $(LUA_FILES)
layers: ## checks which room includes which, and the table in ARCHITECTURE.md, against src/rooms.txt
	@lua5.4 spec/lint/layers.lua
rooms: ## writes the table of src/rooms.txt into ARCHITECTURE.md
	@lua5.4 spec/lint/layers.lua write
headers: ## compiles each header by itself
	@CC='$(CC)' CFLAGS='$(CFLAGS)' spec/lint/headers $(filter %.h,$(C_FILES))
format: ## formats the C files
	@clang-format -i $(C_FILES)

# For language servers: how this variant compiles each file.
compile_commands.json: $(BUILD)/flags $(BUILD)/embedded.inc FORCE ## tells editors how each C file is compiled
	@for file in $(filter %.c,$(C_FILES)); do \
	   printf '%s{"directory": "%s", "file": "%s", "command": "%s -c %s"}' "$${comma-[}" '$(CURDIR)' $$file \
	     '$(CC) $(CFLAGS)' $$file; comma=','; \
	 done > $@; echo ']' >> $@

.PHONY: clean help
clean: ## removes what was built
	rm -rf build compile_commands.json
help: ## lists the targets
	@grep -hE '^[a-z0-9_.]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 24
	@echo 'SAN=address,undefined or SAN=thread builds with sanitizers, DEBUG=1 with -O0 -g3; V=1 shows whole commands.'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
