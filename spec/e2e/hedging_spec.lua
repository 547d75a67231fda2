-- SPDX-License-Identifier: Apache-2.0
-- Hedged attempts: if the first model is slow, a second one is asked; the first response wins, and the other attempt is
-- cancelled.
local cjson = require "cjson"
local eventstream = require "spec.support.eventstream"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE
local OPERATIONS = { "converse", "converse-stream", "invoke", "invoke-with-response-stream" }

-- A policy that asks NOVA, and after `hedge_after_ms` CLAUDE too.
local function policy(hedge_after_ms, more)
  return ([[return {
    models = { { id = "%s", family = "any" }, { id = "%s", family = "any", fallback = true } },
    select = function(_, models) return models[1], { hedge_after_ms = %d } end,
    %s
  }]]):format(NOVA, CLAUDE, hedge_after_ms, more or "")
end

-- The emulator's counts for a model, over all operations.
local function counts(emulator, id)
  local total = { received = 0, answered = 0, cancelled = 0, faults = 0 }
  for _, operation in pairs(emulator.requests().models[id] or {}) do
    for name in pairs(total) do total[name] = total[name] + operation[name] end
  end
  return total
end

local function wait_for_cancelled(emulator, id, count)
  process.wait_for("the upstream to see " .. id .. " cancelled",
    function() return counts(emulator, id).cancelled == count end)
end

describe("hedging", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  for _, operation in ipairs(OPERATIONS) do
    it("takes the second model's response when the first is slow: " .. operation, function()
      local emulator = scene:emulator()
      emulator.control(NOVA, { latency_ms = 20000 })
      local gateway = scene:gateway(emulator, { policy = policy(50) })
      local response = gateway.request(signalbox.call("chat", operation))
      assert.equal(200, response.status, response.body)
      assert.is_true(response.complete)
      assert.equal(CLAUDE, response.headers["x-signalbox-model"])
      assert.equal("2", response.headers["x-signalbox-attempts"])
      wait_for_cancelled(emulator, NOVA, 1)
      local _, stats = gateway.admin("/stats")
      assert.equal(1, stats.models[CLAUDE].success)
      assert.equal(1, stats.models[NOVA].cancelled)
      assert.equal(0, stats.models[NOVA].fail_fast + stats.models[NOVA].rate_limit)
      assert.equal(0, stats.total.fail_fast)
      local _, health = gateway.admin("/health/detail")
      assert.equal(0, health.models[NOVA].error_rate)
    end)

    it("stays with the first model if it responds first after all: " .. operation, function()
      local emulator = scene:emulator()
      emulator.control(NOVA, { latency_ms = 300 })
      emulator.control(CLAUDE, { latency_ms = 20000 })
      local gateway = scene:gateway(emulator, { policy = policy(50) })
      local response = gateway.request(signalbox.call("chat", operation))
      assert.equal(200, response.status, response.body)
      assert.equal(NOVA, response.headers["x-signalbox-model"])
      assert.equal("2", response.headers["x-signalbox-attempts"])
      wait_for_cancelled(emulator, CLAUDE, 1)
    end)
  end

  it("asks no second model when the first is quick", function()
    local emulator = scene:emulator()
    local gateway = scene:gateway(emulator, { policy = policy(5000) })
    for _, operation in ipairs(OPERATIONS) do
      assert.equal("1", gateway.request(signalbox.call("chat", operation)).headers["x-signalbox-attempts"])
    end
    assert.equal(0, counts(emulator, CLAUDE).received)
  end)

  it("goes on with one attempt when the other fails", function()
    for _, failing in ipairs { NOVA, CLAUDE } do
      local upstream = scene:upstream(([[
        if request.target:find("%s", 1, true) then
          answer:json(503, '{"message":"no"}', "x-amzn-errortype: ServiceUnavailableException\r\n")
        else answer:json(200, '{"model":"good"}') end]]):format(failing:match("^us%.(%a+)")))
      -- If the first attempt fails at once, the second is a failover; if the second is to fail, the first is slow.
      local emulator = scene:emulator()
      emulator.control(NOVA, { latency_ms = 400 })
      local slow = failing == CLAUDE and emulator.url or upstream.url
      local gateway = scene:gateway(upstream, { policy = ([[return {
        models = { { id = "%s", endpoint = "%s" }, { id = "%s", fallback = true } },
        select = function(_, models) return models[1], { hedge_after_ms = 50 } end,
      }]]):format(NOVA, slow, CLAUDE) })
      local response = gateway.request(signalbox.call("chat", "converse"))
      assert.equal(200, response.status, response.body)
      assert.equal(failing == NOVA and CLAUDE or NOVA, response.headers["x-signalbox-model"])
      assert.equal("2", response.headers["x-signalbox-attempts"])
    end
  end)

  it("ends with the last failure when both fail", function()
    local emulator = scene:emulator()
    emulator.control(NOVA, { fault = "ServiceUnavailableException", latency_ms = 3000 })
    emulator.control(CLAUDE, { fault = "InternalServerException", latency_ms = 5000 })
    local gateway = scene:gateway(emulator, { policy = policy(50) })
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(500, response.status)
    assert.equal("2", response.headers["x-signalbox-attempts"])
  end)

  it("drops the held beginning of the stream that loses", function()
    -- One upstream is both models: NOVA sends only messageStart and then hangs, CLAUDE sends its whole stream.
    local upstream = scene:upstream([[
      local events = eventstream.conversation("hello")
      answer:stream_head()
      if request.target:find("nova", 1, true) then
        answer:chunk(events[1])
        answer:hang()
      else
        for _, event in ipairs(events) do answer:chunk(event) end
        answer:stream_end()
      end]])
    local gateway = scene:gateway(upstream, { policy = policy(80) })
    local response = gateway.request(signalbox.call("chat", "converse-stream"))
    assert.equal(200, response.status)
    assert.equal(CLAUDE, response.headers["x-signalbox-model"])
    assert.equal(table.concat(eventstream.conversation("hello")), response.body)
  end)

  for _, operation in ipairs { "converse", "converse-stream" } do
    it("cancels both when the client leaves: " .. operation, function()
      local emulator = scene:emulator()
      emulator.control("*", { latency_ms = 30000 })
      local gateway = scene:gateway(emulator, { policy = policy(30) })
      local client = http.connect(gateway.port)
      client:send(http.format(signalbox.call("chat", operation)))
      process.wait_for("the second attempt", function() return counts(emulator, CLAUDE).received == 1 end)
      client:close()
      wait_for_cancelled(emulator, NOVA, 1)
      wait_for_cancelled(emulator, CLAUDE, 1)
      assert.equal(2, gateway.access(1)[1].attempts)
    end)

    it("cancels both when the gateway stops: " .. operation, function()
      local emulator = scene:emulator()
      emulator.control("*", { latency_ms = 30000 })
      local gateway = scene:gateway(emulator, { policy = policy(30), settings = { timeouts = { drain_ms = 100 } } })
      local client = http.connect(gateway.port)
      client:send(http.format(signalbox.call("chat", operation)))
      process.wait_for("the second attempt", function() return counts(emulator, CLAUDE).received == 1 end)
      gateway:signal("TERM")
      local response = client:read_response()
      assert.equal(429, response.status)
      client:close()
      wait_for_cancelled(emulator, NOVA, 1)
      wait_for_cancelled(emulator, CLAUDE, 1)
      scene:stop(gateway)
    end)
  end

  it("is one request in the access log", function()
    local emulator = scene:emulator()
    emulator.control(NOVA, { latency_ms = 20000 })
    local gateway = scene:gateway(emulator, { policy = policy(50) })
    gateway.request(signalbox.call("chat", "converse"))
    local line = gateway.access(1)[1]
    assert.equal(200, line.status)
    assert.equal(2, line.attempts)
    assert.equal(CLAUDE, line.model)
  end)

  -- Sends `count` requests; the latencies in ascending order, and all statuses.
  local function send(gateway, count, connections)
    local latencies, status = {}, {}
    http.load(gateway.port, {
      count = count, connections = connections,
      make = function(index) return signalbox.call("chat", OPERATIONS[index % #OPERATIONS + 1]) end,
      on_response = function(_, response, problem)
        assert(response and response.complete, problem)
        status[response.status] = (status[response.status] or 0) + 1
      end,
    })
    for _, line in ipairs(gateway.access(count)) do latencies[#latencies + 1] = line.milliseconds end
    table.sort(latencies)
    return latencies, status
  end

  it("cuts the slowest requests short", function()
    local emulator = scene:emulator { seed = 5, models = {
      [NOVA] = signalbox.prompt { faults = { { fault = "hang", share = 0.08 } } },
      [CLAUDE] = signalbox.PROMPT,
    } }
    local patient = scene:gateway(emulator, { policy = policy(0, "timeout_ms = 1500, ttft_ms = 1500") })
    local hedged = scene:gateway(emulator, { policy = policy(100, "timeout_ms = 1500, ttft_ms = 1500") })
    local without, status_without = send(patient, 100, 20)
    local with, status_with = send(hedged, 100, 20)
    assert.same({ [200] = 100 }, status_without)
    assert.same({ [200] = 100 }, status_with)
    assert.is_true(without[97] >= 1500, without[97])
    assert.is_true(with[97] < without[97] / 2, with[97])
    -- The hanging attempts were cancelled, and count as no failure.
    local _, stats = hedged.admin("/stats")
    assert.equal(0, stats.models[NOVA].fail_fast)
    assert.is_true(stats.models[NOVA].cancelled > 0)
  end)

  for _, case in ipairs { { "hedge_budget = 0.05,", 10 }, { "hedge_budget = 0,", 0 }, { "hedge_budget = 0.3,", 60 } } do
    local key, most = table.unpack(case)
    it("asks no more second models than its budget allows: " .. key, function()
      local emulator = scene:emulator()
      emulator.control(NOVA, { latency_ms = 80 })
      local gateway = scene:gateway(emulator, { policy = policy(10, key), settings = { workers = 2 } })
      local _, status = send(gateway, 200, 20)
      assert.same({ [200] = 200 }, status)
      local found = counts(emulator, CLAUDE).received
      assert.is_true(found <= most, found)
      -- A budget is used.
      assert.is_true(most == 0 or found >= 10, found)
    end)
  end

  it("loses nothing under load, with two workers", function()
    local emulator = scene:emulator { seed = 9, traffic = { output_tokens = { 5, 60 } }, models = {
      [NOVA] = { ttft_ms = { p50 = 20, p99 = 120 }, tokens_per_second = { p50 = 2000, p99 = 1000 },
        faults = { { fault = "ThrottlingException", share = 0.1 }, { fault = "truncate", after = 0, share = 0.1 } } },
      [CLAUDE] = { ttft_ms = { p50 = 20, p99 = 120 }, tokens_per_second = { p50 = 2000, p99 = 1000 } },
    } }
    local gateway = scene:gateway(emulator, { settings = { workers = 2 }, policy = ([[return {
      hedge_budget = 1,
      models = { { id = "%s", family = "any" }, { id = "%s", family = "any" } },
      select = function(_, models) return models[math.random(#models)], { hedge_after_ms = 15 } end,
      classify = function() return "failover", { cooldown_ms = 0, counts = false } end,
    }]]):format(NOVA, CLAUDE) })
    local _, status = send(gateway, 600, 30)
    assert.same({ [200] = 600 }, status)
    local _, stats = gateway.admin("/stats")
    assert.equal(600, stats.total.success)
    assert.is_true(stats.total.cancelled > 0)
    local received = counts(emulator, NOVA).received + counts(emulator, CLAUDE).received
    local total = stats.total.success + stats.total.cancelled + stats.total.fail_fast + stats.total.rate_limit
    assert.is_true(received <= total, cjson.encode { received = received, total = total })
  end)
end)
