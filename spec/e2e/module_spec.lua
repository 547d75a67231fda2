-- SPDX-License-Identifier: Apache-2.0
-- The Lua module in its own host process: whole responses, settings, and what the module may not do to its host.
local cjson = require "cjson"
local module = require "spec.support.module"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE

describe("the Lua module", function()
  local scene

  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function run(...)
    return module.run(scene, ...)
  end

  local TWO = { models = { { id = NOVA }, { id = CLAUDE, fallback = true } } }
  local ONE = { models = { { id = NOVA } } }

  describe("with whole responses", function()
    it("returns the service's response, and beside it how the request went", function()
      run(scene:emulator(), ONE, [[
        local mux = open()
        local response, err = mux:converse(hello())
        assert(response and err == nil, tostring(err))
        assert(response.output.message.role == "assistant" and #response.output.message.content[1].text > 0)
        assert(response.stopReason == "end_turn")
        assert(math.type(response.usage.inputTokens) == "integer" and response.usage.outputTokens > 0)
        assert(response.signalbox.model == "us.amazon.nova-2-lite-v1:0" and response.signalbox.attempts == 1)
        assert(#response.signalbox.request_id >= 32 and math.type(response.signalbox.latency_ms) == "integer")
        -- A response goes back unchanged.
        local second = assert(mux:converse(hello { messages = {
          hello().messages[1], response.output.message, hello().messages[1] } }))
        assert(second.usage.inputTokens > response.usage.inputTokens)
      ]])
    end)

    it("fails over as the gateway does", function()
      local emulator = scene:emulator()
      emulator.control(NOVA, { fault = "ThrottlingException", share = 1.0 })
      run(emulator, TWO, [[
        local mux = open()
        local response = assert(mux:converse(hello { model = "chat" }))
        assert(response.signalbox.model == "us.anthropic.claude-haiku-4-5-20251001-v1:0")
        assert(response.signalbox.attempts == 2)
        local stats = mux:stats()
        assert(stats.total.success == 1 and stats.models["us.amazon.nova-2-lite-v1:0"].rate_limit == 1)
        local health = mux:health()
        assert(health.healthy and health.counts.healthy == 2)
        assert(health.models["us.amazon.nova-2-lite-v1:0"].state == "closed")
        assert(health.models["us.amazon.nova-2-lite-v1:0"].last_success_at == nil)
      ]])
    end)

    it("calls the hooks of its policy", function()
      local emulator = scene:emulator()
      emulator.control(CLAUDE, { latency_ms = 20000 })
      run(emulator, ([[
        local shared = require "signalbox.shared"
        return {
          models = { { id = "%s" }, { id = "%s" }, { id = "us.amazon.nova-pro-v1:0" } },
          select = function(request, models)
            return models[1], { hedge_after_ms = request.attempt == 2 and 50 or nil }
          end,
          prepare = function() return { service_tier = "flex", max_tokens = shared.get("attempts") or 6 } end,
          accept = function(response, request, model)
            return model.name ~= "%s" or response.tier ~= "flex", "cheap"
          end,
          finish = function(_, result) shared.set("attempts", result.attempts) end,
          tick = function(_, models) end,
        }]]):format(NOVA, CLAUDE, NOVA), [[
        local mux = open()
        for _, tokens in ipairs { 6, 3 } do -- the second request's limit is the number of attempts of the first
          local response = assert(mux:converse(hello { model = "chat" }))
          assert(response.signalbox.model == "us.amazon.nova-pro-v1:0" and response.signalbox.attempts == 3)
          assert(response.usage.outputTokens == tokens and response.serviceTier.type == "flex")
        end
        local stats = mux:stats()
        assert(stats.models["us.amazon.nova-2-lite-v1:0"].refusal == 2)
        assert(stats.models["us.anthropic.claude-haiku-4-5-20251001-v1:0"].cancelled == 2)
        assert(stats.total.success == 2)
        mux:close()
      ]])
    end)

    it("returns nil and an error that says what to do", function()
      local emulator = scene:emulator()
      emulator.control(NOVA, { fault = "ThrottlingException", share = 1.0 })
      run(emulator, ONE, [[
        local response, err = open():converse(hello())
        assert(response == nil)
        assert(err.type == "throttling" and err.retryable == true and err.status == 429, err.type)
        assert(err.name == "ThrottlingException" and err.retry_after_ms > 0)
        assert(#err.message > 0 and tostring(err) == "ThrottlingException: " .. err.message)
        assert(err.model == "us.amazon.nova-2-lite-v1:0" and err.attempts == 1 and #err.request_id > 0)
        assert(#err.suggestions > 0 and type(err.suggestions[1]) == "string")
      ]])
    end)

    it("passes on the service's error for a wrong request", function()
      local upstream = scene:upstream([[
        answer:send('HTTP/1.1 400 Bad Request\r\nx-amzn-ErrorType: ValidationException:http://x/\r\n' ..
          'x-amzn-RequestId: upstream-7\r\nContent-Length: 30\r\n\r\n{"message":"maxTokens is off"}')
      ]])
      run(upstream, TWO, [[
        local response, err = open():converse(hello())
        assert(response == nil and err.type == "validation" and err.retryable == false and err.status == 400)
        assert(err.name == "ValidationException" and err.message == "maxTokens is off")
        assert(err.retry_after_ms == nil and err.request_id == "upstream-7" and err.attempts == 1)
      ]])
    end)

    it("reports names that no model serves, and upstreams that it can't reach", function()
      run(nil, { models = { { id = NOVA, serves = { "chat" } } } }, [[
        local mux = open { endpoint = "http://127.0.0.1:9" }
        local _, err = mux:converse(hello { model = "other" })
        assert(err.status == 404 and err.name == "ResourceNotFoundException" and err.message:find("chat", 1, true))
        assert(err.code == "NO_MODELS_AVAILABLE" and err.attempts == 0 and err.model == nil)
        _, err = mux:converse(hello { model = "chat" })
        assert(err.type == "network" and err.status == 503 and err.code == "RETRIES_EXHAUSTED", tostring(err))
      ]])
    end)

    it("reports missing credentials", function()
      local _, log = run(scene:emulator(), ONE, [[
        settings.credentials = nil
        local _, err = open():converse(hello())
        assert(err.type == "authentication" and err.retryable == false, tostring(err))
      ]])
      assert.is_nil(log:find(signalbox.SECRET, 1, true))
    end)

    it("refuses responses that are no JSON object", function()
      local upstream = scene:upstream([[
        local bodies = { "no JSON", "[1]", "17", '{"a":' .. ("["):rep(70) .. ("]"):rep(70) .. "}" }
        answer:json(200, bodies[number])
      ]])
      run(upstream, ONE, [[
        local mux = open()
        for _ = 1, 4 do
          local response, err = mux:converse(hello())
          assert(response == nil and err.name == "InvalidAnswer" and err.type == "unknown", tostring(err))
        end
      ]])
    end)

    it("sends a body and headers unchanged", function()
      local upstream = scene:upstream([[answer:json(200, "raw bytes")]])
      run(upstream, ONE, [[
        local mux = open()
        local response = assert(mux:invoke { model = "us.amazon.nova-2-lite-v1:0", body = '{ "exact":  1.50 }',
          content_type = "application/x-own", accept = "text/plain" })
        assert(response.body == "raw bytes" and response.data == nil and response.signalbox.attempts == 1)
        assert(response.content_type == "application/json")
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

    it("decodes the body of InvokeModel if it is JSON", function()
      run(scene:emulator(), ONE, [[
        local response = assert(open():invoke { model = "us.amazon.nova-2-lite-v1:0", body = hello() })
        assert(response.body:find "^{" and response.data.output.message.role == "assistant")
      ]])
    end)

    it("bounds request bodies", function()
      local emulator = scene:emulator()
      run(emulator, ONE, [[
        local mux = open { limits = { body_bytes = 1024 } }
        local large = { { role = "user", content = { { text = ("x"):rep(2000) } } } }
        local response, err = mux:converse { messages = large }
        assert(response == nil and err.type == "validation" and err.status == 413 and err.attempts == 0)
        assert(mux:converse(hello()))
      ]])
      assert.equal(1, emulator.requests().total.received)
    end)

    it("does not count the time between calls", function()
      run(scene:emulator(), ONE, [[
        local mux = open()
        assert(mux:converse(hello()))
        local work = os.clock()
        repeat until os.clock() - work > 2
        assert(mux:converse(hello()).signalbox.latency_ms < 2000)
      ]])
    end)

    it("replaces an idle connection that the upstream has closed", function()
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

  describe("as a guest", function()
    it("reports all mistakes of its settings at once, and no secret", function()
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

    it("reports mistakes in a policy", function()
      local path = scene:write("bad.lua", "return { models = { { id = 'x', weight = -1 } }, max_retris = 2 }")
      local out = run(nil, nil, ("print(select(2, signalbox.new { policy = %q }))"):format(path))
      assert.is_truthy(out:find("models[1].weight", 1, true), out)
      assert.is_truthy(out:find("max_retries", 1, true), out)
    end)

    it("raises misuse, and names the place", function()
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

    it("ends cleanly with everything open, sets no globals, and can be loaded again", function()
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
      local status, out, log = process.run({ "lua5.4", scene:write("example.lua", path), emulator.url },
        module.environment)
      assert(status == 0, log)
      assert.is_truthy(out:find("-- 2 served, 0 failed, healthy: true", 1, true), out)
    end)
  end)
end)
