-- SPDX-License-Identifier: Apache-2.0
-- The admin listener: the counts and states in its JSON, and the commands for breakers.
local cjson = require "cjson"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE

local function keys(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function sorted(list)
  table.sort(list)
  return list
end

describe("admin", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function pair()
    local emulator = scene:emulator({ seed = 5, models = { ["*"] = signalbox.PROMPT } })
    local gateway = scene:gateway(emulator, { policy = {
      breaker = { failure_threshold = 3, recovery_time_ms = 1000, success_threshold = 2 },
      models = { { id = NOVA, name = "nova" }, { id = CLAUDE, name = "claude", fallback = true } },
    } })
    local function call(operation)
      return gateway.request(signalbox.call("chat", operation or "converse"))
    end
    return emulator, gateway, call
  end

  it("/health says healthy, with the code", function()
    local _, gateway = pair()
    local status, health = gateway.admin("/health")
    assert.equal(200, status)
    assert.same({ status = "healthy", code = 200 }, health)
  end)

  it("/stats counts by outcome, model, latency and tokens", function()
    local emulator, gateway, call = pair()
    for _ = 1, 5 do call() end
    emulator.control(NOVA, { fault = "ThrottlingException", share = 1.0 })
    call()
    emulator.control(NOVA, { fault = cjson.null })
    local status, stats = gateway.admin("/stats")
    assert.equal(200, status)
    assert.same({ "models", "total" }, keys(stats))
    assert.same(sorted { "success", "rate_limit", "fail_fast", "refusal", "cancelled", "latency_ms", "tokens" },
      keys(stats.total))
    assert.same(sorted { "average", "p50", "p95", "p99", "min", "max" }, keys(stats.total.latency_ms))
    assert.same({ "input", "output" }, keys(stats.total.tokens))
    assert.equal(6, stats.total.success)
    assert.equal(1, stats.total.rate_limit)
    assert.equal(0, stats.total.fail_fast)
    assert.is_true(stats.total.tokens.output > 0)
    assert.same({ "claude", "nova" }, keys(stats.models))
    assert.equal(5, stats.models.nova.success)
    assert.equal(1, stats.models.nova.rate_limit)
    assert.equal(1, stats.models.claude.success)
    assert.equal(false, stats.models.nova.fallback)
    assert.equal(true, stats.models.claude.fallback)
    assert.is_number(stats.models.nova.average_latency_ms)
    assert.equal(200, (gateway.admin("/stats/reset", "POST")))
    local _, after = gateway.admin("/stats")
    assert.equal(0, after.total.success)
    assert.equal(0, after.total.tokens.output)
  end)

  it("/health/detail describes each model and the whole", function()
    local _, gateway, call = pair()
    for _ = 1, 3 do call() end
    local status, detail = gateway.admin("/health/detail")
    assert.equal(200, status)
    assert.is_true(detail.healthy)
    assert.same({ healthy = 2, degraded = 0, unhealthy = 0 }, detail.counts)
    assert.same(sorted { "requests", "success_rate", "average_latency_ms", "p99_latency_ms" }, keys(detail.metrics))
    assert.equal(0, detail.log.lost_lines)
    local nova = detail.models.nova
    assert.is_true(nova.healthy)
    assert.is_false(nova.degraded)
    assert.equal("closed", nova.state)
    assert.equal(0, nova.error_rate)
    assert.is_true(nova.requests_per_minute >= 3)
    assert.is_truthy(nova.last_success_at)
  end)

  -- What the log has of breakers: "model from-state cause".
  local function breaker_changes(gateway)
    local changes = {}
    for index, entry in ipairs(gateway.entries("breaker-changed")) do
      changes[index] = ("%s %s-%s %s"):format(entry.model, entry.from, entry.state, entry.cause)
    end
    return changes
  end

  it("shows the breaker open, recover by probes, and close", function()
    local emulator, gateway, call = pair()
    local function breaker()
      local _, breakers = gateway.admin("/breakers")
      return breakers.nova
    end
    assert.equal("closed", breaker().state)
    emulator.control(NOVA, { fault = "ServiceUnavailableException", share = 1.0 })
    for _ = 1, 3 do assert.equal("claude", call().headers["x-signalbox-model"]) end
    local open = breaker()
    assert.equal("open", open.state)
    assert.is_truthy(open.opened_at)
    assert.is_truthy(open.next_retry_at)
    assert.equal("1", call().headers["x-signalbox-attempts"])
    emulator.control(NOVA, { fault = cjson.null })
    process.wait_for("the breaker to close after its recovery time", function()
      assert.equal(200, call().status)
      return breaker().state == "closed"
    end)
    assert.equal("nova", call().headers["x-signalbox-model"])
    assert.same({ "nova closed-open failures", "nova open-half_open recovery", "nova half_open-closed successes" },
      breaker_changes(gateway))
    assert.equal("ServiceUnavailableException", gateway.entries("breaker-changed")[1].error)
  end)

  it("opens, closes and resets breakers by hand", function()
    local _, gateway, call = pair()
    local function state()
      local _, breakers = gateway.admin("/breakers")
      return breakers.nova.state
    end
    assert.equal(200, (gateway.admin("/breakers/nova/open", "POST")))
    assert.equal("open", state())
    assert.equal("claude", call().headers["x-signalbox-model"])
    assert.equal(200, (gateway.admin("/breakers/nova/close", "POST")))
    assert.equal("closed", state())
    assert.equal("nova", call().headers["x-signalbox-model"])
    gateway.admin("/breakers/nova/open", "POST")
    assert.equal(200, (gateway.admin("/breakers/nova/reset", "POST")))
    assert.equal("closed", state())
    assert.equal(404, (gateway.admin("/breakers/unheard-of/reset", "POST")))
    assert.same({ "nova closed-open operator", "nova open-closed operator", "nova closed-open operator",
      "nova open-closed operator" }, breaker_changes(gateway))
    local commands = {}
    for index, entry in ipairs(gateway.entries("breaker-command")) do commands[index] = entry.command end
    assert.same({ "open", "close", "open", "reset" }, commands)
  end)

  it("is unhealthy, and says so on both listeners, when no model is left", function()
    local _, gateway, call = pair()
    gateway.admin("/breakers/nova/open", "POST")
    gateway.admin("/breakers/claude/open", "POST")
    local status, health = gateway.admin("/health")
    assert.equal(503, status)
    assert.equal("unhealthy", health.status)
    assert.equal(503, gateway.request({ path = "/health" }).status)
    local response = call()
    assert.equal(429, response.status)
    assert.equal("5000", response.headers["x-amz-retry-after"])
  end)

  it("answers what it doesn't have with 404", function()
    local _, gateway = pair()
    for _, case in ipairs { { "GET", "/" }, { "GET", "/nothing" }, { "POST", "/model/chat/converse" },
      { "POST", "/breakers/nova/explode" } } do
      assert.equal(404, http.request(gateway.admin_port, { method = case[1], path = case[2],
        body = case[1] == "POST" and "{}" or nil }).status, case[2])
    end
  end)
end)
