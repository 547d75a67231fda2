-- SPDX-License-Identifier: Apache-2.0
-- Streams that fail. Before the commit another model serves and the client notices nothing; after it the client gets
-- every whole frame, and then an end that its SDK can tell from a good one.
local cjson = require "cjson"
local curl = require "spec.support.curl"
local eventstream = require "spec.support.eventstream"
local http = require "spec.support.http"
local http2 = require "spec.support.http2"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local transports = require "spec.support.transports"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE

-- A script for the upstream: NOVA's stream runs `fault`, any other model's stream is whole.
local function script(fault)
  return ([[
    local events = eventstream.conversation("from " .. request.target)
    local function send(from, to) for index = from, to do answer:chunk(events[index]) end end
    answer:stream_head()
    if request.target:find("nova", 1, true) then
      %s
    else
      send(1, #events)
      answer:stream_end()
    end
  ]]):format(fault)
end

local BEFORE = {
  { "an exception as first frame", [[
    answer:chunk(eventstream.exception("throttlingException", "slow down")) answer:stream_end()]] },
  { "an exception after messageStart", [[
    send(1, 1) answer:chunk(eventstream.exception("serviceUnavailableException", "away")) answer:stream_end()]] },
  { "a stream broken off after messageStart", "send(1, 1) answer:close()" },
  { "a reset before any frame", "answer:reset()" },
  { "a corrupt first frame", [[
    answer:chunk(events[1]:sub(1, -2) .. "\0") answer:stream_end()]] },
  { "a stream that ends without any event", "answer:stream_end()" },
  { "a stream that ends after messageStart", "send(1, 1) answer:stream_end()" },
  { "a stream without a first event (ttft_ms)", "answer:hang()" },
}

local AFTER = {
  { "an in-stream exception", [[
    send(1, 2) answer:chunk(eventstream.exception("throttlingException", "slow down")) answer:stream_end()]],
    { "messageStart", "contentBlockDelta", "throttlingException" }, "slow down" },
  { "a model timeout, which is not in the union", [[
    send(1, 2) answer:chunk(eventstream.exception("modelTimeoutException", "late")) answer:stream_end()]],
    { "messageStart", "contentBlockDelta", "modelStreamErrorException" }, "late" },
  { "a reset", "send(1, 2) answer:reset()", { "messageStart", "contentBlockDelta", "modelStreamErrorException" } },
  { "a truncated frame", "send(1, 2) answer:chunk(events[3]:sub(1, 20)) answer:close()",
    { "messageStart", "contentBlockDelta", "modelStreamErrorException" } },
  { "a corrupt frame", [[send(1, 2) answer:chunk(events[3]:sub(1, -2) .. "\0") send(4, 5) answer:stream_end()]],
    { "messageStart", "contentBlockDelta", "modelStreamErrorException" } },
  { "a clean end without messageStop", "send(1, 3) answer:stream_end()",
    { "messageStart", "contentBlockDelta", "contentBlockStop", "modelStreamErrorException" } },
  { "a stall (stream_idle_ms)", "send(1, 2) answer:hang()",
    { "messageStart", "contentBlockDelta", "modelStreamErrorException" } },
  { "a break after messageStop", "send(1, 4) answer:reset()",
    { "messageStart", "contentBlockDelta", "contentBlockStop", "messageStop" } },
  { "a corrupt frame after messageStop", [[send(1, 4) answer:chunk(events[5]:sub(1, -2) .. "\0") answer:stream_end()]],
    { "messageStart", "contentBlockDelta", "contentBlockStop", "messageStop" } },
  { "a stall after messageStop", "send(1, 4) answer:hang()",
    { "messageStart", "contentBlockDelta", "contentBlockStop", "messageStop" } },
}

local POLICY = {
  ttft_ms = 2000, stream_idle_ms = 2000,
  models = { { id = NOVA }, { id = CLAUDE, fallback = true } },
}

describe("a stream", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  for _, case in ipairs(BEFORE) do
    it("fails over: " .. case[1], function()
      local gateway = scene:gateway(scene:upstream(script(case[2])), { policy = POLICY })
      local response = gateway.request(signalbox.call("chat", "converse-stream"))
      assert.equal(200, response.status)
      assert.is_true(response.complete)
      assert.equal(CLAUDE, response.headers["x-signalbox-model"])
      assert.equal("2", response.headers["x-signalbox-attempts"])
      local good = table.concat(eventstream.conversation("from " .. signalbox.path(CLAUDE, "converse-stream")))
      assert.equal(good, response.body)
    end)
  end

  for _, case in ipairs(AFTER) do
    it("ends with an exception frame unless it is whole: " .. case[1], function()
      local gateway = scene:gateway(scene:upstream(script(case[2])), { policy = POLICY })
      local response = gateway.request(signalbox.call("chat", "converse-stream"))
      assert.equal(200, response.status)
      assert.equal(NOVA, response.headers["x-signalbox-model"])
      assert.equal("1", response.headers["x-signalbox-attempts"])
      assert.is_true(response.complete)
      local frames, rest = eventstream.decode(response.body)
      assert.equal("", rest)
      assert.same(case[3], eventstream.names(frames))
      local last = frames[#frames]
      if last.headers[":exception-type"] then
        assert.equal("exception", last.headers[":message-type"])
        local message = cjson.decode(last.payload).message
        assert.is_string(message)
        if case[4] then assert.equal(case[4], message) end
      end
    end)
  end

  it("of InvokeModel that ends cleanly is whole, and fails over without any event", function()
    local chunk = eventstream.event("chunk", '{"bytes":"e30="}')
    local upstream = scene:upstream(([[
      answer:stream_head()
      if not request.target:find("nova", 1, true) then answer:chunk(%q) end
      answer:stream_end()
    ]]):format(chunk))
    local gateway = scene:gateway(upstream, { policy = { models = {
      { id = NOVA, family = "f" }, { id = CLAUDE, family = "f", fallback = true },
    } } })
    local response = gateway.request(signalbox.call(NOVA, "invoke-with-response-stream", "{}"))
    assert.equal(200, response.status)
    assert.equal(chunk, response.body)
    assert.equal(CLAUDE, response.headers["x-signalbox-model"])
    assert.equal("2", response.headers["x-signalbox-attempts"])
  end)

  it("that fails in the first frame at every model has the exception's own status", function()
    local upstream = scene:upstream([[
      answer:stream_head()
      answer:chunk(eventstream.exception("throttlingException", "slow down"))
      answer:stream_end()
    ]])
    local gateway = scene:gateway(upstream, { policy = POLICY })
    local response = gateway.request(signalbox.call("chat", "converse-stream"))
    assert.equal(429, response.status)
    assert.equal("ThrottlingException", response.headers["x-amzn-errortype"])
    assert.equal("application/json", response.headers["content-type"])
    assert.equal("slow down", cjson.decode(response.body).message)
    assert.equal("2", response.headers["x-signalbox-attempts"])
  end)

  it("is cancelled upstream when its client leaves", function()
    local emulator = scene:emulator({ seed = 1, models = { [NOVA] = {
      ttft_ms = { p50 = 5, p99 = 6 }, tokens_per_second = { p50 = 20, p99 = 19 },
    } } })
    local gateway = scene:gateway(emulator)
    local client = http.connect(gateway.port)
    client:send(http.format(signalbox.call(NOVA, "converse-stream")))
    assert.equal(200, client:read_head().status)
    client:close()
    process.wait_for("the attempt to be counted as cancelled", function()
      local _, stats = gateway.admin("/stats")
      return stats.models[NOVA].cancelled == 1
    end)
    local _, stats = gateway.admin("/stats")
    assert.equal(0, stats.total.fail_fast)
  end)

  it("is cancelled upstream when its client closes its sending half", function()
    local emulator = scene:emulator({ seed = 1, models = { [NOVA] = {
      ttft_ms = { p50 = 5, p99 = 6 }, tokens_per_second = { p50 = 20, p99 = 19 },
    } } })
    local gateway = scene:gateway(emulator)
    local client = http.connect(gateway.port)
    client:send(http.format(signalbox.call(NOVA, "converse-stream")))
    assert.equal(200, client:read_head().status)
    client.tcp:shutdown("send")
    process.wait_for("the attempt to be counted as cancelled", function()
      local _, stats = gateway.admin("/stats")
      return stats.models[NOVA].cancelled == 1
    end)
    client:close()
  end)

  it("is held back, not buffered, for a slow client", function()
    local upstream = scene:upstream([[
      answer:stream_head()
      answer:chunk(eventstream.conversation("x")[1])
      local event = eventstream.event("contentBlockDelta",
        '{"contentBlockIndex":0,"delta":{"text":"' .. ("x"):rep(60000) .. '"}}')
      for _ = 1, 600 do if not answer:chunk(event) then return end end
      answer:chunk(eventstream.event("messageStop", '{"stopReason":"end_turn"}'))
      answer:stream_end()
    ]])
    local gateway = scene:gateway(upstream)
    local resident = gateway:resident_kb()
    local client = http.connect(gateway.port)
    client:send(http.format(signalbox.call(NOVA, "converse-stream")))
    local head = client:read_head()
    -- Meanwhile other clients are served.
    assert.equal(200, gateway.request({ path = "/health" }).status)
    assert.is_true(signalbox.is_sanitized or gateway:resident_kb() - resident < 4096, "much of 36 MB is in memory")
    client:read_chunks(head)
    assert.is_true(head.complete)
    local frames, rest = eventstream.decode(head.body)
    assert.equal(602, #frames)
    assert.equal("", rest)
    client:close()
  end)

  it("carries frames of 16 MiB, and no larger ones", function()
    -- The second delta is as large as a frame may be, or declares one byte more.
    local upstream = scene:upstream([[
      local LARGEST = 16 * 1024 * 1024
      local events = eventstream.conversation("x")
      answer:stream_head()
      for index = 1, 2 do answer:chunk(events[index]) end
      if request.body:find("larger", 1, true) then
        answer:chunk(eventstream.prelude(LARGEST + 1, 100))
        return answer:hang()
      end
      largest = largest or eventstream.event("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"text":"' ..
        ("x"):rep(LARGEST - #events[2] + 1) .. '"}}')
      answer:chunk(largest)
      for index = 3, #events do answer:chunk(events[index]) end
      answer:stream_end()
    ]])
    for _, transport in ipairs(transports.list) do
      local gateway = scene:gateway(upstream, { settings = transports.settings(transport, scene) })
      local way = transports.open(transport, scene, gateway)
      local whole, broken = table.unpack(curl.load(way, { signalbox.call(NOVA, "converse-stream"),
        signalbox.call(NOVA, "converse-stream", signalbox.converse_body("larger")) }, 1))
      local frames, rest = eventstream.decode(whole.body)
      assert.same({ "messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockStop", "messageStop",
        "metadata" }, eventstream.names(frames))
      assert.same({ 16 * 1024 * 1024, "" }, { #frames[3].bytes, rest })
      assert.same({ "messageStart", "contentBlockDelta", "modelStreamErrorException" },
        eventstream.names((eventstream.decode(broken.body))))
      scene:stop(gateway)
    end
  end)

  it("takes little memory as one of a thousand, over ten connections and on one worker", function()
    local emulator = scene:emulator()
    emulator.control(NOVA, { fault = "stall" })
    local gateway = scene:gateway(emulator)
    local descriptors, resident = gateway:descriptors(), gateway:resident_kb()
    local load = http2.start(gateway.port, { path = signalbox.path(NOVA, "converse-stream"),
      body = signalbox.converse_body(), connections = 10, streams = 100 })
    assert.is_true(http2.run(load, 60, function() return load.under_way == 1000 end))
    assert.equal(descriptors + 1010, gateway:descriptors())
    local each_kb = (gateway:resident_kb() - resident) / 1000
    assert.is_true(signalbox.is_sanitized or each_kb < 48, ("%.1f KB a stream"):format(each_kb))
    http2.close(load)
    process.wait_for("the attempts to be counted as cancelled", function()
      local _, stats = gateway.admin("/stats")
      return stats.models[NOVA].cancelled == 1000
    end)
    process.wait_for("the descriptors", function() return gateway:descriptors() <= descriptors end)
  end)
end)
