-- SPDX-License-Identifier: Apache-2.0
-- The Lua module in its own host process: streams.
local module = require "spec.support.module"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE

describe("the Lua module's streams", function()
  local scene

  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function run(...)
    return module.run(scene, ...)
  end

  local TWO = { models = { { id = NOVA }, { id = CLAUDE, fallback = true } } }
  local ONE = { models = { { id = NOVA } } }

  -- A stream as the service sends it: five events.
  local CONVERSATION = [[
    answer:stream_head("x-amzn-RequestId: stream-1\r\n")
    for _, event in ipairs(eventstream.conversation("Green light")) do answer:chunk(event) end
    answer:stream_end()
  ]]
  -- A stream that begins and then runs `rest`.
  local function begun(rest)
    return [[
      answer:stream_head()
      local events = eventstream.conversation("Green")
      answer:chunk(events[1] .. events[2])
    ]] .. rest
  end

  it("returns each event with its type and payload", function()
    run(scene:upstream(CONVERSATION), ONE, [[
      local mux, types, text = open(), {}, ""
      local stream = mux:converse_stream(hello())
      for event in stream do
        types[#types + 1] = event.type
        if event.type == "contentBlockDelta" then text = text .. event.data.delta.text end
        if event.type == "metadata" then assert(event.data.usage.outputTokens == 5) end
      end
      assert(text == "Green light")
      assert(table.concat(types, " ") ==
        "messageStart contentBlockDelta contentBlockStop messageStop metadata")
      assert(stream:next() == nil and stream:error() == nil and stream() == nil)
      assert(stream.signalbox.model == "us.amazon.nova-2-lite-v1:0" and stream.signalbox.attempts == 1)
      assert(stream.signalbox.request_id == "stream-1" and stream.signalbox.latency_ms >= 0)
      assert(mux:stats().total.success == 1)
    ]])
  end)

  it("returns the chunks of InvokeModel as bytes, decoded if they are JSON", function()
    run(scene:emulator(), ONE, [[
      local chunks, stop = 0, nil
      for event in open():invoke_stream { model = "us.amazon.nova-2-lite-v1:0", body = hello() } do
        assert(event.type == "chunk" and event.bytes:find "^{" and type(event.data) == "table")
        chunks, stop = chunks + 1, stop or event.data.messageStop
      end
      assert(chunks > 3 and stop.stopReason == "end_turn")
    ]])
  end)

  it("fails over until content has begun", function()
    local upstream = scene:upstream([[
      answer:stream_head()
      if request.target:find("nova") then
        answer:chunk(eventstream.event("messageStart", '{"role":"assistant"}'))
        answer:chunk(eventstream.exception("throttlingException", "Slow down"))
      else
        for _, event in ipairs(eventstream.conversation("Hi")) do answer:chunk(event) end
      end
      answer:stream_end()
    ]])
    run(upstream, TWO, [[
      local stream, count = open():converse_stream(hello()), 0
      assert(stream.signalbox.attempts == 2)
      for _ in stream do count = count + 1 end
      assert(count == 5 and stream.signalbox.model:find "claude")
    ]])
  end)

  it("raises the error object in a loop, and returns it from next", function()
    local emulator = scene:emulator()
    emulator.control(NOVA, { fault = "ServiceUnavailableException", share = 1.0 })
    run(emulator, ONE, [[
      local mux = open()
      local stream = mux:converse_stream(hello())
      local event, err = stream:next()
      assert(event == nil and err.name == "ServiceUnavailableException" and err.status == 503)
      assert(stream:error() == err and select(2, stream:next()) == err)
      local ok, raised = pcall(function() for _ in mux:converse_stream(hello()) do error "no event" end end)
      assert(not ok and raised.name == "ServiceUnavailableException" and raised.retryable)
    ]])
  end)

  for name, case in pairs {
    ["an exception"] = { [[answer:chunk(eventstream.exception("modelStreamErrorException", "Derailed"))
      answer:stream_end()]], "ModelStreamErrorException", "Derailed" },
    ["a silent end"] = { "answer:stream_end()", "ModelStreamErrorException", "" },
    ["a reset"] = { "answer:reset()", "ModelStreamErrorException", "" },
    ["a corrupt frame"] = { [[answer:chunk((events[3]:gsub(".$", "x"))) answer:stream_end()]],
      "ModelStreamErrorException", "" },
  } do
    it("raises an error when a stream ends in " .. name, function()
      run(scene:upstream(begun(case[1])), ONE, ([[
        local seen, stream = {}, open():converse_stream(hello())
        local ok, err = pcall(function() for event in stream do seen[#seen + 1] = event.type end end)
        assert(not ok and err.name == %q and err.message:find(%q, 1, true), tostring(err))
        assert(seen[2] == "contentBlockDelta", #seen)
        assert(err.model and err.attempts == 1 and stream:error() == err and stream:next() == nil)
      ]]):format(case[2], case[3]))
    end)
  end

  it("refuses events that can't be read", function()
    run(scene:upstream(begun([[answer:chunk(eventstream.event("metadata", "{")) answer:stream_end()]])), ONE, [[
      local stream = open():converse_stream(hello())
      assert(stream:next() and stream:next())
      local event, err = stream:next()
      assert(event == nil and err.name == "InvalidAnswer")
    ]])
  end)

  it("keeps a stream in a variable open after a break", function()
    run(scene:upstream(CONVERSATION), ONE, [[
      local mux, types = open(), {}
      local stream = mux:converse_stream(hello())
      for event in stream do types[1] = event.type break end
      pcall(function() for event in stream do types[2] = event.type error "x" end end)
      for event in stream do types[#types + 1] = event.type end
      assert(table.concat(types, " ") == "messageStart contentBlockDelta contentBlockStop messageStop metadata")
      assert(mux:stats().total.success == 1 and mux:stats().total.cancelled == 0)
    ]])
  end)

  for name, code in pairs {
    ["break"] = "for _ in mux:converse_stream(hello()) do break end",
    ["an error in the loop"] = "pcall(function() for _ in mux:converse_stream(hello()) do error 'x' end end)",
    ["close"] = "local stream = mux:converse_stream(hello()) stream:next() stream:close() stream:close() " ..
      "assert(stream:next() == nil)",
    ["return"] = "local function ask() for _ in mux:converse_stream(hello()) do return end end ask()",
    ["a scope's end"] = "do local stream <close> = mux:converse_stream(hello()) stream:next() end",
    ["break, and the end of the stream's variable"] =
      "do local stream <close> = mux:converse_stream(hello()) for _ in stream do break end end",
    ["the collector"] = "mux:converse_stream(hello()):next() collectgarbage()",
    ["the mux's close"] = "local stream = mux:converse_stream(hello()) mux:close() " ..
      "assert(misuse(stream.next, stream):find 'closed') mux = open()",
  } do
    it("cancels the request at once by " .. name, function()
      local emulator = scene:emulator { seed = 1, traffic = { output_tokens = { 5000, 5000 } },
        models = { [NOVA] = { ttft_ms = { p50 = 1, p99 = 2 }, tokens_per_second = { p50 = 20, p99 = 19 } } } }
      local upstream_sees = scene.folder .. "/seen"
      -- The host stays alive and idle until the upstream has seen the end, so only the call itself can have closed.
      local host = ([[
        local mux = open()
        %s
        local deadline = os.time() + 20
        io.open(%q, "w"):close()
        repeat until io.open(%q) or os.time() > deadline
        assert(io.open(%q), "the upstream request goes on")
        assert(mux:stats().total.success == 0)
      ]]):format(code, upstream_sees .. ".begun", upstream_sees, upstream_sees)
      local child = module.start(scene, emulator, ONE, host)
      process.wait_for("the host's stream", function()
        return child:status() or os.rename(upstream_sees .. ".begun", upstream_sees .. ".noticed")
      end)
      process.wait_for("the end of the upstream request", function()
        return child:status() or emulator.requests().total.cancelled == 1
      end)
      scene:write("seen", "1")
      assert.equal(0, child:wait(), child:log())
    end)
  end

  it("runs several at once, and whole responses meanwhile, over several muxes", function()
    run(scene:emulator(), ONE, [[
      local one, two = open(), open()
      local a, b, c = one:converse_stream(hello()), one:converse_stream(hello()), two:converse_stream(hello())
      local ended, rounds = {}, 0
      repeat
        local busy = false
        for index, stream in ipairs { a, b, c } do
          if not ended[index] then
            busy = true
            local event = stream:next()
            ended[index] = not event
            assert(event or not stream:error())
          end
        end
        rounds = rounds + 1
        if rounds == 2 then assert(one:converse(hello())) end
      until not busy
      assert(rounds > 4 and one:stats().total.success == 3 and two:stats().total.success == 1)
      two:close()
      assert(one:converse(hello()))
    ]])
  end)

  it("holds little of a stream that is not being read, and loses nothing of it", function()
    local upstream = scene:upstream([[
      if request.target:find("/converse$") then return answer:json(200, '{"ok":true}') end
      answer:stream_head()
      local events = eventstream.conversation(("x"):rep(30000))
      answer:chunk(events[1])
      for _ = 1, 200 do answer:chunk(events[2]) end
      answer:chunk(events[3] .. events[4] .. events[5])
      answer:stream_end()
    ]])
    -- If it were not paused, the stream would exceed its bound (little more than a megabyte) during the other calls.
    run(upstream, ONE, [[
      local mux = open { limits = { frame_bytes = 65536, hold_bytes = 1024 } }
      local stream, bytes = mux:converse_stream(hello()), 0
      assert(stream:next().type == "messageStart" and stream.signalbox.latency_ms == nil)
      for _ = 1, 300 do assert(mux:converse(hello()).ok) end
      for event in stream do
        if event.type == "contentBlockDelta" then bytes = bytes + #event.data.delta.text end
      end
      assert(bytes == 200 * 30000 and stream.signalbox.latency_ms >= 0, bytes)
    ]])
  end)

  it("works in coroutines", function()
    run(scene:emulator(), ONE, [[
      local mux, count = open(), 0
      local events = coroutine.wrap(function()
        for event in mux:converse_stream(hello()) do coroutine.yield(event) end
      end)
      for event in events do count = count + 1 assert(event.type) end
      assert(count > 3)
    ]])
  end)
end)
