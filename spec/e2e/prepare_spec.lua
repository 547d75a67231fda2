-- SPDX-License-Identifier: Apache-2.0
-- `prepare`'s edits of a request, as the upstream sees them: the edits and nothing else, and signed as sent.
local cjson = require "cjson"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE
local DEBUG = signalbox.DEBUG
local ODD_BODY = '{ "messages" :\t[{"role":"user","content":[{"text":"Gr\\u00fc\195\159e"}]}] ,\r\n "x":1e0}'

-- A policy over NOVA, with CLAUDE as its fallback, whose prepare is `source`.
local function policy(source, more)
  return ([[
    return {
      models = { { id = "%s", family = "any" }, { id = "%s", family = "any", fallback = true } },
      prepare = function(request, model) %s end,
      %s
    }]]):format(NOVA, CLAUDE, source, more or "")
end

-- Whether the request's signature covers the header.
local function is_signed(request, name)
  return (";" .. request.headers.authorization:match("SignedHeaders=([^,]+)") .. ";"):find(";" .. name .. ";", 1, true)
    ~= nil
end

describe("prepare", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  -- Sends one request through a policy. Returns the request that the upstream got, and the gateway.
  local function send(source, request, settings)
    local upstream = scene:upstream("answer:json(200, '{}')")
    local gateway = scene:gateway(upstream, { policy = policy(source), settings = settings })
    local response = gateway.request(request)
    assert.equal(200, response.status, response.body)
    return upstream.recorded()[1], gateway
  end

  it("leaves every byte unchanged when it returns no edits", function()
    local got = send("return nil", signalbox.call("chat", "converse", ODD_BODY))
    assert.equal(ODD_BODY, got.body)
    got = send("return {}", signalbox.call("chat", "invoke", ODD_BODY))
    assert.equal(ODD_BODY, got.body)
  end)

  it("edits a Converse body in place", function()
    local got, gateway = send([[return {
      service_tier = "flex", max_tokens = 77, guardrail = { identifier = "gr-1", version = "DRAFT", trace = "enabled" },
    }]], signalbox.call("chat", "converse", ODD_BODY), DEBUG)
    local edits = '"inferenceConfig":{"maxTokens":77},' ..
      '"guardrailConfig":{"guardrailIdentifier":"gr-1","guardrailVersion":"DRAFT","trace":"enabled"},' ..
      '"serviceTier":{"type":"flex"},'
    assert.equal("{" .. edits .. ODD_BODY:sub(2), got.body)
    assert.equal(tostring(#got.body), got.headers["content-length"])
    assert.equal(0, #gateway.entries("policy-error"))
  end)

  it("replaces the client's values", function()
    local got = send('return { service_tier = "flex", max_tokens = 5 }', signalbox.call("chat", "converse",
      '{"inferenceConfig":{"topP":1, "max\\u0054okens": 4000},"messages":[],"serviceTier":{"type":"priority"} }'))
    assert.equal(
      '{"inferenceConfig":{"topP":1, "max\\u0054okens": 5},"messages":[],"serviceTier":{"type":"flex"} }', got.body)
  end)

  it("edits InvokeModel by headers, and the token limit in the body if there is one", function()
    local got = send([[return {
      service_tier = "flex", max_tokens = 77, guardrail = { identifier = "gr-1", version = "2" },
    }]], signalbox.call("chat", "invoke", '{"max_tokens": 1000, "messages": []}',
      { ["X-Amzn-Bedrock-Trace"] = "ENABLED_FULL", ["X-Amzn-Bedrock-Service-Tier"] = "priority" }))
    assert.equal('{"max_tokens": 77, "messages": []}', got.body)
    assert.equal("flex", got.headers["x-amzn-bedrock-service-tier"])
    assert.equal("gr-1", got.headers["x-amzn-bedrock-guardrailidentifier"])
    assert.equal("2", got.headers["x-amzn-bedrock-guardrailversion"])
    -- The policy's guardrail replaces the client's as a whole, with its trace.
    assert.is_nil(got.headers["x-amzn-bedrock-trace"])
    assert.is_true(is_signed(got, "x-amzn-bedrock-service-tier"))
    assert.is_true(is_signed(got, "x-amzn-bedrock-guardrailidentifier"))
  end)

  it("adds to the client's headers or replaces them, signed", function()
    local got = send([[return {
      headers = { ["X-Team"] = "red " .. request.operation, ["x-amzn-bedrock-trace"] = "DISABLED" },
    }]],
      signalbox.call("chat", "invoke", nil, { ["X-Amzn-Bedrock-Trace"] = "ENABLED", ["X-Amzn-Trace-Id"] = "Root=1" }))
    assert.equal("red InvokeModel", got.headers["x-team"])
    assert.equal("DISABLED", got.headers["x-amzn-bedrock-trace"])
    assert.equal("Root=1", got.headers["x-amzn-trace-id"])
    local _, count = got.head:lower():gsub("\r\nx%-amzn%-bedrock%-trace:", "")
    assert.equal(1, count)
    assert.is_true(is_signed(got, "x-team"))
  end)

  -- A body's operation, what the policy's prepare returns, the body, headers, and the 400's sentence.
  local GUARDRAIL = '{ guardrail = { identifier = "gr", version = "1" } }'
  local GZIP = { ["Content-Encoding"] = "gzip" }
  local DEEP = '{"a":' .. ("["):rep(64) .. ("]"):rep(64) .. '}'
  local MARKED = '{"messages":[{"content":[{"text":"bad"},{"guardContent":{"text":{"text":"good"}}}]}]}'
  local unfit = {
    { "guarded in part", "converse", GUARDRAIL, MARKED, nil,
      'The body chooses what its guardrail evaluates: "guardContent", at offset 56.' },
    { "guarded by tags", "invoke", GUARDRAIL, '{"amazon-bedrock-guardrailConfig":{"tagSuffix":"x"}}', nil,
      'The body chooses what its guardrail evaluates: "amazon-bedrock-guardrailConfig", at offset 34.' },
    { "compressed, so that marks can't be seen", "invoke", GUARDRAIL, "{}", GZIP,
      "The body has to be UTF-8 without a content-encoding." },
    { "no JSON", "invoke", "{ max_tokens = 5 }", "not JSON", nil, "The body is not valid JSON, at offset 0." },
    { "cut short", "converse", "{ max_tokens = 5 }", '{"messages":[', nil,
      "The body is not valid JSON, at offset 13." },
    { "ambiguous", "converse", "{ max_tokens = 5 }", '{"inferenceConfig":{"maxTokens":1,"maxTokens":2}}', nil,
      'The body has "maxTokens" twice, the second time at offset 46.' },
    { "compressed", "converse", "{ max_tokens = 5 }", "\31\139\8\0bytes", GZIP,
      "The body has to be UTF-8 without a content-encoding." },
    { "without a limit", "invoke", "{ max_tokens = 5 }", "{}", nil,
      "The body has no limit of tokens of a known name." },
    { "compressed and to be guarded", "converse", GUARDRAIL, "{}", GZIP,
      "The body has to be UTF-8 without a content-encoding." },
    { "marked", "converse", GUARDRAIL, '\239\187\191{"messages":[]}', nil,
      "The body begins with a byte order mark, at offset 0." },
    { "UTF-16", "converse", GUARDRAIL, "{\0}\0", nil, "The body is not UTF-8, at offset 1." },
    { "of another charset", "converse", GUARDRAIL, "{}", { ["Content-Type"] = "application/json; charset=utf-16" },
      "The body has to be UTF-8 without a content-encoding." },
    { "guarded twice by its client", "converse-stream", GUARDRAIL,
      '{"guardrailConfig":{"guardrailIdentifier":"mine"},"guardrail\\u0043onfig":{}}', nil,
      'The body has "guardrailConfig" twice, the second time at offset 73.' },
    { "followed by text", "converse", GUARDRAIL, '{"messages":[]}{"messages":[]}', nil,
      "The body has text behind its JSON value, at offset 15." },
    { "nested too deep", "converse", GUARDRAIL, DEEP, nil, "The body is nested too deep, at offset 68." },
    { "nested too deep for a required tier", "converse", '{ service_tier = "flex", required = true }', DEEP, nil,
      "The body is nested too deep, at offset 68." },
  }
  for _, case in ipairs(unfit) do
    local title, operation, edits, body, headers, reason = table.unpack(case, 1, 6)
    it("has a body refused that is " .. title, function()
      local upstream = scene:upstream("answer:json(200, '{}')")
      local gateway = scene:gateway(upstream, { policy = policy("return " .. edits), settings = DEBUG })
      local response = gateway.request(signalbox.call("chat", operation, body, headers))
      assert.equal(400, response.status)
      assert.equal("ValidationException", response.headers["x-amzn-errortype"])
      assert.equal("REQUEST_REFUSED", response.headers["x-signalbox-error"])
      assert.equal(reason, cjson.decode(response.body).message)
      assert.equal(0, #upstream.recorded())
      gateway.access(1)
      local errors = gateway.entries("policy-error")
      assert.equal(1, #errors)
      assert.equal("prepare", errors[1].hook)
      assert.equal(reason, errors[1].reason)
      assert.equal(NOVA, errors[1].model)
      local refused = gateway.entries("request refused")
      assert.equal(1, #refused)
      assert.equal(reason, refused[1].reason)
      assert.equal(reason, gateway.entries("error")[1].reason)
    end)
  end

  it("goes on without a tier that it doesn't require", function()
    local got, gateway = send('return { service_tier = "flex", headers = { ["x-team"] = "red" } }',
      signalbox.call("chat", "converse", DEEP), DEBUG)
    assert.equal(DEEP, got.body)
    assert.equal("red", got.headers["x-team"])
    gateway.access(1)
    local errors = gateway.entries("policy-error")
    assert.equal(1, #errors)
    assert.equal("service_tier", errors[1].edit)
    assert.equal(1, #gateway.entries("policy error"))
  end)

  it("guards parts of a prompt where it says so, an InvokeModel's by headers whatever its body is", function()
    local partial = 'return { guardrail = { identifier = "gr", version = "1", partial = true } }'
    local got = send(partial, signalbox.call("chat", "invoke", "not JSON", GZIP))
    assert.equal("not JSON", got.body)
    assert.equal("gr", got.headers["x-amzn-bedrock-guardrailidentifier"])
    got = send(partial, signalbox.call("chat", "converse", MARKED))
    assert.equal(MARKED, (got.body:gsub('"guardrailConfig":%b{},', "")))
    assert.matches('"guardrailIdentifier":"gr"', got.body, 1, true)
  end)

  -- What a hook, a quota or the routing of tiers reads has to mean the same to the model.
  local readers = {
    { "by a quota", 'models = { { id = "%s", quota = { tpm = 100000 } } }' },
    { "by tiers", 'models = { { id = "%s", tier = "flex" } }' },
    { "by select", 'models = { { id = "%s" } }, select = function(r, m) return m[r.metadata.team and 1 or 1] end' },
    { "as text", 'models = { { id = "%s" } }, select = function(r, m) return m[#r:text() < 9 and 1] end' },
    { "by no one", 'models = { { id = "%s" } }, select = function(_, m) return m[1] end', true },
  }
  local twofold = {
    '{"requestMetadata":{"team":"a"},"requestMetadata":{"team":"b"}}', '\239\187\191{}', '{} x', "{\0}\0",
    '{"a":"\192\162"}',
  }
  for _, case in ipairs(readers) do
    local title, source, passes = table.unpack(case, 1, 3)
    it("leaves a body that is read " .. title .. (passes and " as it is" or " no second meaning"), function()
      local upstream = scene:upstream("answer:json(200, '{}')")
      local gateway = scene:gateway(upstream, { policy = "return { " .. source:format(NOVA) .. " }" })
      for _, body in ipairs(twofold) do
        local response = gateway.request(signalbox.call("chat", "converse", body))
        assert.equal(passes and 200 or 400, response.status, body)
      end
      assert.equal(passes and #twofold or 0, #upstream.recorded())
      assert.equal(200, gateway.request(signalbox.call("chat", "converse", '{"requestMetadata":{"team":"a"}}')).status)
    end)
  end

  it("has metadata refused that names a key twice, where select reads it", function()
    local upstream = scene:upstream("answer:json(200, '{}')")
    local gateway = scene:gateway(upstream, { policy = ([[return { models = { { id = "%s" } },
      select = function(request, models) return request.metadata.team and models[1] end }]]):format(NOVA) })
    local response = gateway.request(signalbox.call("chat", "converse",
      '{"requestMetadata":{"team":"a","te\\u0061m":"b"}}'))
    assert.equal(400, response.status)
    assert.equal("The body has an object with a member twice, the second time at offset 31.",
      cjson.decode(response.body).message)
  end)

  it("has a body refused that names any key twice, where a hook decodes it", function()
    local upstream = scene:upstream("answer:json(200, '{}')")
    local gateway = scene:gateway(upstream, { policy = policy(
      "if request:body().messages[1].content[1].text == 'bad' then return { max_tokens = 1 } end") })
    local sentence = "The body has an object with a member twice, the second time at offset %d."
    for body, offset in pairs({
      ['{"messages":[{"content":[{"text":"bad","te\\u0078t":"good"}]}]}'] = 39,
      ['{"messages":[{"content":[{"text":"good"}]}],"additional":{"a":[{"b":null,"b":1}]}}'] = 73,
      ['{"messages":[{"content":[{"text":"good"},{"text":"good"}]}],"text":"good"}'] = 0,
    }) do
      local response = gateway.request(signalbox.call("chat", "converse", body))
      assert.equal(offset == 0 and 200 or 400, response.status, body)
      if offset > 0 then assert.equal(sentence:format(offset), cjson.decode(response.body).message) end
    end
  end)

  it("leaves the request unedited after an error", function()
    local got, gateway = send('error("out of order")', signalbox.call("chat", "converse", ODD_BODY), DEBUG)
    assert.equal(ODD_BODY, got.body)
    gateway.access(1)
    assert.equal(1, #gateway.entries("policy-error"))
  end)

  it("is called for every attempt, each time with the client's request", function()
    local upstream = scene:upstream([[
      if number == 1 then answer:json(503, '{"message":"no"}', "x-amzn-errortype: ServiceUnavailableException\r\n")
      else answer:json(200, '{}') end]])
    local gateway = scene:gateway(upstream, { policy = policy(
      'return { max_tokens = request.attempt * 10, headers = { ["x-model"] = model.name } }') })
    local response = gateway.request(signalbox.call("chat", "converse", '{"messages":[]}'))
    assert.equal(200, response.status)
    local first, second = table.unpack(upstream.recorded())
    assert.equal('{"inferenceConfig":{"maxTokens":10},"messages":[]}', first.body)
    assert.equal('{"inferenceConfig":{"maxTokens":20},"messages":[]}', second.body)
    assert.equal(NOVA, first.headers["x-model"])
    assert.equal(CLAUDE, second.headers["x-model"])
  end)

  it("is not called for a call without a model", function()
    local upstream = scene:upstream("answer:json(200, '{}')")
    local gateway = scene:gateway(upstream, { policy = policy('return { headers = { ["x-team"] = "red" } }') })
    local response = gateway.request {
      method = "POST", path = "/guardrail/g/version/1/apply", headers = { ["Content-Type"] = "application/json" },
      body = "{}",
    }
    assert.equal(200, response.status)
    assert.is_nil(upstream.recorded()[1].headers["x-team"])
  end)

  it("has its edits signed, in bodies of every size and for every operation", function()
    local emulator = scene:emulator(nil, { "--access-key", "AKIDEXAMPLE", "--secret-key-env", "EMULATOR_SECRET" },
      { environment = { EMULATOR_SECRET = signalbox.SECRET } })
    local gateway = scene:gateway(emulator, { policy = policy([[return {
      service_tier = "flex", max_tokens = 6, guardrail = { identifier = "gr", version = "1" },
      headers = { ["x-team"] = "red  and   blue" },
    }]]), settings = DEBUG })
    for _, bytes in ipairs { 10, 70000, 5000000 } do
      for _, operation in ipairs { "converse", "converse-stream" } do
        local response = gateway.request(signalbox.call("chat", operation, signalbox.converse_body(("a"):rep(bytes))))
        assert.equal(200, response.status, response.body)
        assert.is_truthy(response.body:find('"outputTokens":6', 1, true))
        assert.is_truthy(response.body:find('"serviceTier":{"type":"flex"}', 1, true))
      end
    end
    local response = gateway.request(signalbox.call("chat", "invoke",
      '{"max_tokens":100,"messages":[{"role":"user","content":"hello"}]}'))
    assert.equal("6", response.headers["x-amzn-bedrock-output-token-count"])
    assert.equal("flex", response.headers["x-amzn-bedrock-service-tier"])
    assert.equal(0, emulator.requests().rejected)
    gateway.access(7)
    assert.equal(0, #gateway.entries("policy-error"))
  end)

  it("overrides the tier that the selection names, but no escalation", function()
    local emulator = scene:emulator()
    emulator.control(NOVA, { fault = "ThrottlingException", tier = { "flex", "default" } })
    local gateway = scene:gateway(emulator, { policy = policy('return { service_tier = "flex" }',
      'tier_escalation = "priority", select = function(_, models) return models[1], { tier = "default" } end') })
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(200, response.status)
    assert.equal(NOVA, response.headers["x-signalbox-model"])
    assert.equal("2", response.headers["x-signalbox-attempts"])
    assert.is_truthy(response.body:find('"serviceTier":{"type":"priority"}', 1, true))
    emulator.control(NOVA, { fault = cjson.null })
    response = gateway.request(signalbox.call("chat", "converse"))
    assert.is_truthy(response.body:find('"serviceTier":{"type":"flex"}', 1, true))
  end)

  it("takes precedence over the headers of select, which are sent too", function()
    local upstream = scene:upstream("answer:json(200, '{}')")
    local gateway = scene:gateway(upstream, { policy = policy('return { headers = { ["x-both"] = "prepare" } }',
      [[select = function(_, models)
        return models[1], { headers = { ["x-one"] = "select", ["x-both"] = "select" } }
      end]]) })
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
    local got = upstream.recorded()[1]
    assert.equal("select", got.headers["x-one"])
    assert.equal("prepare", got.headers["x-both"])
    assert.is_true(is_signed(got, "x-one"))
  end)
end)
