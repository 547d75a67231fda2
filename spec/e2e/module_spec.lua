-- SPDX-License-Identifier: Apache-2.0
-- The Lua module in a host of its own: each test is a short program that a plain lua5.4 runs against an emulator or a
-- scripted upstream, and that has to end with status 0. Under a sanitizer its runtime is preloaded into that host.
local cjson = require "cjson"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE

-- The runtime that the module needs to find in its host already, or nil.
local function sanitizer_runtime()
  local listing = assert(io.popen("ldd " .. process.quoted(signalbox.program .. ".so")))
  local text = listing:read("a")
  listing:close()
  return text:match("(/%S+/lib[at]san%.so%S*)")
end

local environment = {
  LUA_CPATH = signalbox.program:match("^.*/") .. "?.so;;", LD_PRELOAD = sanitizer_runtime() or false,
}
for _, name in ipairs { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK",
  "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "HTTP_PROXY",
  "HTTPS_PROXY", "http_proxy", "https_proxy" } do
  environment[name] = false
end

local PREAMBLE = [[
local signalbox = require "signalbox"
local settings = %s
local function open(more)
  local all = {}
  for key, value in pairs(settings) do all[key] = value end
  for key, value in pairs(more or {}) do all[key] = value end
  return assert(signalbox.new(all))
end
local function hello(more)
  local request = { messages = { { role = "user", content = { { text = "Hello" } } } } }
  for key, value in pairs(more or {}) do request[key] = value end
  return request
end
-- The message of the misuse that it must be.
local function misuse(...)
  local ok, message = pcall(...)
  assert(not ok and type(message) == "string", "no misuse")
  return message
end
]]

describe("the Lua module", function()
  local scene

  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  -- Runs `code` in a host of its own, with the mux's settings for `upstream` at hand; what it printed.
  local function run(upstream, policy, code)
    local number = #scene.children
    local settings = {
      policy = policy and scene:write(("policy-%d.lua"):format(number), "return " .. signalbox.literal(policy)),
      endpoint = upstream and upstream.url,
      credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = signalbox.SECRET },
    }
    local path = scene:write(("host-%d.lua"):format(number), PREAMBLE:format(signalbox.literal(settings)) .. code)
    local status, out, log = process.run({ "lua5.4", path }, environment)
    assert(status == 0, ("status %d\n%s%s"):format(status, out, log))
    return out, log
  end

  local TWO = { models = { { id = NOVA }, { id = CLAUDE, fallback = true } } }
  local ONE = { models = { { id = NOVA } } }

  describe("with whole answers", function()
    it("gives the service's reply, and beside it how the request went", function()
      run(scene:emulator(), ONE, [[
        local mux = open()
        local reply, err = mux:converse(hello())
        assert(reply and err == nil, tostring(err))
        assert(reply.output.message.role == "assistant" and #reply.output.message.content[1].text > 0)
        assert(reply.stopReason == "end_turn")
        assert(math.type(reply.usage.inputTokens) == "integer" and reply.usage.outputTokens > 0)
        assert(reply.signalbox.model == "us.amazon.nova-2-lite-v1:0" and reply.signalbox.attempts == 1)
        assert(#reply.signalbox.request_id >= 32 and math.type(reply.signalbox.latency_ms) == "integer")
        -- An answer goes back as it came.
        local second = assert(mux:converse(hello { messages = {
          hello().messages[1], reply.output.message, hello().messages[1] } }))
        assert(second.usage.inputTokens > reply.usage.inputTokens)
      ]])
    end)

    it("fails over like every other door", function()
      local emulator = scene:emulator()
      emulator.control(NOVA, { fault = "ThrottlingException", share = 1.0 })
      run(emulator, TWO, [[
        local mux = open()
        local reply = assert(mux:converse(hello { model = "chat" }))
        assert(reply.signalbox.model == "us.anthropic.claude-haiku-4-5-20251001-v1:0")
        assert(reply.signalbox.attempts == 2)
        local stats = mux:stats()
        assert(stats.total.success == 1 and stats.models["us.amazon.nova-2-lite-v1:0"].rate_limit == 1)
        local health = mux:health()
        assert(health.healthy and health.counts.healthy == 2)
        assert(health.models["us.amazon.nova-2-lite-v1:0"].state == "closed")
        assert(health.models["us.amazon.nova-2-lite-v1:0"].last_success_at == nil)
      ]])
    end)

    it("answers nil and an error that says what to do", function()
      local emulator = scene:emulator()
      emulator.control(NOVA, { fault = "ThrottlingException", share = 1.0 })
      run(emulator, ONE, [[
        local reply, err = open():converse(hello())
        assert(reply == nil)
        assert(err.type == "throttling" and err.retryable == true and err.status == 429, err.type)
        assert(err.name == "ThrottlingException" and err.retry_after_ms > 0)
        assert(#err.message > 0 and tostring(err) == "ThrottlingException: " .. err.message)
        assert(err.model == "us.amazon.nova-2-lite-v1:0" and err.attempts == 1 and #err.request_id > 0)
        assert(#err.suggestions > 0 and type(err.suggestions[1]) == "string")
      ]])
    end)

    it("passes on what the service said of a wrong request", function()
      local upstream = scene:upstream([[
        answer:send('HTTP/1.1 400 Bad Request\r\nx-amzn-ErrorType: ValidationException:http://x/\r\n' ..
          'x-amzn-RequestId: upstream-7\r\nContent-Length: 30\r\n\r\n{"message":"maxTokens is off"}')
      ]])
      run(upstream, TWO, [[
        local reply, err = open():converse(hello())
        assert(reply == nil and err.type == "validation" and err.retryable == false and err.status == 400)
        assert(err.name == "ValidationException" and err.message == "maxTokens is off")
        assert(err.retry_after_ms == nil and err.request_id == "upstream-7" and err.attempts == 1)
      ]])
    end)

    it("tells models that nobody serves, and upstreams that nobody reaches", function()
      run(nil, { models = { { id = NOVA, serves = { "chat" } } } }, [[
        local mux = open { endpoint = "http://127.0.0.1:9" }
        local _, err = mux:converse(hello { model = "other" })
        assert(err.status == 404 and err.name == "ResourceNotFoundException" and err.message:find("chat", 1, true))
        assert(err.code == "NO_MODELS_AVAILABLE" and err.attempts == 0 and err.model == nil)
        _, err = mux:converse(hello { model = "chat" })
        assert(err.type == "network" and err.status == 503 and err.code == "RETRIES_EXHAUSTED", tostring(err))
      ]])
    end)

    it("needs credentials to sign with", function()
      local _, log = run(scene:emulator(), ONE, [[
        settings.credentials = nil
        local _, err = open():converse(hello())
        assert(err.type == "authentication" and err.retryable == false, tostring(err))
      ]])
      assert.is_nil(log:find(signalbox.SECRET, 1, true))
    end)

    it("refuses answers that are no JSON object", function()
      local upstream = scene:upstream([[
        local bodies = { "no JSON", "[1]", "17", '{"a":' .. ("["):rep(70) .. ("]"):rep(70) .. "}" }
        answer:json(200, bodies[number])
      ]])
      run(upstream, ONE, [[
        local mux = open()
        for _ = 1, 4 do
          local reply, err = mux:converse(hello())
          assert(reply == nil and err.name == "InvalidAnswer" and err.type == "unknown", tostring(err))
        end
      ]])
    end)

    it("sends a body and headers as they are given", function()
      local upstream = scene:upstream([[answer:json(200, "raw bytes")]])
      run(upstream, ONE, [[
        local mux = open()
        local reply = assert(mux:invoke { model = "us.amazon.nova-2-lite-v1:0", body = '{ "exact":  1.50 }',
          content_type = "application/x-own", accept = "text/plain" })
        assert(reply.body == "raw bytes" and reply.data == nil and reply.signalbox.attempts == 1)
        assert(reply.content_type == "application/json")
        assert(mux:invoke { body = { list = signalbox.array {}, object = {}, none = signalbox.null } }.body)
        assert(mux:count_tokens(hello()) == nil)
        mux:count_tokens { input = { invokeModel = { body = signalbox.base64 "abcd" } } }
        mux:converse(hello { inferenceConfig = { maxTokens = 256.0, temperature = 0.1 } })
      ]])
      local sent = upstream.recorded()
      assert.equal('{ "exact":  1.50 }', sent[1].body)
      assert.equal("application/x-own", sent[1].headers["content-type"])
      assert.equal("text/plain", sent[1].headers.accept)
      assert.is_truthy(sent[1].target:find("/invoke$"))
      for _, part in ipairs { '"list":[]', '"object":{}', '"none":null' } do
        assert.is_truthy(sent[2].body:find(part, 1, true), sent[2].body)
      end
      assert.same(cjson.decode '{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}}}',
        cjson.decode(sent[3].body))
      assert.equal('{"input":{"invokeModel":{"body":"YWJjZA=="}}}', sent[4].body)
      assert.is_truthy(sent[5].body:find('"maxTokens":256[,}]') and sent[5].body:find('"temperature":0.1[,}]'))
      assert.is_nil(sent[5].body:find('"model"', 1, true))
    end)

    it("decodes the body of InvokeModel where it is JSON", function()
      run(scene:emulator(), ONE, [[
        local reply = assert(open():invoke { model = "us.amazon.nova-2-lite-v1:0", body = hello() })
        assert(reply.body:find "^{" and reply.data.output.message.role == "assistant")
      ]])
    end)

    it("bounds what is sent", function()
      local emulator = scene:emulator()
      run(emulator, ONE, [[
        local mux = open { limits = { body_bytes = 1024 } }
        local reply, err = mux:converse { messages = { { role = "user", content = { { text = ("x"):rep(2000) } } } } }
        assert(reply == nil and err.type == "validation" and err.status == 413 and err.attempts == 0)
        assert(mux:converse(hello()))
      ]])
      assert.equal(1, emulator.requests().total.received)
    end)

    it("counts no time that the program spent between calls", function()
      run(scene:emulator(), ONE, [[
        local mux = open()
        assert(mux:converse(hello()))
        local work = os.clock()
        repeat until os.clock() - work > 2
        assert(mux:converse(hello()).signalbox.latency_ms < 2000)
      ]])
    end)

    it("goes on when an upstream has closed the idle connection", function()
      local upstream = scene:upstream([[
        answer:json(200, '{"ok":true}')
        answer:close()
      ]])
      run(upstream, ONE, [[
        local mux = open()
        for _ = 1, 5 do assert(mux:converse(hello()).ok == true) end
        assert(mux:stats().total.success == 5 and mux:stats().total.fail_fast == 0)
      ]])
    end)
  end)

  describe("with streams", function()
    -- A stream as the service sends it: five events.
    local CONVERSATION = [[
      answer:stream_head("x-amzn-RequestId: stream-1\r\n")
      for _, event in ipairs(eventstream.conversation("Green light")) do answer:chunk(event) end
      answer:stream_end()
    ]]
    -- One that has begun, and then does what `rest` says.
    local function begun(rest)
      return [[
        answer:stream_head()
        local events = eventstream.conversation("Green")
        answer:chunk(events[1] .. events[2])
      ]] .. rest
    end

    it("gives each event by its type, with its payload", function()
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

    it("gives the chunks of InvokeModel as bytes, decoded where they are JSON", function()
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
      it("lets no stream end quietly that ends in " .. name, function()
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

    for name, code in pairs {
      ["break"] = "for _ in mux:converse_stream(hello()) do break end",
      ["an error in the loop"] = "pcall(function() for _ in mux:converse_stream(hello()) do error 'x' end end)",
      ["close"] = "local stream = mux:converse_stream(hello()) stream:next() stream:close() stream:close() " ..
        "assert(stream:next() == nil)",
      ["a scope's end"] = "do local stream <close> = mux:converse_stream(hello()) stream:next() end",
      ["the collector"] = "mux:converse_stream(hello()):next() collectgarbage()",
      ["the mux's close"] = "local stream = mux:converse_stream(hello()) mux:close() " ..
        "assert(misuse(stream.next, stream):find 'closed') mux = open()",
    } do
      it("gives the request up at once by " .. name, function()
        local emulator = scene:emulator { seed = 1, traffic = { output_tokens = { 5000, 5000 } },
          models = { [NOVA] = { ttft_ms = { p50 = 1, p99 = 2 }, tokens_per_second = { p50 = 20, p99 = 19 } } } }
        local upstream_sees = scene.folder .. "/seen"
        -- The host stays alive and idle until the upstream has seen it: nothing but the call itself may close.
        local host = ([[
          local mux = open()
          %s
          local deadline = os.time() + 20
          io.open(%q, "w"):close()
          repeat until io.open(%q) or os.time() > deadline
          assert(io.open(%q), "the upstream request goes on")
          assert(mux:stats().total.success == 0)
        ]]):format(code, upstream_sees .. ".begun", upstream_sees, upstream_sees)
        local number = #scene.children
        local path = scene:write(("host-%d.lua"):format(number), PREAMBLE:format(signalbox.literal {
          policy = scene:write("policy.lua", "return " .. signalbox.literal(ONE)), endpoint = emulator.url,
          credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = signalbox.SECRET } }) .. host)
        local child = process.start({ "lua5.4", path }, { folder = scene.folder, environment = environment })
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

    it("runs several at once, whole answers among them, over several muxes", function()
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

    it("holds little of a stream that its program leaves waiting, and loses nothing of it", function()
      local upstream = scene:upstream([[
        if request.target:find("/converse$") then return answer:json(200, '{"ok":true}') end
        answer:stream_head()
        local events = eventstream.conversation(("x"):rep(30000))
        answer:chunk(events[1])
        for _ = 1, 200 do answer:chunk(events[2]) end
        answer:chunk(events[3] .. events[4] .. events[5])
        answer:stream_end()
      ]])
      -- Unpaused, the stream would pass what is held of it (little more than a megabyte) during the other calls.
      run(upstream, ONE, [[
        local mux = open { limits = { frame_bytes = 65536, hold_bytes = 1024 } }
        local stream, bytes = mux:converse_stream(hello()), 0
        assert(stream:next().type == "messageStart")
        for _ = 1, 300 do assert(mux:converse(hello()).ok) end
        for event in stream do
          if event.type == "contentBlockDelta" then bytes = bytes + #event.data.delta.text end
        end
        assert(bytes == 200 * 30000, bytes)
      ]])
    end)

    it("works from coroutines", function()
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

  describe("as a guest", function()
    it("tells every mistake of its settings at once, and no secret", function()
      local out = run(nil, nil, [[
        local mux, problems = signalbox.new {
          regon = "x", region = 7, endpoint = "ftp://x", policy = "/does/not/exist",
          timeouts = { connect_ms = 1 }, limits = { hold_bytes = "many" },
          credentials = { access_key_id = "AKID", secret_access_key = 17, session_token = "hidden/token" },
        }
        assert(mux == nil)
        print(problems)
        mux, problems = signalbox.new { policy = "/does/not/exist" }
        assert(mux == nil)
        print(problems)
        print(select(2, signalbox.new { endpoint = "http://example.com" }))
        print(select(2, signalbox.new { 1, region = "x" }))
        local cycle = {}
        cycle.limits = cycle
        print(select(2, signalbox.new(cycle)))
      ]])
      for _, part in ipairs { "regon: expected a known key %(did you mean region%?%)", "region: expected",
        "endpoint: expected", "timeouts.connect_ms: expected", "limits.hold_bytes: expected",
        "credentials.secret_access_key: expected",
        "/does/not/exist", "allow_plaintext", "names or positions", "contains itself" } do
        assert.is_truthy(out:find(part), part .. " is not in\n" .. out)
      end
      assert.is_nil(out:find("hidden", 1, true))
      assert.is_nil(out:find("AKID", 1, true))
    end)

    it("tells what is wrong in a policy", function()
      local path = scene:write("bad.lua", "return { models = { { id = 'x', weight = -1 } }, max_retris = 2 }")
      local out = run(nil, nil, ("print(select(2, signalbox.new { policy = %q }))"):format(path))
      assert.is_truthy(out:find("models[1].weight", 1, true), out)
      assert.is_truthy(out:find("max_retries", 1, true), out)
    end)

    it("raises for misuse, naming the place", function()
      run(nil, ONE, [[
        local mux = open { endpoint = "http://127.0.0.1:9" }
        local function contains(text, part) assert(text:find(part, 1, true), text) end
        contains(misuse(mux.converse, mux), "table expected")
        contains(misuse(mux.converse, {}, {}), "signalbox.mux expected")
        contains(misuse(mux.converse, mux, hello { model = 7 }), "model: a string was expected")
        contains(misuse(mux.converse, mux, hello { model = "" }), "model:")
        contains(misuse(mux.converse, mux, hello { model = "two words" }), "model:")
        contains(misuse(mux.converse, mux, { "Hello" }), "a table of names")
        contains(misuse(mux.converse, mux, { messages = { { content = { print } } } }),
          "messages[1].content[1]: a function can't be JSON")
        contains(misuse(mux.converse, mux, { messages = { 1, a = 2 } }), "messages: a table needs either names")
        contains(misuse(mux.converse, mux, { messages = { 1, [3] = 2 } }), "messages: a table needs either names")
        contains(misuse(mux.converse, mux, { messages = { a = 2, [true] = 1 } }), "messages: a table needs either")
        contains(misuse(mux.converse, mux, { temperature = 0 / 0 }), "temperature: JSON has no")
        contains(misuse(mux.converse, mux, { temperature = math.huge }), "temperature: JSON has no")
        contains(misuse(mux.converse, mux, { file = io.stdout }), "file: a userdata can't be JSON")
        local cycle = {}
        cycle.cycle = cycle
        contains(misuse(mux.converse, mux, cycle), "contains itself")
        contains(misuse(mux.invoke, mux, {}), "body: a string or a table was expected")
        contains(misuse(mux.invoke, mux, { body = "", modle = "x" }), "modle: no such member")
        contains(misuse(mux.invoke, mux, { body = "", accept = "a\nb" }), "accept:")
        contains(misuse(signalbox.new, 7), "table expected")
        contains(misuse(function() mux:converse(hello { model = 7 }) end), "host-")
        mux:close()
        mux:close()
        for _, method in ipairs { "converse", "converse_stream", "invoke", "invoke_stream", "count_tokens", "stats",
          "health" } do
          contains(misuse(mux[method], mux, hello()), "the mux is closed")
        end
        assert(tostring(mux):find "closed")
      ]])
    end)

    it("reads and writes JSON without loss", function()
      run(nil, nil, [==[
        local encode, decode = signalbox.encode, signalbox.decode
        for _, text in ipairs { "[]", "{}", "null", "true", "17", "-9007199254740993", "0.1", "1e+300", '"a"',
          '[[],{},[null]]', '{"a":{"b":[1,2.5,"x"]}}', '"\\u0001 \\" \\\\"' } do
          assert(encode(decode(text)) == text, text .. " became " .. encode(decode(text)))
        end
        assert(decode '"\\ud83d\\ude82\\n"' == "\u{1F682}\n")
        assert(math.type(decode "3") == "integer" and math.type(decode "3.0") == "float")
        assert(decode "12345678901234567890" == 12345678901234567890.0)
        assert(decode '{"a":null}'.a == signalbox.null and encode { a = signalbox.null } == '{"a":null}')
        assert(encode(signalbox.array()) == "[]" and encode(signalbox.array { 1 }) == "[1]" and encode {} == "{}")
        for _, text in ipairs { "", "{", "[1,]", "1 2", "nul", '{"a"}', '{"a":1,}', "'a'", '"\1"', "\0", "[1" } do
          local value, problem = decode(text)
          assert(value == nil and problem:find "not JSON", text)
        end
        assert(decode(("["):rep(64) .. ("]"):rep(64)) and not decode(("["):rep(65) .. ("]"):rep(65)))
        assert(encode("\xff") == '"\u{FFFD}"')
        assert(signalbox.base64 "" == "" and signalbox.base64 "\0\xff" == "AP8=")
        for _ = 1, 200 do
          local number = math.random() * 10 ^ math.random(-30, 30)
          assert(decode(encode(number)) == number)
        end
      ]==])
    end)

    it("leaves with everything open, sets no globals, and stands several states and loads", function()
      run(scene:emulator(), ONE, [[
        local before = {}
        for name in pairs(_G) do before[name] = true end
        kept = open()
        local mux <close> = open()
        local stream = mux:converse_stream(hello())
        stream:next()
        package.loaded.signalbox = nil
        assert(require "signalbox" ~= signalbox)
        before.kept = true
        for name in pairs(_G) do assert(before[name], name) end
        assert(getmetatable(stream) == "signalbox.stream" and getmetatable(mux) == "signalbox.mux")
        other = kept:converse_stream(hello())
      ]])
    end)

    it("leaves no descriptor behind over many muxes", function()
      run(scene:emulator(), ONE, [[
        local function descriptors()
          local count = 0
          for number = 0, 255 do
            local file = io.open("/proc/self/fdinfo/" .. number)
            if file then
              count = count + 1
              file:close()
            end
          end
          return count
        end
        open():close()
        local before = descriptors()
        for _ = 1, 30 do
          local mux = open()
          assert(mux:converse(hello()))
          mux:converse_stream(hello()):next()
          mux:close()
        end
        local after = descriptors()
        assert(after == before and before > 2, after .. " instead of " .. before)
      ]])
    end)

    it("runs the example", function()
      local emulator = scene:emulator(nil)
      local path = process.contents("examples/module.lua"):gsub('package.cpath = [^\n]+\n', "\n")
      local status, out, log = process.run({ "lua5.4", scene:write("example.lua", path), emulator.url }, environment)
      assert(status == 0, log)
      assert.is_truthy(out:find("-- 2 answered, 0 failed, healthy: true", 1, true), out)
    end)
  end)
end)
