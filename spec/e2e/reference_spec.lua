-- SPDX-License-Identifier: Apache-2.0
-- The guide and the reference of policies: `signalbox check` finds each example sound, the reference's tables list what
-- the code knows, each name is used in an example, and the hooks' examples work in a gateway.
local cjson = require "cjson"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local GUIDE, REFERENCE = process.contents("policies/README.md"), process.contents("policies/REFERENCE.md")

-- The examples of both pages, in order, each with its source and its heading.
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

-- The words set as code in the first column of the table whose head begins with `head`.
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

-- The fields and methods of a view, from the table of views.
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

-- The names in the C tables whose declarations match `pattern`.
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

  it("has sound examples", function()
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
    local documented = { identifier = true, version = true, trace = true, partial = true }
    for _, head in ipairs { OPTION .. "timeout_ms`", OPTION .. "outcome`", "| edit |" } do
      for _, name in ipairs(names_of(head)) do documented[name] = true end
    end
    assert.same(set_of(known_in_code("src/policy/hook_result.c", "struct hook_option known%[%] = {")), documented)
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

  -- An upstream whose response depends on the model and on the number of the request.
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

  it("selects by the request", function()
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

describe("the reference is right that", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function ask(gateway, more, headers, model)
    return gateway.request(signalbox.call(model or "chat", "converse", signalbox.converse_body("Hello", more), headers))
  end

  it("select's nil ends a request at once, whatever max_wait_ms says", function()
    local server = scene:upstream [[
      answer:json(503, '{"message":"no"}', "x-amzn-errortype: ServiceUnavailableException\r\n")]]
    local gateway = scene:gateway(server, { policy = [[return { max_wait_ms = 60000, models = { { id = "a" } },
      select = function(request, models)
        return request.headers["x-team"] and request.attempt == 1 and models[1] or nil
      end }]] })
    local first = ask(gateway)
    assert.equal(429, first.status)
    assert.equal("5000", first.headers["x-amz-retry-after"])
    assert.equal("NO_MODELS_AVAILABLE", first.headers["x-signalbox-error"])
    -- The view has header names in lower case, whatever the client sends.
    local second = ask(gateway, nil, { ["X-TEAM"] = "search" })
    assert.equal(503, second.status)
    assert.equal("RETRIES_EXHAUSTED", second.headers["x-signalbox-error"])
  end)

  it("one id under two names is two models", function()
    local server = scene:upstream [[
      if number == 1 then answer:json(429, '{"message":"no"}', "x-amzn-errortype: ThrottlingException\r\n") end
      answer:json(200, '{}')]]
    local gateway = scene:gateway(server, { policy = { models = {
      { id = "a", name = "one" }, { id = "a", name = "two", fallback = true } } } })
    local response = ask(gateway)
    assert.equal(200, response.status)
    assert.equal("two", response.headers["x-signalbox-model"])
    local _, stats = gateway.admin("/stats")
    assert.equal(1, stats.models.one.rate_limit)
    assert.equal(0, stats.models.two.rate_limit)
    local _, breakers = gateway.admin("/breakers")
    assert.equal("string", type(breakers.one.cooling_until))
    assert.equal(cjson.null, breakers.two.cooling_until)
  end)

  it("only a pool whose models all have serves gives 404", function()
    local server = scene:upstream "answer:json(200, '{}')"
    local open = scene:gateway(server, { policy = { models = { { id = "a", serves = { "chat" } }, { id = "b" } } } })
    assert.equal("b", ask(open, nil, nil, "misspelt").headers["x-signalbox-model"])
    local closed = scene:gateway(server, { policy = { models = { { id = "a", name = "n", serves = { "n" } } } } })
    assert.equal(404, ask(closed, nil, nil, "misspelt").status)
    assert.equal(200, ask(closed, nil, nil, "a").status)
    assert.equal(200, ask(closed, nil, nil, "n").status)
  end)

  it("a small request may pass a large one that waits for a quota", function()
    local server = scene:upstream "answer:json(200, '{\"usage\":{\"inputTokens\":2,\"outputTokens\":600}}')"
    local policy = { max_wait_ms = 60000, models = { { id = "a", quota = { tpm = 1000 } } } }
    local gateway = scene:gateway(server, { policy = policy })
    local function limited(tokens) return { inferenceConfig = { maxTokens = tokens } } end
    assert.equal(200, ask(gateway, limited(600)).status)
    local large = http.connect(gateway.port)
    large:send(http.format(signalbox.call("chat", "converse", signalbox.converse_body("Hello", limited(900)))))
    -- The gateway has read the request when it has responded on another connection.
    assert.is_truthy(gateway.request { path = "/health" })
    assert.equal(200, ask(gateway, limited(100)).status)
    large:close()
    process.wait_for("the large one to be cancelled", function()
      for _, line in ipairs(gateway.access()) do
        if line.outcome == "cancelled" then return true end
      end
    end)
  end)

  it("a request without max_tokens reserves its input alone", function()
    local server = scene:upstream "answer:json(200, '{}')"
    local gateway = scene:gateway(server, { policy = { models = { { id = "a", quota = { tpm = 100 } } } } })
    for _ = 1, 10 do assert.equal(200, ask(gateway).status) end
    assert.equal(429, ask(gateway, { inferenceConfig = { maxTokens = 90 } }).status)
  end)
end)
