-- SPDX-License-Identifier: Apache-2.0
-- The five operations through the gateway: requests reach the model byte for byte, signed, without the client's own
-- credentials and headers; responses come back byte for byte, with the gateway's headers.
local cjson = require "cjson"
local eventstream = require "spec.support.eventstream"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

-- Odd spacing, an escape and bytes beyond ASCII, which a parser in between would rewrite.
local BODY = '{ "messages" : [ {"role":"user","content":[{"text":"Gr\\u00fc\195\159e  \226\130\172"}]} ] ,"x":1.0 }\n'
local RESPONSE = '{"output" :{"message":{"role":"assistant","content":[{"text":"\\u00e9\195\169"}]}},\n ' ..
  '"stopReason":"end_turn", "usage":{"inputTokens":3,"outputTokens":5,"totalTokens":8},"metrics":{"latencyMs":12}}  '
local STREAM = table.concat(eventstream.conversation("hello"))
local CHUNKS = eventstream.event("chunk", '{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9zdGFydCJ9"}') ..
  eventstream.event("chunk", '{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0="}')

local UPSTREAM = [[
  local name = request.target:match("[^/]*$")
  local extra = "x-amzn-RequestId: upstream-id\r\nX-Amzn-Bedrock-Input-Token-Count: 3\r\nConnection: keep-alive\r\n"
  if name == "converse-stream" or name == "invoke-with-response-stream" then
    answer:stream_head(extra)
    local all = name == "converse-stream" and ]] .. ("%q"):format(STREAM) .. [[ or ]] .. ("%q"):format(CHUNKS) .. [[

    for at = 1, #all, 37 do answer:chunk(all:sub(at, at + 36)) end
    answer:stream_end()
  else
    answer:json(200, ]] .. ("%q"):format(RESPONSE) .. [[, extra)
  end
]]

local CALLS = {
  { operation = "converse", response = RESPONSE },
  { operation = "converse-stream", response = STREAM },
  { operation = "invoke", response = RESPONSE },
  { operation = "invoke-with-response-stream", response = CHUNKS },
  { operation = "count-tokens", response = RESPONSE },
}

describe("operations", function()
  local scene, upstream, gateway

  setup(function()
    scene = signalbox.scene()
    upstream = scene:upstream(UPSTREAM)
    gateway = scene:gateway(upstream)
  end)

  teardown(function() scene:close() end)

  for _, call in ipairs(CALLS) do
    it(call.operation .. " passes both bodies byte for byte", function()
      local before = #upstream.recorded()
      local response = gateway.request(signalbox.call(signalbox.NOVA, call.operation, BODY))
      assert.equal(200, response.status)
      assert.is_true(response.complete)
      assert.equal(call.response, response.body)
      local seen = upstream.recorded()
      assert.equal(before + 1, #seen)
      assert.equal(BODY, seen[#seen].body)
      assert.equal(signalbox.path(signalbox.NOVA, call.operation), seen[#seen].target)
    end)

    it(call.operation .. " has the gateway's response headers and the upstream's", function()
      local headers = gateway.request(signalbox.call(signalbox.NOVA, call.operation, BODY)).headers
      assert.equal("upstream-id", headers["x-amzn-requestid"])
      assert.equal(signalbox.NOVA, headers["x-signalbox-model"])
      assert.equal("1", headers["x-signalbox-attempts"])
      assert.equal("3", headers["x-amzn-bedrock-input-token-count"])
      assert.is_nil(headers["x-signalbox-error"])
    end)
  end

  it("send only the listed headers of the client upstream", function()
    gateway.request(signalbox.call(signalbox.NOVA, "invoke", BODY, {
      Accept = "application/json", ["X-Amzn-Bedrock-Trace"] = "ENABLED", ["X-Amzn-Trace-Id"] = "Root=1-2-3",
      traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Cookie = "secret=1",
      ["X-Amz-Security-Token"] = "client-token", ["X-Internal"] = "no", ["Content-Encoding"] = "identity",
    }))
    local seen = upstream.recorded()
    local headers = seen[#seen].headers
    assert.equal("application/json", headers["content-type"])
    assert.equal("application/json", headers.accept)
    assert.equal("ENABLED", headers["x-amzn-bedrock-trace"])
    assert.equal("Root=1-2-3", headers["x-amzn-trace-id"])
    assert.equal("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", headers.traceparent)
    assert.is_nil(headers.cookie)
    assert.is_nil(headers["x-amz-security-token"])
    assert.is_nil(headers["x-internal"])
    assert.matches("^AWS4%-HMAC%-SHA256 Credential=AKIDEXAMPLE/%d+/us%-east%-1/bedrock/aws4_request, ",
      headers.authorization)
  end)

  it("take model ids escaped, unescaped and as ARNs", function()
    local arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/" .. signalbox.NOVA
    local other = signalbox.scene()
    local elsewhere = other:upstream(UPSTREAM)
    local by_arn = other:gateway(elsewhere, { policy = { models = { { id = arn } } } })
    for _, path in ipairs { signalbox.path(arn, "converse"), "/model/" .. arn .. "/converse" } do
      assert.equal(200, by_arn.request({ path = path, body = BODY }).status)
    end
    for _, seen in ipairs(elsewhere.recorded()) do assert.equal(signalbox.path(arn, "converse"), seen.target) end
    assert.equal(2, #elsewhere.recorded())
    assert.equal(200, gateway.request({ path = "/model/" .. signalbox.NOVA .. "/converse", body = BODY }).status)
    other:close()
  end)

  it("pass broken JSON on unchanged", function()
    local broken = '{"messages": [ oops'
    assert.equal(200, gateway.request(signalbox.call(signalbox.NOVA, "converse", broken)).status)
    local seen = upstream.recorded()
    assert.equal(broken, seen[#seen].body)
  end)

  it("pass a body of a megabyte both ways", function()
    local big = '{"text":"' .. ("0123456789abcdef"):rep(65536) .. '"}'
    local wide = signalbox.scene()
    local echo = wide:upstream('answer:json(200, request.body)')
    local through = wide:gateway(echo)
    local response = through.request(signalbox.call(signalbox.NOVA, "converse", big))
    assert.equal(200, response.status)
    assert.is_true(response.body == big)
    wide:close()
  end)

  it("work with curl", function()
    local status, out = process.run({ "curl", "-sS", "-m", "20", "-H", "Content-Type: application/json", "-d",
      signalbox.converse_body("from curl"), ("http://127.0.0.1:%d%s"):format(gateway.port,
        signalbox.path(signalbox.NOVA, "converse")) })
    assert.equal(0, status)
    assert.equal(RESPONSE, out)
  end)
end)

describe("the emulator behind the gateway", function()
  local scene, gateway

  setup(function()
    scene = signalbox.scene()
    gateway = scene:gateway(scene:emulator(), { policy = { models = {
      { id = signalbox.NOVA }, { id = signalbox.CLAUDE },
    } } })
  end)

  teardown(function() scene:close() end)

  it("gives each operation its own kind of response", function()
    local converse = cjson.decode(gateway.request(signalbox.call(signalbox.NOVA, "converse")).body)
    assert.equal("assistant", converse.output.message.role)
    assert.equal("end_turn", converse.stopReason)
    assert.is_true(converse.usage.inputTokens > 0 and converse.usage.outputTokens > 0)

    local streamed = gateway.request(signalbox.call(signalbox.NOVA, "converse-stream"))
    local frames, rest = eventstream.decode(streamed.body)
    local names = eventstream.names(frames)
    assert.equal("", rest)
    assert.equal("messageStart", names[1])
    assert.equal("messageStop", names[#names - 1])
    assert.equal("metadata", names[#names])

    local body = '{"anthropic_version":"bedrock-2023-05-31","max_tokens":64,' ..
      '"messages":[{"role":"user","content":"Hi"}]}'
    local invoked = gateway.request(signalbox.call(signalbox.CLAUDE, "invoke", body))
    assert.equal("message", cjson.decode(invoked.body).type)
    local chunks = gateway.request(signalbox.call(signalbox.CLAUDE, "invoke-with-response-stream", body))
    for _, frame in ipairs((eventstream.decode(chunks.body))) do
      assert.equal("chunk", frame.headers[":event-type"])
      assert.is_string(cjson.decode(frame.payload).bytes)
    end
    local counted = gateway.request(signalbox.call(signalbox.NOVA, "count-tokens",
      '{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hello there"}]}]}}}'))
    assert.is_true(cjson.decode(counted.body).inputTokens > 0)
  end)
end)
