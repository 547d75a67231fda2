-- SPDX-License-Identifier: Apache-2.0
-- The hooks `accept`, which judges whole responses, and `finish`, which is told how each request ended.
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE
local DEBUG = signalbox.DEBUG
local RESPONSE = '{"output":{"message":{"role":"assistant","content":[{"text":"%s"}]}},"stopReason":"end_turn",' ..
  '"usage":{"inputTokens":3,"outputTokens":5,"totalTokens":8}}'

local function policy(hooks)
  return ([[
    local shared = require "signalbox.shared"
    return {
      models = { { id = "%s", family = "any" }, { id = "%s", family = "any", fallback = true } },
      %s
    }]]):format(NOVA, CLAUDE, hooks)
end

-- A policy whose `finish` records how requests ended; `prepare` sends the last record upstream as a header.
local FINISH = [[
  finish = function(request, result)
    local usage = result.usage or {}
    shared.set("finished", table.concat({ request.operation, result.outcome, result.model and result.model.name or "-",
      tostring(result.attempts), tostring(result.status), tostring(result.error), tostring(usage.output_tokens),
      tostring(result.ttft_ms ~= nil) }, " "))
    shared.incr("count")
  end,
  prepare = function(request)
    if request.headers["x-amzn-bedrock-ask"] then
      local count = tostring(shared.get("count"))
      return { headers = { ["x-finished"] = shared.get("finished") or "-", ["x-count"] = count } }
    end
  end,
]]

describe("accept", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local REFUSES_NOVA = [[
    accept = function(response, request, model)
      if response:text():find(model.tags.bad or "%s", 1, true) then return false, "it says " .. response:text() end
      return true
    end]]

  for _, operation in ipairs { "converse", "invoke" } do
    it("fails over when the policy refuses a response: " .. operation, function()
      local emulator = scene:emulator()
      local gateway = scene:gateway(emulator,
        { policy = policy(REFUSES_NOVA:format(NOVA)), settings = DEBUG })
      local response = gateway.request(signalbox.call("chat", operation))
      assert.equal(200, response.status, response.body)
      assert.equal(CLAUDE, response.headers["x-signalbox-model"])
      assert.equal("2", response.headers["x-signalbox-attempts"])
      assert.is_nil(response.body:find(NOVA, 1, true))
      local _, stats = gateway.admin("/stats")
      assert.equal(1, stats.models[NOVA].refusal)
      assert.equal(1, stats.models[CLAUDE].success)
      gateway.access(1)
      assert.matches("^it says us%.amazon%.nova", gateway.entries("refusal-detected")[1].reason)
      local tried = gateway.entries("success")[1].tried
      assert.same({ NOVA .. ":refusal", CLAUDE .. ":success" }, { tried:match("^(.-):%d+,(.-):%d+$") })
    end)
  end

  it("responds 424 when every response is refused", function()
    local emulator = scene:emulator()
    local gateway = scene:gateway(emulator, { policy = policy 'accept = function() return false, "no" end' })
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(424, response.status)
    assert.equal("ModelErrorException", response.headers["x-amzn-errortype"]:match("^%a+"))
    assert.equal("RETRIES_EXHAUSTED", response.headers["x-signalbox-error"])
    assert.equal("2", response.headers["x-signalbox-attempts"])
    local _, breakers = gateway.admin("/breakers")
    assert.equal("closed", breakers[NOVA].state)
  end)

  it("passes on an upstream's error in preference to a refusal", function()
    local emulator = scene:emulator()
    emulator.control(CLAUDE, { fault = "ServiceUnavailableException" })
    local gateway = scene:gateway(emulator, { policy = policy 'accept = function() return false end' })
    assert.equal(503, gateway.request(signalbox.call("chat", "converse")).status)
  end)

  it("is not called for streams", function()
    local emulator = scene:emulator()
    local gateway = scene:gateway(emulator, { policy = policy 'accept = function() return false end' })
    for _, operation in ipairs { "converse-stream", "invoke-with-response-stream" } do
      local response = gateway.request(signalbox.call("chat", operation))
      assert.equal(200, response.status)
      assert.equal("1", response.headers["x-signalbox-attempts"])
    end
  end)

  it("sees the whole response", function()
    local upstream = scene:upstream(("answer:json(200, %q)"):format(RESPONSE:format("Gr\\u00fc\\u00dfe")))
    local gateway = scene:gateway(upstream, { policy = policy([[
      accept = function(response, request, model)
        local body = response:body()
        if response.status == 200 and response.stop_reason == "end_turn" and response.usage.output_tokens == 5
          and response:text() == "Gr\u{fc}\u{df}e" and body.usage.totalTokens == 8 and request.attempt == 1 then
          return true
        end
        return false, "not as expected"
      end]]) })
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(200, response.status)
    assert.equal("1", response.headers["x-signalbox-attempts"])
  end)

  it("accepts after an error in the hook", function()
    local emulator = scene:emulator()
    local gateway = scene:gateway(emulator,
      { policy = policy 'accept = function() error("out of order") end', settings = DEBUG })
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(200, response.status)
    assert.equal("1", response.headers["x-signalbox-attempts"])
    gateway.access(1)
    assert.equal(1, #gateway.entries("policy-error"))
  end)

  it("keeps no refused response in memory while another model is asked", function()
    local upstream = scene:upstream([[
      local is_large = request.body:find("large", 1, true)
      if not request.target:find("nova", 1, true) then return answer:hang() end
      answer:json(200, ('{"usage":{"outputTokens":%d},"text":"%s"}'):format(is_large and 1000 or 1,
        ("x"):rep(is_large and 8000000 or 10)))]])
    local gateway = scene:gateway(upstream, {
      policy = policy "accept = function(response) return response.usage.output_tokens < 100 end",
      settings = { limits = { body_bytes = 1048576, response_bytes = 9437184, memory_bytes = 10485760 } },
    })
    local clients = {}
    for i = 1, 2 do
      clients[i] = http.connect(gateway.port)
      clients[i]:send(http.format(signalbox.call("chat", "converse", signalbox.converse_body("large"))))
    end
    process.wait_for("both requests at the other model", function() return #upstream.recorded() == 4 end)
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
    for i = 1, 2 do clients[i]:close() end
  end)
end)

describe("finish", function()
  local scene, emulator, gateway, upstream

  before_each(function()
    scene = signalbox.scene()
    emulator = scene:emulator()
  end)
  after_each(function() scene:close() end)

  -- A gateway in front of the emulator; requests for the model "asked" go to a recording upstream.
  local function start(hooks, settings)
    upstream = scene:upstream("answer:json(200, '{}')")
    gateway = scene:gateway(emulator, { settings = settings, policy = ([[
      local shared = require "signalbox.shared"
      return {
        models = { { id = "%s", family = "any", serves = { "chat" } },
          { id = "%s", family = "any", fallback = true, serves = { "chat" } },
          { id = "asks", serves = { "asked" }, endpoint = "%s" } },
        %s
      }]]):format(NOVA, CLAUDE, upstream.url, FINISH .. (hooks or "")) })
  end

  -- The arguments of the last call of finish, and the number of calls.
  local function last_finish()
    gateway.request(signalbox.call("asked", "converse", nil, { ["x-amzn-bedrock-ask"] = "1" }))
    local recorded = upstream.recorded()
    return recorded[#recorded].headers["x-finished"], tonumber(recorded[#recorded].headers["x-count"])
  end

  it("is told of whole responses and of streams", function()
    start()
    gateway.request(signalbox.call("chat", "converse", signalbox.converse_body("hi", {
      inferenceConfig = { maxTokens = 7 } })))
    assert.equal("Converse success " .. NOVA .. " 1 200 nil 7 false", (last_finish()))
    gateway.request(signalbox.call("chat", "converse-stream", signalbox.converse_body("hi", {
      inferenceConfig = { maxTokens = 7 } })))
    assert.equal("ConverseStream success " .. NOVA .. " 1 200 nil 7 true", (last_finish()))
  end)

  it("is told of failures, with the model of the last attempt", function()
    start()
    emulator.control("*", { fault = "ServiceUnavailableException" })
    gateway.request(signalbox.call("chat", "converse"))
    assert.equal("Converse fail_fast " .. CLAUDE .. " 2 503 ServiceUnavailableException nil false", (last_finish()))
    gateway.request(signalbox.call("nobody", "converse"))
    assert.equal("Converse fail_fast - 0 404 ResourceNotFoundException nil false", (last_finish()))
  end)

  it("is told of throttles, refusals and streams that break", function()
    start 'accept = function(response, request, model) return model.name == "asks" end,'
    gateway.request(signalbox.call("chat", "converse"))
    assert.equal("Converse refusal " .. CLAUDE .. " 2 424 ModelErrorException nil false", (last_finish()))
    emulator.control(NOVA, { fault = "truncate" })
    gateway.request(signalbox.call("chat", "converse-stream"))
    assert.matches("^ConverseStream fail_fast " .. NOVA:gsub("%p", "%%%0") .. " 1 200 %u%a+ nil true$", (last_finish()))
    emulator.control("*", { fault = "ThrottlingException" })
    gateway.request(signalbox.call("chat", "converse"))
    assert.equal("Converse rate_limit " .. CLAUDE .. " 2 429 ThrottlingException nil false", (last_finish()))
  end)

  it("is told of clients that leave, before a response and within one", function()
    start()
    emulator.control("*", { fault = "hang" })
    local client = http.connect(gateway.port)
    client:send(http.format(signalbox.call("chat", "converse")))
    process.wait_for("the request", function()
      local models = emulator.requests().models
      return models[NOVA] and models[NOVA].Converse.received == 1
    end)
    client:close()
    gateway.access(1)
    assert.equal("Converse cancelled " .. NOVA .. " 1 nil nil nil false", (last_finish()))
    emulator.control("*", { fault = "stall" })
    client = http.connect(gateway.port)
    client:send(http.format(signalbox.call("chat", "converse-stream")))
    client:read_head()
    client:close()
    gateway.access(3)
    assert.equal("ConverseStream cancelled " .. NOVA .. " 1 200 nil nil true", (last_finish()))
  end)

  it("is called once for each routed request, and for no other", function()
    start()
    emulator.control(NOVA, { fault = "ThrottlingException", share = 0.5 })
    http.load(gateway.port, {
      count = 100, connections = 8,
      make = function(index) return signalbox.call("chat", index % 2 == 0 and "converse" or "converse-stream") end,
      on_response = function(_, response) assert.equal(200, response.status) end,
    })
    gateway.request { method = "POST", path = "/guardrail/g/version/1/apply", body = "{}",
      headers = { ["Content-Type"] = "application/json" } }
    gateway.access(101)
    local _, count = last_finish()
    assert.equal(100, count)
  end)

  it("may err without harm", function()
    local upstream_of_all = scene:upstream("answer:json(200, '{}')")
    local errs = scene:gateway(upstream_of_all,
      { policy = policy 'finish = function() error("out of order") end', settings = DEBUG })
    assert.equal(200, errs.request(signalbox.call("chat", "converse")).status)
    errs.access(1)
    assert.equal(1, #errs.entries("policy-error"))
  end)
end)
