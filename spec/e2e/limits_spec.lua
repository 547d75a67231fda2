-- SPDX-License-Identifier: Apache-2.0
-- Time limits that only show in the whole program: which clocks stop while a client doesn't read, what a deadline
-- covers, how requests wait while every model is in a cooldown, and how a probe is given back.
local cjson = require "cjson"
local eventstream = require "spec.support.eventstream"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE

describe("limits of time", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function begin(gateway, call)
    local client = assert(http.connect(gateway.port))
    client:send(http.format(call))
    return client
  end

  local function wait_for_count(gateway, outcome, count)
    process.wait_for(count .. " " .. outcome, function()
      local _, stats = gateway.admin("/stats")
      return stats.total[outcome] == count
    end)
  end

  it("stream_idle_ms stops while the client doesn't read", function()
    local upstream = scene:upstream([[
      answer:stream_head()
      if request.target:find("claude", 1, true) then
        answer:chunk(eventstream.conversation("x")[2])
        return answer:hang()
      end
      local event = eventstream.event("contentBlockDelta",
        '{"contentBlockIndex":0,"delta":{"text":"' .. ("x"):rep(60000) .. '"}}')
      for _ = 1, 600 do if not answer:chunk(event) then return end end
      answer:chunk(eventstream.event("messageStop", '{"stopReason":"end_turn"}'))
      answer:stream_end()
    ]])
    local gateway = scene:gateway(upstream, { policy = { stream_idle_ms = 1000, models = {
      { id = NOVA, serves = { NOVA } }, { id = CLAUDE, serves = { CLAUDE } },
    } } })
    local client = begin(gateway, signalbox.call(NOVA, "converse-stream"))
    local head = client:read_head()
    -- Two streams that stall, one after the other, take twice stream_idle_ms.
    for _ = 1, 2 do
      local stalled = gateway.request(signalbox.call(CLAUDE, "converse-stream"))
      local names = eventstream.names((eventstream.decode(stalled.body)))
      assert.same({ "contentBlockDelta", "modelStreamErrorException" }, names)
    end
    client:read_chunks(head)
    local frames = eventstream.decode(head.body)
    assert.is_true(head.complete)
    assert.equal(601, #frames)
    assert.equal("messageStop", frames[601].headers[":event-type"])
    client:close()
  end)

  it("deadline_ms covers every attempt and every wait, and is named in the error", function()
    local upstream = scene:upstream("answer:hang()")
    local gateway = scene:gateway(upstream, { policy = {
      deadline_ms = 1000, models = { { id = NOVA }, { id = CLAUDE, fallback = true } },
    } })
    local unary = begin(gateway, signalbox.call("chat", "converse"))
    local stream = begin(gateway, signalbox.call("chat", "converse-stream"))
    for _, client in ipairs { unary, stream } do
      local response = client:read_response()
      client:close()
      assert.equal(408, response.status)
      assert.equal("ModelTimeoutException", response.headers["x-amzn-errortype"])
      assert.equal("DEADLINE_EXCEEDED", response.headers["x-signalbox-error"])
      assert.equal("1", response.headers["x-signalbox-attempts"])
      assert.is_nil(response.headers["x-amz-retry-after"])
    end
    assert.equal(2, #upstream.recorded())
  end)

  it("deadline_ms ends with the commit of a stream", function()
    local upstream = scene:upstream([[
      local events = eventstream.conversation("x")
      answer:stream_head()
      for index = 1, 2 do answer:chunk(events[index]) end
      answer:hang()
    ]])
    local gateway = scene:gateway(upstream, { policy =
      { deadline_ms = 1000, stream_idle_ms = 2000, models = { { id = NOVA } } } })
    -- On a busy machine even the beginning may come too late.
    local response
    for _ = 1, 10 do
      response = gateway.request(signalbox.call("chat", "converse-stream"))
      if response.status ~= 408 then break end
    end
    assert.equal(200, response.status)
    local _, stats = gateway.admin("/stats")
    assert.is_true(stats.total.latency_ms.max >= 2000, "the stream ended after " .. stats.total.latency_ms.max)
  end)

  local function broken(gateway, emulator)
    emulator.control(NOVA, { fault = "ServiceUnavailableException" })
    assert.equal(503, gateway.request(signalbox.call("chat", "converse")).status)
    emulator.control(NOVA, { fault = cjson.null })
  end

  local RECOVERING = { failure_threshold = 1, recovery_time_ms = 1000, success_threshold = 1 }

  it("max_wait_ms lets requests wait for a breaker, and none of them counts another attempt", function()
    local emulator = scene:emulator()
    local gateway = scene:gateway(emulator, { policy =
      { max_wait_ms = 20000, breaker = RECOVERING, models = { { id = NOVA } } } })
    broken(gateway, emulator)
    local statuses, attempts = {}, {}
    http.load(gateway.port, {
      count = 20, connections = 20,
      make = function() return signalbox.call("chat", "converse") end,
      on_response = function(_, response)
        statuses[response.status] = (statuses[response.status] or 0) + 1
        attempts[response.headers["x-signalbox-attempts"]] = true
      end,
    })
    assert.same({ [200] = 20 }, statuses)
    assert.same({ ["1"] = true }, attempts)
  end)

  it("max_wait_ms ends in a 429 with a retry-after", function()
    local emulator = scene:emulator()
    local gateway = scene:gateway(emulator, { policy = { max_wait_ms = 50, models = { { id = NOVA } },
      breaker = { failure_threshold = 1, recovery_time_ms = 30000 } } })
    broken(gateway, emulator)
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(429, response.status)
    assert.equal("NO_MODELS_AVAILABLE", response.headers["x-signalbox-error"])
    assert.equal("0", response.headers["x-signalbox-attempts"])
    assert.is_true(tonumber(response.headers["x-amz-retry-after"]) > 20000)
  end)

  it("a request is dropped if its client leaves while it waits", function()
    local emulator = scene:emulator()
    local gateway = scene:gateway(emulator, { policy =
      { max_wait_ms = 20000, breaker = RECOVERING, models = { { id = NOVA } } } })
    broken(gateway, emulator)
    local before = emulator.requests().models[NOVA].Converse.received
    for _ = 1, 5 do begin(gateway, signalbox.call("chat", "converse")):reset() end
    process.wait_for("five lines of clients that left", function()
      local gone = 0
      for _, entry in ipairs(gateway.access()) do gone = gone + (entry.status == 499 and 1 or 0) end
      return gone == 5
    end)
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
    assert.equal(before + 1, emulator.requests().models[NOVA].Converse.received)
  end)

  it("a probe is given back when its client leaves", function()
    local emulator = scene:emulator()
    local gateway = scene:gateway(emulator, { policy =
      { max_wait_ms = 20000, breaker = RECOVERING, models = { { id = NOVA } } } })
    broken(gateway, emulator)
    for number, operation in ipairs { "converse", "converse-stream" } do
      emulator.control(NOVA, { fault = "hang" })
      local probe = begin(gateway, signalbox.call("chat", operation))
      process.wait_for("the probe to be under way", function()
        local _, breakers = gateway.admin("/breakers")
        local counts = emulator.requests().models[NOVA]
        local of = counts[operation == "converse" and "Converse" or "ConverseStream"]
        return breakers[NOVA].state == "half_open" and of and of.received > (operation == "converse" and 1 or 0)
      end)
      probe:close()
      wait_for_count(gateway, "cancelled", number)
      emulator.control(NOVA, { fault = cjson.null })
    end
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
    local _, breakers = gateway.admin("/breakers")
    assert.equal("closed", breakers[NOVA].state)
  end)
end)
