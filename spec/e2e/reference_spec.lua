-- SPDX-License-Identifier: Apache-2.0
-- The guide and the reference of policies, run: each example is a policy that `signalbox check` finds sound, what the
-- reference's tables name is what the code knows and is used in an example, and the hooks' examples do over the wire
-- what they say.
local cjson = require "cjson"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local GUIDE, REFERENCE = process.contents("policies/README.md"), process.contents("policies/REFERENCE.md")

-- The examples of both pages, in order: source, and the heading that they stand under.
local function examples()
  local list, heading, source = {}, "", nil
  for line in (GUIDE .. REFERENCE):gmatch("([^\n]*)\n") do
    if source and line == "```" then
      list[#list + 1] = { heading = heading, source = table.concat(source, "\n") .. "\n" }
      source = nil
    elseif source then
      source[#source + 1] = line
    elseif line == "```lua" then
      source = {}
    else
      heading = line:match("^##* (.*)$") or heading
    end
  end
  return list
end

local function example(heading, number)
  local found = 0
  for _, entry in ipairs(examples()) do
    found = found + (entry.heading == heading and 1 or 0)
    if found == (number or 1) and entry.heading == heading then return entry.source end
  end
  error("no example under " .. heading)
end

-- The words that are set as code in the first column of the table whose head begins with `head`.
local function words_of(head)
  local start = assert(REFERENCE:find("\n" .. head, 1, true), head)
  local words, number = {}, 0
  for row in REFERENCE:sub(start + 1):gmatch("([^\n]*)\n") do
    if row:sub(1, 1) ~= "|" then break end
    number = number + 1
    if number > 2 then
      for word in row:match("^| (.-) |"):gmatch("`([^`]+)`") do words[#words + 1] = word end
    end
  end
  return words
end

local function names_of(head)
  local names = {}
  for _, word in ipairs(words_of(head)) do names[#names + 1] = word:match("[%w_]+") end
  return names
end

-- The fields and methods of a view, in the one table of them all.
local function fields_of(view)
  local names = {}
  for _, word in ipairs(words_of("| signature | gives | meaning |")) do
    names[#names + 1] = word:match("^" .. view .. "%.([%w_]+)$") or word:match("^" .. view .. ":([%w_]+)%(%)$")
  end
  return names
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

-- The names in the C tables that `pattern` opens.
local function known_in_code(path, pattern)
  local names = {}
  for block in process.contents(path):gmatch(pattern .. ".-\n%s*};") do
    for name in block:gmatch('{"([%w_]+)"') do names[#names + 1] = name end
  end
  assert.is_true(#names > 0, path)
  return names
end

local KEY, OPTION = "| key | default | range | meaning |", "| option | range | meaning |\n| --- | --- | --- |\n| `"
local NAMES = {
  ["a policy's keys"] = names_of(KEY), ["a breaker's keys"] = names_of("| `breaker` key |"),
  ["a model's keys"] = names_of("| model key |"), ["select's options"] = names_of(OPTION .. "timeout_ms`"),
  ["verdicts"] = names_of("| verdict |"), ["classify's options"] = names_of(OPTION .. "outcome`"),
  ["edits"] = names_of("| edit |"), ["lists of models"] = fields_of("models"),
  ["a model's fields"] = fields_of("model"), ["a request's fields"] = fields_of("request"),
  ["a failure's fields"] = fields_of("failure"), ["a response's fields"] = fields_of("response"),
  ["a result's fields"] = fields_of("result"),
}

describe("the reference", function()
  local all = examples()

  it("has examples that check finds sound", function()
    if signalbox.is_slow then pending("the thread sanitizer makes the largest body too slow for a hook") return end
    local scene = signalbox.scene()
    local words = { "check", "--json" }
    for number, entry in ipairs(all) do
      words[#words + 1] = scene:write(("example-%d.lua"):format(number), entry.source)
    end
    local status, out = signalbox.run(words)
    scene:close()
    assert.is_true(#all >= 15)
    for number, file in ipairs(cjson.decode(out).files) do
      local problem = file.problems[1] or file.mistakes[1] or {}
      assert.is_true(file.sound, ("the example under %s: line %s: %s"):format(all[number].heading, problem.line,
        problem.found or problem.message))
    end
    assert.equal(0, status)
  end)

  for what, names in pairs(NAMES) do
    it("shows " .. what .. " in examples", function()
      local source = ""
      for _, one in ipairs(all) do source = source .. one.source end
      assert.is_true(#names > (what == "lists of models" and 1 or 3))
      for _, name in ipairs(names) do
        assert.is_truthy(source:find("%f[%w_]" .. name .. "%f[^%w_]"), name .. " is in no example")
      end
    end)
  end

  for view, path in pairs {
    model = "src/policy/model_view.c", request = "src/policy/request_view.c", failure = "src/policy/failure_view.c",
    response = "src/policy/response_view.c", result = "src/policy/result_view.c",
  } do
    it("lists each field of a " .. view .. ", and no other", function()
      local known = known_in_code(path, "view_field " .. view .. "_fields%[%] = {")
      assert.same(set_of(known), set_of(fields_of(view)))
    end)
  end

  it("lists each option of hooks, and no other", function()
    local documented = { identifier = true, version = true, trace = true }
    for _, head in ipairs { OPTION .. "timeout_ms`", OPTION .. "outcome`", "| edit |" } do
      for _, name in ipairs(names_of(head)) do documented[name] = true end
    end
    assert.same(set_of(known_in_code("src/policy/hook_result.c", "struct option known%[%] = {")), documented)
  end)
end)

describe("an example of the reference", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local LITE, PRO = "us.amazon.nova-2-lite-v1:0", "us.amazon.nova-pro-v1:0"

  local function converse(gateway, text, more, headers, model)
    return gateway.request(signalbox.call(model or "chat", "converse", signalbox.converse_body(text, more), headers))
  end

  -- An upstream whose answer depends on the model and on how often it was asked.
  local function upstream(script)
    return scene:upstream("local model = request.target:gsub('%%3A', ':'):match('/model/([^/]+)/')\n" .. script)
  end

  it("serves logical models", function()
    local gateway = scene:gateway(scene:emulator(), {
      policy = example("Models"):gsub('endpoint = "[^"]*", ', ""),
      settings = { credential_sets = { europe = { access_key_id = "A", secret_access_key = "S" } } },
    })
    local function served(model)
      local found = {}
      for _ = 1, 30 do
        local response = converse(gateway, "Hello", nil, nil, model)
        if response.status ~= 200 then return response.status end
        found[response.headers["x-signalbox-model"]] = true
      end
      return found
    end
    assert.same({ us = true, eu = true }, served("chat"))
    assert.same({ us = true, eu = true }, served("claude-haiku"))
    assert.same({ nova = true }, served("nova"))
    assert.equal(404, served("gpt"))
  end)

  it("selects by what is asked", function()
    local gateway = scene:gateway(scene:emulator(), {
      policy = example("select"), settings = { log = { format = "json", level = "debug" } },
    })
    assert.equal("pro", converse(gateway, ("long "):rep(4000)).headers["x-signalbox-model"])
    assert.equal(200, converse(gateway, "Hello", nil, { ["x-urgent"] = "yes" }).status)
    assert.equal(200, converse(gateway, "Hello").status)
  end)

  it("classifies", function()
    local server = upstream [[
      local failures = { "ModelNotReadyException", nil, "ThrottlingException" }
      if not failures[number] then return answer:json(200, '{}') end
      answer:json(429, '{"message":"Too many tokens per day"}', "x-amzn-ErrorType: " .. failures[number] .. "\r\n")]]
    local gateway = scene:gateway(server, { policy = example("classify") })
    local first = converse(gateway, "Hello")
    assert.equal(LITE, first.headers["x-signalbox-model"])
    assert.equal("2", first.headers["x-signalbox-attempts"])
    local second = converse(gateway, "Hello")
    assert.equal(PRO, second.headers["x-signalbox-model"])
    local _, breakers = gateway.admin("/breakers")
    assert.is_true(breakers[LITE].cooling_until > os.date("!%Y-%m-%dT%H:%M:%S", os.time() + 200))
  end)

  it("accepts", function()
    local server = upstream [[
      local stop = model:find("lite") and "guardrail_intervened" or "end_turn"
      answer:json(200, '{"output":{"message":{"content":[{"text":"{}"}]}},"stopReason":"' .. stop .. '"}')]]
    local gateway = scene:gateway(server, { policy = example("accept") })
    local response = converse(gateway, "Hello", { requestMetadata = { format = "json" } })
    assert.equal(200, response.status)
    assert.equal(PRO, response.headers["x-signalbox-model"])
    local _, stats = gateway.admin("/stats")
    assert.equal(1, stats.models[LITE].refusal)
  end)

  it("prepares", function()
    local server = upstream "answer:json(200, '{}')"
    local gateway = scene:gateway(server, { policy = example("prepare") })
    converse(gateway, "Hello", { inferenceConfig = { maxTokens = 9999 },
      requestMetadata = { priority = "low", team = "legal" } }, nil, LITE)
    local got = server.recorded()[1]
    local body = cjson.decode(got.body)
    assert.equal("legal", got.headers["x-amzn-bedrock-team"])
    assert.equal("flex", body.serviceTier.type)
    assert.equal(4096, body.inferenceConfig.maxTokens)
    if got.target:find("lite", 1, true) then assert.equal("gr-1a2b3c", body.guardrailConfig.guardrailIdentifier) end
  end)

  it("keeps teams to their budgets", function()
    local gateway = scene:gateway(scene:emulator(), { policy = example("finish"):gsub("1000000", "1") })
    local function ask(team) return converse(gateway, "Hello", { requestMetadata = { team = team } }).status end
    assert.equal(200, ask("search"))
    assert.equal(429, ask("search"))
    assert.equal(200, ask("legal"))
    assert.equal(200, ask(nil))
  end)

  it("keeps conversations at home, in both workers", function()
    local gateway = scene:gateway(scene:emulator(), {
      policy = example("signalbox.shared"), settings = { workers = 2 },
    })
    for session = 1, 4 do
      local homes = {}
      for _ = 1, 12 do
        local response = converse(gateway, "Hello", { requestMetadata = { session = "s" .. session } })
        homes[response.headers["x-signalbox-model"]] = true
      end
      assert.is_true(next(homes) and next(homes, (next(homes))) == nil)
    end
  end)
end)
