-- SPDX-License-Identifier: Apache-2.0
-- What the Makefile promises to newcomers. The specs run make in a folder of links to the tree.
local cjson = require "cjson"
local process = require "spec.support.process"

describe("make", function()
  local folder
  before_each(function()
    folder = process.folder()
    os.execute(('ln -s "$PWD"/* %s/ && rm -f %s/build %s/compile_commands.json'):format(folder, folder, folder))
  end)
  after_each(function() process.remove(folder) end)

  -- Runs make apart from the make that may run the specs.
  local function make(words, environment)
    environment = environment or {}
    environment.MAKEFLAGS, environment.MAKELEVEL, environment.SPEC = false, false, false
    return process.run({ "make", "--no-print-directory", "-C", folder, table.unpack(words) }, environment)
  end

  it("suggests `make deps` if packages are missing, and starts no compiler", function()
    local status, out, log = make({}, { PKG_CONFIG_LIBDIR = "/nowhere" })
    assert.equal(2, status)
    assert.equal("", out)
    assert.matches("^[^\n]*Missing to build: lua5%.4 [^\n]*`make deps`[^\n]*\n$", log)
    assert.equal(0, (make({ "clean" }, { PKG_CONFIG_LIBDIR = "/nowhere" })))
  end)

  it("lists every target in `make help`", function()
    local status, out = make { "help" }
    assert.equal(0, status)
    local count = 0
    for line in process.contents("Makefile"):gmatch("%.PHONY:([^\n]*)") do
      for target in line:gmatch("%S+") do
        if target ~= "FORCE" and not target:find("-programs", 1, true) then
          count = count + 1
          assert.matches("\n" .. target .. "  ", "\n" .. out, 1, true)
        end
      end
    end
    assert.is_true(count > 15)
  end)

  it("refuses specs that aren't there, before it builds", function()
    local status, _, log = make { "unit", "SPEC=route/nothing" }
    assert.equal(2, status)
    assert.matches("No such unit spec: spec/unit/route/nothing_spec.c", log, 1, true)
    local out
    status, out, log = make { "e2e", "SPEC=nothing" }
    assert.equal(2, status)
    assert.equal("", out)
    assert.matches("No such end-to-end spec: nothing", log, 1, true)
  end)

  it("writes a compile_commands.json whose commands compile", function()
    local status, _, log = make { "compile_commands.json", "DEBUG=1" }
    assert.equal(0, status, log)
    local by_file = {}
    for _, entry in ipairs(cjson.decode(process.contents(folder .. "/compile_commands.json"))) do
      by_file[entry.file] = entry
    end
    local entry = by_file["src/route/breaker.c"]
    assert.matches("-O0", entry.command, 1, true)
    assert.is_truthy(by_file["spec/unit/route/breaker_spec.c"])
    status, _, log = process.run { "sh", "-c", ("cd %s && %s -fsyntax-only"):format(entry.directory, entry.command) }
    assert.equal(0, status, log)
  end)
end)
