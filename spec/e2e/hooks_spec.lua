-- SPDX-License-Identifier: Apache-2.0
-- All hooks at once, under load, with clients that leave and models that fail in all ways: each request gets a response
-- or its client left, `finish` is called once for each, and nothing leaks (the exit status shows it).
local http = require "spec.support.http"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE, PRO = signalbox.NOVA, signalbox.CLAUDE, "us.amazon.nova-pro-v1:0"
local OPERATIONS = { "converse", "converse-stream", "invoke", "invoke-with-response-stream" }
local REQUESTS = 2000

local POLICY = ([[
local shared = require "signalbox.shared"
return {
  timeout_ms = 1000, ttft_ms = 400, hedge_budget = 1, tier_escalation = { "flex", "priority" },
  models = {
    { id = "%s", family = "any", serves = { "chat" }, quota = { rpm = 1000000, tpm = 1000000000 } },
    { id = "%s", family = "any", serves = { "chat" } },
    { id = "%s", family = "any", serves = { "chat" }, fallback = true },
    { id = "counts", serves = { "count" }, endpoint = "@ENDPOINT@" },
  },
  select = function(_, models)
    return models[math.random(#models)], { hedge_after_ms = 20, headers = { ["x-a"] = "b" } }
  end,
  classify = function(failure)
    return failure.name == "ThrottlingException" and "escalate" or "failover", { counts = false, cooldown_ms = 0 }
  end,
  prepare = function(request)
    if request.model == "count" then return { headers = { ["x-count"] = tostring(shared.get("count") or 0) } } end
    if request.attempt %% 2 == 1 then
      return { max_tokens = 50, service_tier = "default", guardrail = { identifier = "a", version = "1" } }
    end
  end,
  accept = function(_, request) return request.model == "count" or math.random() < 0.9, "no" end,
  finish = function(request) if request.model ~= "count" then shared.incr("count") end end,
  tick = function(_, models) for _, model in ipairs(models) do model.weight = math.random(100) end end,
}]]):format(NOVA, CLAUDE, PRO)

local FAULTS = {
  { fault = "ThrottlingException", share = 0.1, tier = "default" }, { fault = "truncate", share = 0.05 },
  { fault = "hang", share = 0.01 }, { fault = "corrupt", share = 0.03 }, { fault = "reset", share = 0.03 },
  { fault = { exception = "ServiceUnavailableException", after = 1 }, share = 0.05 },
  { fault = "stall", after = 0, share = 0.01 },
}

local function model(tiers)
  return { ttft_ms = { p50 = 5, p99 = 60 }, tokens_per_second = { p50 = 5000, p99 = 1000 }, faults = FAULTS,
    tiers = tiers }
end

local function call(index)
  local operation = OPERATIONS[index % 4 + 1]
  local body = '{"max_tokens":100,"messages":[{"role":"user","content":"hello"}]}'
  if operation:find("^converse") then
    body = signalbox.converse_body(("word "):rep(index % 50 * 40), { inferenceConfig = { maxTokens = 100 } })
  end
  local request = signalbox.call("chat", operation, body)
  request.leaves = index % 10 == 0
  return request
end

describe("all hooks at once", function()
  it("lose nothing", function()
    local scene = signalbox.scene()
    local emulator = scene:emulator { seed = 3, traffic = { output_tokens = { 5, 200 } },
      models = { [NOVA] = model { "default", "flex" }, [CLAUDE] = model(), [PRO] = model() } }
    local upstream = scene:upstream("answer:json(200, '{}')")
    local gateway = scene:gateway(emulator,
      { policy = POLICY:gsub("@ENDPOINT@", upstream.url), settings = { workers = 2 } })
    local tally = { left = 0, broken = 0, answered = 0, told = 0 }
    local EXPECTED = { [200] = "answered", [424] = "told", [429] = "told", [503] = "told", [408] = "told" }
    http.load(gateway.port, {
      count = REQUESTS, connections = 40, make = call,
      on_response = function(_, response)
        local kind = not response and "broken" or response.left and "left" or not response.complete and "broken"
          or EXPECTED[response.status] or ("status " .. response.status)
        tally[kind] = (tally[kind] or 0) + 1
      end,
    })
    assert.equal(0, tally.broken)
    assert.equal(REQUESTS, tally.left + tally.answered + tally.told)
    assert.is_true(tally.answered > REQUESTS * 0.8, tally.answered)
    gateway.access(REQUESTS)
    local counted = gateway.request(signalbox.call("count", "converse"))
    assert.equal(200, counted.status, counted.body)
    assert.equal(tostring(REQUESTS), upstream.recorded()[1].headers["x-count"])
    -- Every attempt has ended.
    local _, stats = gateway.admin("/stats")
    assert.is_true(stats.total.cancelled > 0 and stats.total.refusal > 0 and stats.total.rate_limit > 0)
    scene:close()
  end)
end)
