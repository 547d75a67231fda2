-- SPDX-License-Identifier: Apache-2.0
-- The policies in spec/fixtures/hostile, one after the other in a running gateway: none fails a request, stops the
-- gateway or makes it grow, and each error names file and line.
local cjson = require "cjson"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local FOLDER = "spec/fixtures/hostile"
local REQUESTS = 6 -- more than it takes to disable a hook
local MEMORY_BYTES = 16777216 -- of a VM; policy_limits.memory_bytes
-- At most two versions exist at a time here; the rest is for what the allocator keeps.
local GROWTH_KB = 5 * MEMORY_BYTES / 1024
local CALM = 'return { models = require "pool" }'

local function files()
  local names = {}
  for path in io.popen("ls " .. FOLDER):lines() do
    local name = path:match("(.*)%.lua$")
    local text = process.contents(FOLDER .. "/" .. path)
    local ends = text:match("^%-%- Tries: .-\n%-%- Ends: ([^\n]+)\n")
    if ends then names[#names + 1] = { name = name, text = text, ends = ends } end
  end
  return names
end

describe("hostile policies", function()
  local scene, emulator, gateway, policy_file, resident_kb
  local seen = 0

  -- The entries of the log since the last call.
  local function entries()
    local found, log = {}, gateway:log()
    for line in log:sub(seen + 1):gmatch("[^\n]+\n") do
      seen = seen + #line
      local ok, entry = pcall(cjson.decode, line)
      if ok then found[#found + 1] = entry end
    end
    return found
  end

  local function errors()
    local found = {}
    for _, entry in ipairs(entries()) do
      if entry.message == "policy error" then found[#found + 1] = entry end
    end
    return found
  end

  local function resident()
    return tonumber(process.contents(("/proc/%d/status"):format(gateway.pid)):match("VmRSS:%s*(%d+)"))
  end

  local function install(text)
    process.write(policy_file, text)
    gateway.admin("/breakers/primary/reset", "POST")
    entries()
    local status, report = gateway.admin("/reload", "POST")
    return status, report
  end

  local function check_serving()
    for number = 1, REQUESTS do
      local operation = number % 2 == 0 and "converse" or "invoke"
      local response = gateway.request(signalbox.call("spare", operation))
      assert.equal(200, response and response.status, response and response.body)
    end
    assert.equal(200, gateway.request({ path = "/health" }).status)
  end

  local function check_memory()
    if not signalbox.is_sanitized then assert.is_true(resident() < resident_kb + GROWTH_KB, resident() .. " KB") end
  end

  setup(function()
    scene = signalbox.scene()
    local failing = { faults = { { from_ms = 0, to_ms = 1e9, fault = "ServiceUnavailableException", share = 1 } } }
    for key, value in pairs(signalbox.PROMPT) do failing[key] = value end
    emulator = scene:emulator({ seed = 1, models = { ["*"] = signalbox.PROMPT, primary = failing } })
    for _, module in ipairs({ "pool", "bytecode", "cycle_one", "cycle_other", "load_require_self" }) do
      scene:write(module .. ".lua", process.contents(FOLDER .. "/" .. module .. ".lua"))
    end
    gateway = scene:gateway(emulator, { policy = CALM })
    policy_file = ("%s/policy-%d.lua"):format(scene.folder, #scene.children - 1)
    check_serving()
    resident_kb = resident()
  end)
  teardown(function() scene:close() end)

  local function check_refused(reason)
    local status, report = install(reason.text)
    assert.equal(422, status)
    local found = cjson.encode(report):gsub('\\"', '"')
    assert.truthy(found:find(reason.ends:match("^refused: (.*)"), 1, true), found)
    check_serving()
    assert.same({}, errors())
  end

  -- The log has at most one error a second of each hook, so the first one is always there.
  local function check_errors(hook, endings)
    if hook == "tick" then
      process.wait_for("the tick", function() return gateway:log():find('"hook":"tick"', seen + 1, true) end)
    end
    local found = errors()
    assert.is_true(#found > 0, "no policy error")
    for _, entry in ipairs(found) do
      assert.equal(hook, entry.hook)
      assert.is_truthy((" or " .. endings .. " or "):find(" or " .. entry.ending .. " or ", 1, true), entry.ending)
      assert.truthy(entry.at:match("^(.*):[1-9]%d*$") == policy_file, entry.at)
    end
  end

  for _, file in ipairs(files()) do
    it("survives " .. file.name, function()
      if file.ends:find("^refused: ") then
        check_refused(file)
      else
        local status, report = install(file.text)
        assert.equal(200, status, cjson.encode(report))
        check_serving()
        if file.ends == "well" then assert.same({}, errors()) else check_errors(file.ends:match("^(%a+): (.*)$")) end
      end
      check_memory()
    end)
  end

  it("refuses a file that is far too large", function()
    local status, report = install(("-- nothing but comments\n"):rep(4500000))
    assert.equal(422, status)
    assert.equal("a file of at most 1 MiB", report.errors[1].expected)
    check_serving()
    check_memory()
  end)

  it("leaves the gateway as it was", function()
    assert.equal(200, (install(CALM)))
    check_serving()
    assert.same({}, errors())
    check_memory()
  end)
end)
