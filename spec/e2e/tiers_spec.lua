-- SPDX-License-Identifier: Apache-2.0
-- Service tiers: at which tier attempts start, what a throttle leads to, and models that lack a tier.
local cjson = require "cjson"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE
local OPERATIONS = { "converse", "converse-stream", "invoke", "invoke-with-response-stream" }
local INVOKE_BODY = cjson.encode {
  anthropic_version = "bedrock-2023-05-31", max_tokens = 20, messages = { { role = "user", content = "hello" } },
}

local function body_of(operation, tier)
  if operation:find("^invoke") then return INVOKE_BODY end
  return signalbox.converse_body("hello", tier and { serviceTier = { type = tier } })
end

local function call(operation, tier)
  local headers = tier and operation:find("^invoke") and { ["X-Amzn-Bedrock-Service-Tier"] = tier } or nil
  return signalbox.call("chat", operation, body_of(operation, tier), headers)
end

-- The tier that a response names; nil if it names none.
local function answered_tier(response, operation)
  if operation:find("^invoke") then return response.headers["x-amzn-bedrock-service-tier"] end
  return response.body:match('"serviceTier":{"type":"(%a+)"}')
end

local function world(tiers)
  return { seed = 3, models = { [NOVA] = signalbox.prompt { tiers = tiers }, [CLAUDE] = signalbox.PROMPT } }
end

local function pool(more)
  local policy = { models = {
    { id = NOVA, family = "any" }, { id = CLAUDE, family = "any", fallback = true },
  } }
  for key, value in pairs(more or {}) do policy[key] = value end
  return policy
end

-- The emulator's counts of an operation at a model.
local function counts(emulator, model, operation)
  local found = emulator.requests().models[model] or {}
  return found[signalbox.OPERATION_NAMES[operation]] or { received = 0, answered = 0, faults = 0 }
end

describe("service tiers", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  for _, operation in ipairs(OPERATIONS) do
    it("asks a throttled model once more at the next tier: " .. operation, function()
      local emulator = scene:emulator(world())
      emulator.control(NOVA, { fault = "ThrottlingException", tier = "default" })
      local gateway = scene:gateway(emulator,
        { policy = pool { tier_escalation = "priority" }, settings = signalbox.DEBUG })
      local response = gateway.request(call(operation))
      assert.equal(200, response.status, response.body)
      assert.equal(NOVA, response.headers["x-signalbox-model"])
      assert.equal("2", response.headers["x-signalbox-attempts"])
      assert.equal("priority", answered_tier(response, operation))
      assert.equal(2, counts(emulator, NOVA, operation).received)
      assert.equal(0, counts(emulator, CLAUDE, operation).received)
      gateway.access(1)
      assert.equal(1, #gateway.entries("tier-escalation"))
      assert.equal("priority", gateway.entries("tier-escalation-success")[1].tier)
    end)

    it("starts at the model's tier, but not where the client names its own: " .. operation, function()
      local emulator = scene:emulator(world())
      local gateway = scene:gateway(emulator, { policy = { models = { { id = NOVA, family = "any", tier = "flex",
        serves = { "chat" } } } } })
      assert.equal("flex", answered_tier(gateway.request(call(operation)), operation))
      assert.equal("priority", answered_tier(gateway.request(call(operation, "priority")), operation))
    end)
  end

  it("climbs from the client's own tier, and gives the model up after one rung", function()
    local emulator = scene:emulator(world())
    emulator.control(NOVA, { fault = "ThrottlingException" })
    local gateway = scene:gateway(emulator,
      { policy = pool { tier_escalation = { "flex", "default", "priority" } }, settings = signalbox.DEBUG })
    local response = gateway.request(call("converse", "flex"))
    assert.equal(200, response.status)
    assert.equal(CLAUDE, response.headers["x-signalbox-model"])
    assert.equal("3", response.headers["x-signalbox-attempts"])
    -- The other model is asked at the client's tier.
    assert.equal("flex", answered_tier(response, "converse"))
    assert.equal(2, counts(emulator, NOVA, "converse").received)
    gateway.access(1)
    assert.equal("default", gateway.entries("tier-escalation")[1].tier)
    assert.equal(1, #gateway.entries("tier-escalation-failure"))
  end)

  -- It would be sent a second time at the tier that has just throttled.
  it("fails over where the next tier can't be written into the request", function()
    local upstream = scene:upstream([[
      if number == 1 then answer:json(429, '{"message":"no"}', "x-amzn-errortype: ThrottlingException\r\n")
      else answer:json(200, '{}') end]])
    local gateway = scene:gateway(upstream,
      { policy = pool { tier_escalation = "priority" }, settings = signalbox.DEBUG })
    local deep = signalbox.converse_body("hello"):gsub("}$", ',"x":' .. ("["):rep(64) .. ("]"):rep(64) .. "}")
    local response = gateway.request(signalbox.call("chat", "converse", deep))
    assert.equal(200, response.status, response.body)
    assert.equal(CLAUDE, response.headers["x-signalbox-model"])
    assert.equal("2", response.headers["x-signalbox-attempts"])
    assert.equal(deep, upstream.recorded()[2].body)
    gateway.access(1)
    assert.equal(0, #gateway.entries("tier-escalation"))
  end)

  for _, lacked in ipairs { "priority", "reserved" } do
    it("remembers that a model lacks the tier " .. lacked, function()
      local emulator = scene:emulator(world { "default", "flex" })
      emulator.control(NOVA, { fault = "ThrottlingException", tier = "default" })
      local gateway = scene:gateway(emulator, { policy = pool { tier_escalation = lacked } })
      for _ = 1, 3 do
        local response = gateway.request(call("converse"))
        assert.equal(200, response.status, response.body)
        assert.equal(CLAUDE, response.headers["x-signalbox-model"])
      end
      local _, stats = gateway.admin("/stats")
      assert.equal(1, stats.models[NOVA].rate_limit)
      assert.equal(0, stats.models[NOVA].fail_fast)
      local _, breakers = gateway.admin("/breakers")
      assert.equal("closed", breakers[NOVA].state)
      assert.equal(0, breakers[NOVA].failures)
    end)
  end

  it("says when to come back where a tier rests and the model lacks the next one", function()
    local emulator = scene:emulator(world { "default", "flex" })
    emulator.control(NOVA, { fault = "ThrottlingException", tier = "default" })
    local gateway = scene:gateway(emulator, { policy = ([[
      return { models = { { id = "%s" } }, tier_escalation = "priority",
        classify = function() return "failover" end }]]):format(NOVA) })
    for _ = 1, 2 do
      local response = gateway.request(call("converse"))
      assert.equal(429, response.status, response.body)
      assert.is_truthy(response.headers["x-amz-retry-after"])
    end
  end)

  it("goes on without a starting tier that the model lacks, on the same model", function()
    local emulator = scene:emulator(world("default"))
    local policy = pool()
    policy.models[1].tier = "flex"
    local gateway = scene:gateway(emulator, { policy = policy })
    for i = 1, 2 do
      local response = gateway.request(call("converse"))
      assert.equal(200, response.status, response.body)
      assert.equal(NOVA, response.headers["x-signalbox-model"])
      -- Only the first request finds out that the tier is missing.
      assert.equal(i == 1 and "2" or "1", response.headers["x-signalbox-attempts"])
      assert.is_nil(answered_tier(response, "converse"))
    end
  end)

  it("goes on without the tier that prepare writes, where the model lacks it", function()
    local emulator = scene:emulator(world("default"))
    local gateway = scene:gateway(emulator, { policy = ([[
      return { models = { { id = "%s", family = "any" } }, max_retries = 0,
        prepare = function() return { service_tier = "flex" } end }]]):format(NOVA) })
    for i = 1, 2 do
      local response = gateway.request(call("converse"))
      assert.equal(200, response.status, response.body)
      assert.equal(i == 1 and "2" or "1", response.headers["x-signalbox-attempts"])
    end
  end)

  it("passes on that the model lacks the tier which the client itself asks for", function()
    local emulator = scene:emulator(world("default"))
    local gateway = scene:gateway(emulator, { policy = pool { tier_escalation = "priority" } })
    local response = gateway.request(call("converse", "flex"))
    assert.equal(400, response.status)
    assert.equal("ValidationException", response.headers["x-amzn-errortype"]:match("^%a+"))
  end)

  it("signs what it sends at another tier", function()
    local emulator = scene:emulator(world(), { "--access-key", "AKIDEXAMPLE", "--secret-key-env", "EMULATOR_SECRET" },
      { environment = { EMULATOR_SECRET = signalbox.SECRET } })
    emulator.control("*", { fault = "ThrottlingException", tier = "default" })
    local gateway = scene:gateway(emulator, { policy = pool { tier_escalation = "priority" } })
    for _, operation in ipairs(OPERATIONS) do
      local response = gateway.request(call(operation))
      assert.equal(200, response.status, response.body)
      assert.equal("priority", answered_tier(response, operation))
    end
    assert.equal(0, emulator.requests().rejected)
  end)

  it("leaves CountTokens alone", function()
    local emulator = scene:emulator(world())
    local policy = pool()
    policy.models[1].tier = "flex"
    local gateway = scene:gateway(emulator, { policy = policy, settings = signalbox.DEBUG })
    local body = ('{"input":{"converse":%s}}'):format(signalbox.converse_body())
    local response = gateway.request(signalbox.call("chat", "count-tokens", body))
    assert.equal(200, response.status, response.body)
    gateway.access(1)
    assert.equal(0, #gateway.entries("policy-error"))
  end)
end)
