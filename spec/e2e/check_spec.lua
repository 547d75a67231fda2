-- SPDX-License-Identifier: Apache-2.0
-- `signalbox check`: its reports on good and on bad files, as text and as JSON.
local cjson = require "cjson"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local function lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do list[#list + 1] = line end
  return list
end

local function shipped()
  local listing, list = assert(io.popen("ls policies/*.lua")), {}
  for path in listing:lines() do list[#list + 1] = path end
  listing:close()
  return list
end

describe("check", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function check(text, name)
    return signalbox.run { "check", scene:write(name or "policy.lua", text) }
  end

  -- The report on one file, decoded.
  local function report(text)
    local status, out, log = signalbox.run { "check", "--json", scene:write("policy.lua", text) }
    assert.equal("", log)
    local whole = cjson.decode(out)
    assert.equal(1, #whole.files)
    assert.equal(status == 0, whole.sound)
    return whole.files[1], status
  end

  local function situation(file, hook, name)
    for _, entry in ipairs(file.situations) do
      if entry.hook == hook and entry.situation == name then return entry end
    end
    error("no situation " .. name .. " for " .. hook)
  end

  local TWO = "models = { { id = 'a' }, { id = 'b', fallback = true } }"

  it("finds every policy that ships sound, without a warning, on one page", function()
    if signalbox.is_slow then pending("the thread sanitizer makes the largest body too slow for a hook") return end
    for _, path in ipairs(shipped()) do
      local status, out, log = signalbox.run { "check", path }
      assert.equal(0, status, log)
      assert.equal("", log)
      assert.matches("^" .. path:gsub("%p", "%%%0") .. ": a sound policy with %d+ models\n", out)
      assert.is_true(#lines(out) < 90, path .. " takes " .. #lines(out) .. " lines")
    end
  end)

  it("says what a policy does, equal situations together", function()
    local status, out, log = check("return { " .. TWO .. [[,
      select = function(request, models)
        if request.streaming then return models[1], { timeout_ms = 5000 }, "a stream" end
        return models[1]
      end }]])
    assert.equal(0, status, log)
    assert.equal("", log)
    assert.matches("\nselect +%d+ situations; at most %d+ of 100000 instructions, %d+ of 16384 KiB, [%d.]+ us\n", out)
    assert.matches("\n   a\n      all models healthy; ", out)
    assert.matches("\n   a, timeout_ms 5000 (a stream)\n      a stream; an InvokeModel stream\n", out, 1, true)
    assert.matches("\n   b\n +the first primary's breaker open; ", out)
    assert.matches("\n   not asked: no model is eligible, the first returns in 30000 ms\n      all breakers open\n",
      out, 1, true)
    assert.matches("\nclassify   built in\n", out, 1, true)
    assert.is_nil(out:find("prepare", 1, true))
  end)

  it("says where a failure of a hook refuses the request", function()
    local status, out = check("return { " .. TWO .. [[,
      select = function(_, models) return models[1] end,
      prepare = function() return { service_teir = "flex" } end,
      on_error = { prepare = "refuse" } }]])
    assert.equal(1, status)
    assert.matches("prepare .-; requests are refused when it fails\n   since it went wrong: refused with 503", out)
  end)

  it("names hook, place, message and situation of what goes wrong, once", function()
    local status, out, log = check("return { " .. TWO .. [[,
      select = function(request, models)
        if request.attempt > 1 then error("not again") end
        return models[1]
      end,
      classify = function() while true do end end,
      prepare = function() return { service_teir = "flex" } end,
      finish = function(_, result) return result.modell end }]])
    local path = "^/.*/policy%.lua"
    assert.equal(1, status)
    assert.matches("policy%.lua: a mistaken policy with 2 models", out)
    assert.matches("by default, since it went wrong: failover", out, 1, true)
    local found = lines(log)
    assert.equal(4, #found, log)
    table.sort(found)
    assert.matches(path .. ':3: select: error in "another model after a failure" and %d+ more situations: not again$',
      found[1])
    assert.matches(path .. ':6: classify: over budget in ".-" and %d+ more situations: ' ..
      "the instruction budget is used up$", found[2])
    assert.matches(path .. ':7: prepare: bad result in ".-" and %d+ more situations: unknown .-service_teir' ..
      " %(did you mean service_tier%?%)$", found[3])
    assert.matches(path .. ":8: finish: error in \".-\" and %d+ more situations: .-modell.-model", found[4])
  end)

  it("tells a mistake once, whatever its message quotes and wherever a budget ran out", function()
    local status, _, log = check("return { " .. TWO .. [[,
      select = function(request) error("none for " .. request.model .. request.attempt) end,
      classify = function(failure)
        local sum = 0
        while true do
          sum = sum + 1
          if sum % 2 == 0 then
            sum = sum + #failure.message
          end
        end
      end,
      finish = function(_, result)
        if result.status == 200 then return result.x end
        return result.y
      end }]])
    assert.equal(1, status)
    local found = lines(log)
    table.sort(found)
    assert.equal(4, #found, log)
    assert.matches('policy.lua:%d+: classify: over budget in ".-" and %d+ more situations', found[4])
    assert.matches('policy.lua:%d+: finish: error', found[1])
    assert.matches('policy.lua:%d+: finish: error', found[2])
    assert.matches('policy.lua:2: select: error in ".-" and %d+ more situations: none for chat1$', found[3])
  end)

  it("tells a policy's mistakes once, though settings that are checked too name it", function()
    local policy = scene:write("policy.lua", "return { " .. TWO .. ", deadline_ms = 1 }")
    local settings = scene:write("settings.lua", ("return { policy = %q }"):format(policy))
    local other = scene:write("other.lua", "return { " .. TWO .. ", deadline_ms = 1 }")
    local status, out, log = signalbox.run { "check", settings, policy, other }
    assert.equal(1, status)
    assert.matches("settings.lua: wrong settings\n", out, 1, true)
    local found = lines(log)
    assert.equal(2, #found, log)
    assert.matches("policy.lua:1: deadline_ms: expected", found[1], 1, true)
    assert.matches("other.lua:1: deadline_ms: expected", found[2], 1, true)
    local tls = "return { tls = { cert = '/nowhere', key = '/nowhere' } }"
    local _, _, told = signalbox.run { "check", scene:write("one.lua", tls), scene:write("two.lua", tls) }
    assert.matches("one.lua: tls: /nowhere: No such file or directory\n", told, 1, true)
    assert.matches("two.lua: tls: /nowhere: No such file or directory\n", told, 1, true)
  end)

  it("tells programs the same and more", function()
    local file, status = report("return { " .. TWO .. [[,
      select = function(request, models)
        local options = { timeout_ms = 5000, headers = { ["x-team"] = "a" } }
        if request.streaming then return models[1], options, "a stream" end
        return models[1]
      end,
      classify = function(failure)
        if failure.name == "ModelNotReadyException" then return "retry", { after_ms = 500 } end
        if failure.kind == "stream" then return "sometimes" end
      end }]])
    assert.equal(1, status)
    assert.equal("policy", file.kind)
    assert.equal(2, file.models)
    assert.same({ instructions = 100000, memory_bytes = 16777216 }, file.limits)
    assert.same({}, file.problems)
    assert.same({}, file.warnings)
    local stream = situation(file, "select", "a stream")
    assert.equal("policy", stream.decided_by)
    assert.same({
      models = { a = 100 }, none = 0, timeout_ms = 5000, ttft_ms = cjson.null, hedge_after_ms = cjson.null,
      tier = cjson.null, headers = { "x-team" }, reason = "a stream",
    }, stream.decision)
    assert.equal("nobody", situation(file, "select", "all breakers open").decided_by)
    assert.same({ verdict = "retry", outcome = "fail_fast", counts = true, cooldown_ms = 0, doubles = false,
      orders_only = false, after_ms = 500 }, situation(file, "classify", "ModelNotReadyException").decision)
    assert.is_true(file.hooks.select.present and file.hooks.select.instructions > 0)
    assert.is_false(file.hooks.finish.present)
    assert.equal("classify", file.mistakes[1].hook)
    assert.equal("bad result", file.mistakes[1].ending)
    assert.equal(7, file.mistakes[1].line)
    assert.matches("sometimes", file.mistakes[1].message)
  end)

  it("gives programs the keys that the reference names, and no other", function()
    local reference = process.contents("policies/README.md"):match('\n({"sound".-)\n```')
    local documented, found = { select = true }, {}
    local keys = reference:gsub('"kind": .- "sound"', '"kind", "sound"'):gsub('as "problems"', "")
      :gsub('"decided_by": [^\n]- "words"', '"decided_by", "words"')
    for key in keys:gmatch('"([%w_]+)"') do documented[key] = true end
    local function collect(value)
      for key, item in pairs(value) do
        if type(key) == "string" then found[key] = true end
        if type(item) == "table" and key ~= "decision" and key ~= "hooks" then collect(item) end
      end
    end
    local _, out = signalbox.run { "check", "--json", scene:write("policy.lua", "return { " .. TWO .. [[,
      max_wait_ms = 6000, deadline_ms = 5000, select = function() error("no") end }]]) }
    local whole = cjson.decode(out)
    collect(whole)
    collect { select = whole.files[1].hooks.select }
    local bad = report("return {}")
    collect(bad)
    assert.same(documented, found)
  end)

  it("runs classify with each exception, status and end of a connection", function()
    local file = report("return { " .. TWO .. ", classify = function() return nil end }")
    local count = 0
    for _, entry in ipairs(file.situations) do count = count + (entry.hook == "classify" and 1 or 0) end
    assert.is_true(count > 60)
    local expected = {
      ThrottlingException = "failover", ServiceUnavailableException = "failover",
      AccessDeniedException = "failover", ValidationException = "fail", AttemptTimeout = "failover",
      ConnectionReset = "failover", CorruptFrame = "failover",
    }
    for name, verdict in pairs(expected) do
      assert.equal(verdict, situation(file, "classify", name).decision.verdict, name)
    end
  end)

  it("warns of what is allowed and hardly meant, which is no mistake", function()
    local status, out, log = check([[return { deadline_ms = 5000, max_wait_ms = 6000,
      models = { { id = 'a' }, { id = 'b', serves = { 'chat', '*' } } },
      select = function(_, models)
        for _ = 1, 60000 do end
        return models[1].name == "a" and models[1] or nil
      end }]])
    assert.equal(0, status)
    assert.matches("a sound policy with 2 models, %d warnings", out)
    assert.matches("warning: .-policy%.lua: max_wait_ms: expected at most deadline_ms %(5000%), found 6000\n", log)
    assert.matches('models[2].serves[1]: expected a name or glob that lets something new through, found "chat"',
      log, 1, true)
    assert.matches("models[2]: expected a model that some selection chooses, found b", log, 1, true)
    assert.matches("select: expected one of the eligible models, found none in 100 of 100 selections", log, 1, true)
    assert.matches("select: expected at most half the budget of instructions, found 600%d%d of 100000", log)
  end)

  it("lists every mistake of a file that does not load, and runs no hook", function()
    local status, out, log = check("return { models = { { id = 'a', wieght = 2 }, {} }, classify = true }")
    assert.equal(1, status)
    assert.equal("", out)
    assert.equal(3, #lines(log), log)
    assert.matches("models[1].wieght: expected a known key (did you mean weight?)", log, 1, true)
    local file = report("return { models = {}, }")
    assert.is_true(#file.problems > 0)
    assert.equal(cjson.null, file.policy)
    assert.same({}, file.situations)
  end)

  it("checks settings with the policy that they name, and their budgets", function()
    local policy = scene:write("policy.lua", "return { " .. TWO .. [[,
      select = function(_, models) for _ = 1, 5000 do end return models[1] end }]])
    local settings = scene:write("settings.lua",
      ("return { policy = %q, policy_limits = { instructions = 4000 } }"):format(policy))
    local status, out, log = signalbox.run { "check", settings }
    assert.equal(1, status)
    assert.matches("settings.lua: sound settings\n", out, 1, true)
    assert.matches("select: over budget", log, 1, true)
    assert.equal(0, (signalbox.run { "check", policy }))
  end)

  it("checks several files, and fails when one does", function()
    local good = scene:write("good.lua", "return { " .. TWO .. " }")
    local bad = scene:write("bad.lua", "return {")
    local status, out, log = signalbox.run { "check", good, bad, good }
    assert.equal(1, status)
    assert.equal(2, select(2, out:gsub("good%.lua: a sound policy", "")))
    assert.matches("bad%.lua:1: ", log)
    local json_status, json = signalbox.run { "check", "--json", good, bad }
    local whole = cjson.decode(json)
    assert.equal(1, json_status)
    assert.same({ false, true, false }, { whole.sound, whole.files[1].sound, whole.files[2].sound })
  end)

  it("takes a file for a policy though its `models` are misspelt or missing", function()
    for text, problem in pairs {
      ["return { modles = { { id = 'a' } } }"] = "modles: expected a known key (did you mean models?)",
      ["return { model = { { id = 'a' } } }"] = "model: expected a known key (did you mean models?)",
      ["return { model = { { id = 'a' } }, log = {}, max_retries = 1, select = function() end }"] =
        "log: expected a known key",
      ["return { select = function() end }"] = "models: expected a list of at least one model, found nothing",
    } do
      local status, out, log = check(text)
      assert.equal(1, status)
      assert.equal("", out)
      assert.matches("models: expected a list of at least one model, found nothing", log, 1, true)
      assert.matches(problem, log, 1, true)
      assert.equal("policy", report(text).kind)
    end
    assert.equal(cjson.null, report("return { select = 1 }").problems[1].line)
    for _, text in ipairs { "return { pool = {}, select = function() end }", "return { tick = function() end }" } do
      assert.equal("policy", report(text).kind)
    end
    for _, text in ipairs { "return { pool = {} }", "return { { id = 'a' } }", "return { 1, 2 }" } do
      local status, out, log = check(text)
      assert.equal(1, status)
      assert.equal("", out)
      assert.matches("policy.lua: expected a policy (with `models`) or settings, found", log, 1, true)
      assert.equal(1, #lines(log))
      assert.equal("unknown", report(text).kind)
    end
    for _, text in ipairs { "return {}", "return { workers = 1, select = 1 }", "return { wokers = 1 }" } do
      assert.equal("settings", report(text).kind)
    end
  end)

  it("names the line of each mistake that the file spells out, and no line else", function()
    local file = report("local spare = { id = 7 }\nreturn {\n  models = {\n    { id = 'a' },\n    spare,\n" ..
      "    { id = 'c',\n      wieght = 1 },\n  },\n}")
    local found = {}
    for _, problem in ipairs(file.problems) do found[problem.field] = problem.line end
    assert.same({ ["models[2].id"] = cjson.null, ["models[3].wieght"] = 7 }, found)
    local doubted = report("return { models = {\n { id = 'a' },\n { id = 'b', serves = { 'x', '*' } } } }")
    assert.equal(3, doubted.warnings[1].line)
    local settings = scene:write("settings.lua", "return {\n  workers = 2,\n  limits = {\n    body_bytes = 1 } }")
    local _, _, log = signalbox.run { "check", settings }
    assert.matches("settings.lua:4: limits.body_bytes: expected", log, 1, true)
    local none = report("error({})")
    assert.equal(1, none.problems[1].line)
  end)

  it("finds mistakes in a policy's own modules too, and files that say something else each time", function()
    scene:write("helpers.lua", "return { pick = function(models)\nreturn models[1].nmae end }")
    local status, _, log = check("local helpers = require 'helpers' return { " .. TWO .. [[,
      select = function(_, models) return helpers.pick(models) end }]])
    assert.equal(1, status)
    assert.matches("helpers.lua:2: select: error in .-nmae.-did you mean 'name'", log)
    local changing_status, _, changing = check([[
      local models = {}
      for i = 1, math.random(1000) do models[i] = { id = "m" .. i .. "-" .. math.random(1 << 40) } end
      return { models = models }]])
    assert.equal(1, changing_status)
    assert.matches("the same each time", changing)
  end)

  it("shows no control characters of a policy's, whatever it echoes", function()
    local _, out, log = check("return { " .. TWO .. [[,
      select = function(request, models)
        if request.headers["x-team"] ~= "search" then error(request.headers["x-team"]) end
        return models[1], nil, request.model
      end }]])
    assert.is_nil((out .. log):find("[%c\127]", 1) and (out .. log):gsub("\n", ""):find("[%c\127]"))
    assert.matches("\\x1b", out .. log, 1, true)
  end)

  it("says the same each time, but for times", function()
    local text = "return { models = { { id = 'a', weight = 3 }, { id = 'b' }, { id = 'c' } } }"
    local function situations()
      local file = report(text)
      for _, entry in ipairs(file.situations) do entry.cpu_ns = nil end
      return file.situations
    end
    assert.same(situations(), situations())
  end)

  it("leaves nothing behind: no file, no process, no descriptor", function()
    local folder = process.folder()
    local path = process.write(folder .. "/policy.lua", "return { " .. TWO .. " }")
    assert.equal(0, (signalbox.run { "check", path }))
    local listing = assert(io.popen("ls -A " .. folder))
    assert.equal("policy.lua\n", listing:read("a"))
    listing:close()
    process.remove(folder)
  end)
end)
