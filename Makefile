# Signalbox. `make help` lists the targets; SAN=address,undefined or SAN=thread makes the same in another variant.

CC       := gcc
SAN      :=
comma    := ,
VARIANT  := $(if $(SAN),$(subst $(comma),-,$(SAN)),release)
BUILD    := build/$(VARIANT)
PACKAGES := lua5.4 libcurl libuv openssl libnghttp2 libdeflate lua5.4-cjson

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -Wformat=2 -Werror
OPTIMISE := $(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,-O2)
CFLAGS   += -std=c11 -D_GNU_SOURCE -g $(OPTIMISE) $(WARNINGS) -fvisibility=hidden -fPIC -pthread -Isrc -Iinclude \
            -I$(BUILD) $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDFLAGS  += -pthread $(if $(SAN),-fsanitize=$(SAN)) -Wl,-z,relro,-z,now
LIBS     := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm

# One short line for each thing made; V=1 shows whole commands.
V        :=
SHOW      = $(if $(V),,@printf '  %-3s %s\n' $(1) $(2);)

# What programs under the thread sanitizer need of their own.
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
BENCHES    := $(patsubst %.c,$(BUILD)/%,$(wildcard spec/bench/*_bench.c))
C_FILES    := $(wildcard include/*.h src/*/*.[ch] spec/*.[ch] spec/*/*.[ch] spec/unit/*/*.[ch])
LUA_FILES  := $(wildcard lua/*/*.lua policies/*.lua examples/*.lua examples/*/*.lua spec/*/*.lua)

.PHONY: all
.SECONDARY:
.DELETE_ON_ERROR:
all: build/signalbox build/signalbox.so ## builds build/signalbox, and the Lua module beside it

build/signalbox build/signalbox.so: build/%: $(BUILD)/%
	@ln -sf $(patsubst build/%,%,$<) $@

# Takes its place at once and whole: the one before may be running.
$(BUILD)/signalbox: $(call archives,$(cli)) $(JUMPS)
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -o $@.new -Wl,--start-group $^ -Wl,--end-group $(LIBS)
	@mv $@.new $@

# The host brings Lua itself. The module stays loaded to the process's end: libraries below it keep state of their own.
$(BUILD)/signalbox.so: $(call objects,module) $(call archives,$(filter-out module,$(module)))
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -shared -Wl,-z,nodelete -Wl,--exclude-libs,ALL -o $@.new $^ \
	  $(filter-out -llua5.4,$(LIBS))
	@mv $@.new $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SHOW,CC,$<)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# Changes when the compiler or its flags do, and only then.
.PHONY: FORCE
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS)' > $@

# A room's folder is a prerequisite so that a file taken away leaves the archive too.
define archive_rule
$(BUILD)/lib$(1).a: $(call objects,$(1)) src/$(1)
	@rm -f $$@
	$$(call SHOW,AR,$$@)ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach room,$(ROOMS),$(eval $(call archive_rule,$(room))))

# A unit spec links its own room and the rooms below it, nothing else; so does a benchmark, called ROOM_bench.c. The
# specs of policies look into bodies as mux does.
policy_specs := mux
lab_specs := mux
define unit_rule
$(BUILD)/spec/unit/$(1)/%: $(BUILD)/spec/unit/$(1)/%.o $(call archives,$(sort $($(1)) $(foreach room,$($(1)_specs),$($(room))))) $(JUMPS)
	$$(call SHOW,LD,$$@)$(CC) $(LDFLAGS) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $(LIBS)
$(BUILD)/spec/bench/$(1)_bench: $(BUILD)/spec/bench/$(1)_bench.o $(call archives,$($(1)))
	$$(call SHOW,LD,$$@)$(CC) $(LDFLAGS) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $(LIBS)
endef
$(foreach room,$(ROOMS),$(eval $(call unit_rule,$(room))))

# A fuzz target is linked with the fuzzer, or with what gives it its kept inputs again.
$(BUILD)/spec/fuzz/%: $(BUILD)/spec/fuzz/%.o $(call archives,$(filter-out cli,$(cli)))
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS)
$(BUILD)/spec/replay/%: $(BUILD)/spec/fuzz/%.o $(BUILD)/spec/fuzz/replay.o $(call archives,$(filter-out cli,$(cli))) $(JUMPS)
	@mkdir -p $(@D)
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS)

$(BUILD)/spec/vectors: $(BUILD)/spec/vectors.o $(call archives,aws base)
	$(call SHOW,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# Lua that ships inside the binary: lua/signalbox/*.lua and the default policy.
EMBEDDED := $(wildcard lua/signalbox/*.lua policies/weighted.lua)
$(BUILD)/embedded.inc: $(EMBEDDED) Makefile
	@mkdir -p $(@D)
	@{ for f in $(EMBEDDED); do \
	     printf '{"%s", (const char[]){' "$$f"; od -An -v -tx1 "$$f" | sed 's/ \(..\)/0x\1,/g'; printf '0}, %d},\n' $$(wc -c < "$$f"); \
	   done; } > $@
$(BUILD)/src/sandbox/embedded.o: $(BUILD)/embedded.inc

# What installs packages runs make once more, so that pkg-config is asked after they are there.
.PHONY: deps demo test bench soak live fuzz
deps: ## installs the Debian packages that are missing
	@spec/support/install build test
demo: deps ## a minute's show: failover, an open breaker, a rule changed under traffic, nothing lost
	@$(MAKE) --no-print-directory all
	@lua5.4 examples/demo.lua build/signalbox
test: deps ## builds and runs every spec; SUITES="unit lua e2e sdk vectors replay" picks some
	@$(MAKE) --no-print-directory test-programs
	@BUILD=$(BUILD) spec/support/run_suites $(SUITES)
bench: deps ## measures against nginx and against the budgets; takes six minutes (STREAMS=10000: more at once)
	@spec/support/install bench
	@$(MAKE) --no-print-directory all bench-programs
	@BUILD=$(BUILD) lua5.4 spec/bench/run.lua
SECONDS := 60
soak: deps ## random faults under load for SECONDS=60 (SECONDS=3600: an hour), nothing leaked, nothing lost
	@$(MAKE) --no-print-directory $(BUILD)/signalbox
	@SIGNALBOX=$(BUILD)/signalbox SECONDS=$(SECONDS) lua5.4 spec/soak/run.lua
live: ## a dozen real calls to Bedrock through the gateway; wants credentials and AWS_REGION
	@$(MAKE) --no-print-directory $(BUILD)/signalbox
	@SIGNALBOX=$(BUILD)/signalbox lua5.4 spec/live/run.lua

# Guided by coverage, which is clang's business: a variant of its own. An empty slice may be a null pointer, to which
# that sanitizer would let nobody add nothing.
FUZZ_SAN := fuzzer-no-link,address,undefined
fuzz: ## invents inputs for the parsers, SECONDS=60 for each; TARGETS="http pattern:5" picks some
	@spec/support/install build fuzz
	@$(MAKE) --no-print-directory CC=clang SAN=$(FUZZ_SAN) WARNINGS=-fno-sanitize=pointer-overflow fuzz-programs
	@SECONDS=$(SECONDS) spec/fuzz/run build/$(subst $(comma),-,$(FUZZ_SAN))/spec/fuzz $(TARGETS)

.PHONY: test-programs bench-programs fuzz-programs unit vectors
test-programs: $(BUILD)/signalbox $(BUILD)/signalbox.so $(UNIT_TESTS) $(REPLAYS) $(BUILD)/spec/vectors
bench-programs: $(BENCHES)
fuzz-programs: $(FUZZERS)
unit: $(filter $(BUILD)/spec/unit/$(if $(ROOM),$(ROOM)/)%,$(UNIT_TESTS)) ## runs the unit specs; ROOM=aws for one room
	@spec/support/run_units $^
VECTORS ?= spec/fixtures
vectors: $(BUILD)/spec/vectors ## signer and codec against the vectors in VECTORS=DIR
	@$< $(VECTORS)

.PHONY: lint layers headers format
lint: ## warnings, formatting, luacheck, layers, rooms' pages, headers, banned functions
	@CC='$(CC)' CFLAGS='$(CFLAGS)' spec/lint/run $(C_FILES) $(LUA_FILES)
layers: ## which room includes which, against the table of the design
	@lua5.4 spec/lint/layers.lua
headers: ## each header compiles by itself
	@CC='$(CC)' CFLAGS='$(CFLAGS)' spec/lint/headers $(filter %.h,$(C_FILES))
format: ## formats the C files
	@clang-format -i $(C_FILES)

.PHONY: clean help
clean: ## removes what was built
	rm -rf build
help: ## lists the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12
	@echo 'SAN=address,undefined or SAN=thread makes the same under sanitizers; V=1 shows whole commands.'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
