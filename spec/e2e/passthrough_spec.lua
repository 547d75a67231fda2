-- SPDX-License-Identifier: Apache-2.0
-- Calls without a model: signed, sent once to the endpoint of the settings, and passed through unchanged. And requests
-- that pass through several gateways.
local http = require "spec.support.http"
local signalbox = require "spec.support.signalbox"

local KEYS = { "--access-key", "AKIDEXAMPLE", "--secret-key-env", "EMULATOR_SECRET" }
local ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aasync-invoke%2Fabc"

local CALLS = {
  { "POST", "/guardrail/gr-1/version/DRAFT/apply", '{"source":"INPUT","content":[]}' },
  { "POST", "/guardrail/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aguardrail%2Fg/version/1/apply", '{"source":"OUTPUT"}' },
  { "POST", "/guardrail-checks/invoke", '{"checks":[]}' },
  { "POST", "/async-invoke", '{"modelId":"amazon.nova-reel-v1:1"}' },
  { "GET", "/async-invoke" },
  { "GET", "/async-invoke?statusEquals=InProgress&maxResults=3" },
  -- A query out of order, with needed and needless escapes, an empty value, no value, and a repeated name.
  { "GET", "/async-invoke?z=1&a=b%20c&A=%7Etilde&sort=a%2Fb%3D&nextToken=x+y%2B%2f==&empty=&flag&a=a" },
  { "GET", "/async-invoke/" .. ARN },
}

describe("a call without a model", function()
  local scene, upstream, gateway, verified, wrong_secret

  setup(function()
    scene = signalbox.scene()
    upstream = scene:upstream([[
      if request.body:find("refused", 1, true) then
        answer:json(429, '{"message":"slow down"}', "x-amzn-ErrorType: ThrottlingException\r\n")
      else
        answer:json(200, '{"seen":true}', "x-amzn-requestid: upstream-id\r\n")
      end]])
    gateway = scene:gateway(upstream)
    local emulator = scene:emulator(nil, KEYS, { environment = { EMULATOR_SECRET = signalbox.SECRET } })
    verified = scene:gateway(emulator)
    wrong_secret = scene:gateway(emulator, {
      settings = { credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "another" } } })
  end)
  teardown(function() scene:close() end)

  for _, call in ipairs(CALLS) do
    it(("passes %s %s"):format(call[1], call[2]), function()
      local before = #upstream.recorded()
      local response = gateway.request({ method = call[1], path = call[2], body = call[3],
        headers = { Authorization = "AWS4-HMAC-SHA256 Credential=client", ["Content-Type"] = "application/json" } })
      assert.equal(200, response.status)
      assert.equal('{"seen":true}', response.body)
      assert.equal("upstream-id", response.headers["x-amzn-requestid"])
      assert.equal("1", response.headers["x-signalbox-attempts"])
      assert.is_nil(response.headers["x-signalbox-model"])
      local seen = upstream.recorded()
      assert.equal(before + 1, #seen)
      assert.equal(call[1], seen[#seen].method)
      assert.equal(call[2], seen[#seen].target)
      assert.equal(call[3] or "", seen[#seen].body)
      assert.matches("^AWS4%-HMAC%-SHA256 Credential=AKIDEXAMPLE/", seen[#seen].headers.authorization)
    end)

    it(("signs %s %s so that the service accepts it"):format(call[1], call[2]), function()
      local response = verified.request({ method = call[1], path = call[2], body = call[3] })
      assert.equal(404, response.status)
      assert.matches("The emulator has no such operation", response.body, 1, true)
      assert.equal(403, wrong_secret.request({ method = call[1], path = call[2], body = call[3] }).status)
    end)
  end

  it("passes errors on unchanged, after one attempt, and they count at no model", function()
    local before = #upstream.recorded()
    local response = gateway.request({ path = "/guardrail-checks/invoke", body = '{"a":"refused"}' })
    assert.equal(429, response.status)
    assert.equal('{"message":"slow down"}', response.body)
    assert.equal("ThrottlingException", response.headers["x-amzn-errortype"])
    assert.equal(before + 1, #upstream.recorded())
    local _, stats = gateway.admin("/stats")
    assert.equal(0, stats.total.rate_limit)
  end)

  it("gets 503 when the endpoint can't be reached", function()
    local gone = scene:upstream("answer:hang()")
    local alone = scene:gateway(gone)
    scene:kill(gone)
    local response = alone.request({ path = "/async-invoke", body = "{}" })
    assert.equal(503, response.status)
    assert.is_string(response.headers["x-amz-retry-after"])
  end)
end)

describe("a chain of gateways", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  -- A gateway as another one's endpoint.
  local function behind(gateway)
    return { url = "http://127.0.0.1:" .. gateway.port }
  end

  it("adds one hop each, and keeps trace headers", function()
    local upstream = scene:upstream("answer:json(200, request.headers['x-signalbox-hop'])")
    local inner = scene:gateway(upstream)
    local outer = scene:gateway(behind(inner))
    local trace = { traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate = "a=b",
      ["X-Amzn-Trace-Id"] = "Root=1-2-3", ["x-signalbox-hop"] = "another, one" }
    local response = outer.request(signalbox.call("chat", "converse", "{}", trace))
    assert.equal(200, response.status)
    local first, second = response.body:match("^another, one, (%x+), (%x+)$")
    assert.is_truthy(first, response.body)
    assert.not_equal(first, second)
    local seen = upstream.recorded()[1].headers
    assert.equal(trace.traceparent, seen.traceparent)
    assert.equal(trace.tracestate, seen.tracestate)
    assert.equal("Root=1-2-3", seen["x-amzn-trace-id"])
  end)

  it("that forms a loop ends with 508 after one round", function()
    -- Two gateways, each the other's endpoint: the first one points at a port on which the second is then started.
    local port = scene:gateway(scene:emulator()).port
    scene:stop(scene.children[1])
    local first = scene:gateway(nil, { settings = { endpoint = "http://127.0.0.1:" .. port },
      policy = { models = { { id = signalbox.NOVA } }, max_retries = 0 } })
    local second = scene:gateway(behind(first), { settings = { listen = "127.0.0.1:" .. port },
      policy = { models = { { id = signalbox.NOVA } }, max_retries = 0 } })
    local response = first.request(signalbox.call(signalbox.NOVA, "converse"))
    assert.equal(508, response.status)
    assert.equal("LoopDetectedException", response.headers["x-amzn-errortype"])
    assert.equal(1, #second.access(1))
    assert.equal(2, #first.access(2))
  end)

  it("refuses at start a model whose endpoint is its own listener", function()
    local port = scene:gateway(scene:emulator()).port
    scene:stop(scene.children[1])
    local policy = scene:write("own.lua", "return " .. signalbox.literal {
      models = { { id = "a", endpoint = "http://127.0.0.1:" .. port } } })
    local status, _, log = signalbox.run { "serve", "--policy", policy, "--listen", "127.0.0.1:" .. port, "--admin",
      "127.0.0.1:0" }
    assert.equal(1, status)
    assert.matches("models[1].endpoint", log, 1, true)
  end)

  it("refuses at start a proxy that it can't use", function()
    local status, _, log = signalbox.run({ "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0" },
      { HTTPS_PROXY = "https://user:secret@proxy.example:3128" })
    assert.equal(1, status)
    assert.matches("https", log, 1, true)
    assert.not_matches("secret", log, 1, true)
    assert.equal(200, http.request(scene:gateway(scene:emulator()).port, { path = "/health" }).status)
  end)
end)
