-- SPDX-License-Identifier: Apache-2.0
-- Errors: the status, exception and headers of each way in which a request can fail.
local cjson = require "cjson"
local http = require "spec.support.http"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE

-- Checks what every error response has, and returns its message.
local function check_error(response, status, exception)
  assert.equal(status, response.status, response.body)
  assert.equal(exception, (response.headers["x-amzn-errortype"] or ""):match("^[^:]*"))
  assert.is_string(response.headers["x-amzn-requestid"])
  assert.matches("^application/json", response.headers["content-type"])
  local message = cjson.decode(response.body).message
  assert.is_string(message)
  return message
end

local function check_retry_after(response, from_ms, to_ms)
  local wait_ms = tonumber(response.headers["x-amz-retry-after"])
  assert.is_truthy(wait_ms, "no x-amz-retry-after")
  assert.is_true(wait_ms >= from_ms and wait_ms <= to_ms, "x-amz-retry-after: " .. wait_ms)
  assert.equal(math.ceil(wait_ms / 1000), tonumber(response.headers["retry-after"]))
end

local function refusing(status, name, message, headers)
  return ([[answer:json(%d, '{"message":"%s"}', "x-amzn-ErrorType: %s:http://internal.amazon.com/coral/\r\n%s")]])
    :format(status, message, name, headers or "")
end

describe("a request that fails", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function single(script, more)
    local policy = { models = { { id = NOVA, serves = { "chat" } } } }
    for key, value in pairs(more or {}) do policy[key] = value end
    return scene:gateway(scene:upstream(script), { policy = policy })
  end

  local passed_on = {
    { 400, "ValidationException", "Malformed input request", "chat" },
    { 413, "RequestEntityTooLargeException", "too large", "chat" },
    { 429, "ThrottlingException", "Too many requests", "chat", "RETRIES_EXHAUSTED" },
    { 429, "ModelNotReadyException", "not ready", "chat", "RETRIES_EXHAUSTED" },
    { 424, "ModelErrorException", "model failed", "chat", "RETRIES_EXHAUSTED" },
    { 408, "ModelTimeoutException", "too long", "chat", "RETRIES_EXHAUSTED" },
    { 403, "AccessDeniedException", "not allowed", "chat", "RETRIES_EXHAUSTED" },
    { 404, "ResourceNotFoundException", "no such model", "chat", "RETRIES_EXHAUSTED" },
    { 500, "InternalServerException", "internal", "chat", "RETRIES_EXHAUSTED" },
    { 503, "ServiceUnavailableException", "away", "chat", "RETRIES_EXHAUSTED" },
  }
  for _, row in ipairs(passed_on) do
    local status, name, message, asked, code = table.unpack(row)
    it(("gets the upstream's own %d %s"):format(status, name), function()
      local gateway = single(refusing(status, name, message, "x-amzn-RequestId: theirs\\r\\n"))
      local response = gateway.request(signalbox.call(asked, "converse"))
      assert.equal(message, check_error(response, status, name))
      assert.equal("theirs", response.headers["x-amzn-requestid"])
      assert.equal(NOVA, response.headers["x-signalbox-model"])
      assert.equal("1", response.headers["x-signalbox-attempts"])
      assert.equal(code, response.headers["x-signalbox-error"])
      if status == 429 or status >= 500 then
        check_retry_after(response, 1, 60000)
      else
        assert.is_nil(response.headers["x-amz-retry-after"])
      end
    end)
  end

  it("gets the upstream's own retry-after", function()
    local gateway = single(refusing(429, "ThrottlingException", "later", "x-amz-retry-after: 4200\\r\\n"))
    check_retry_after(gateway.request(signalbox.call("chat", "converse")), 4200, 4200)
  end)

  it("gets the last upstream error when all models fail", function()
    local upstream = scene:upstream([[
      local is_nova = request.target:find("nova", 1, true)
      answer:json(is_nova and 429 or 503, is_nova and '{"message":"first"}' or '{"message":"last"}',
        "x-amzn-ErrorType: " .. (is_nova and "ThrottlingException" or "ServiceUnavailableException") .. "\r\n")
    ]])
    local models = { { id = NOVA }, { id = CLAUDE, fallback = true } }
    local gateway = scene:gateway(upstream, { policy = { models = models } })
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal("last", check_error(response, 503, "ServiceUnavailableException"))
    assert.equal("2", response.headers["x-signalbox-attempts"])
    assert.equal(CLAUDE, response.headers["x-signalbox-model"])
  end)

  it("gets 404 with the served names when no model serves the requested name", function()
    local gateway = single("answer:json(200, '{}')")
    local response = gateway.request(signalbox.call("unheard-of", "converse"))
    local message = check_error(response, 404, "ResourceNotFoundException")
    assert.matches("chat", message)
    assert.equal("NO_MODELS_AVAILABLE", response.headers["x-signalbox-error"])
    assert.is_nil(response.headers["x-signalbox-model"])
    assert.equal("0", response.headers["x-signalbox-attempts"])
  end)

  it("gets 429 while select chooses none", function()
    local gateway = scene:gateway(scene:upstream("answer:json(200, '{}')"), { policy =
      ("return { models = { { id = %q } }, select = function() return nil end }"):format(NOVA) })
    local response = gateway.request(signalbox.call("chat", "converse"))
    check_error(response, 429, "ThrottlingException")
    check_retry_after(response, 5000, 5000)
    assert.equal("NO_MODELS_AVAILABLE", response.headers["x-signalbox-error"])
  end)

  it("gets 429 until the breaker's recovery time", function()
    local gateway = single(refusing(503, "ServiceUnavailableException", "away"), {
      breaker = { failure_threshold = 2, recovery_time_ms = 30000 } })
    for _ = 1, 2 do
      check_error(gateway.request(signalbox.call("chat", "converse")), 503, "ServiceUnavailableException")
    end
    local response = gateway.request(signalbox.call("chat", "converse"))
    check_error(response, 429, "ThrottlingException")
    check_retry_after(response, 20000, 30000)
    assert.equal("NO_MODELS_AVAILABLE", response.headers["x-signalbox-error"])
    assert.equal("0", response.headers["x-signalbox-attempts"])
  end)

  local network = {
    { "a reset", "answer:reset()" },
    { "an early close", "answer:close()" },
    { "a truncated body", [[answer:send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") answer:close()]] },
    { "garbage", [[answer:send("\0\1\2garbage\r\n\r\n") answer:close()]] },
    { "two lengths", [[
      answer:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}") answer:hang()]] },
    { "a bad chunk", [[
      answer:send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n") answer:close()]] },
  }
  for _, row in ipairs(network) do
    it("gets 503 for " .. row[1], function()
      local response = single(row[2]).request(signalbox.call("chat", "converse"))
      check_error(response, 503, "ServiceUnavailableException")
      check_retry_after(response, 1, 60000)
      assert.equal("RETRIES_EXHAUSTED", response.headers["x-signalbox-error"])
      assert.equal(NOVA, response.headers["x-signalbox-model"])
    end)
  end

  it("gets 503 when nothing listens at the endpoint", function()
    local gone = scene:upstream("")
    scene:kill(gone)
    local gateway = scene:gateway(gone)
    check_error(gateway.request(signalbox.call("chat", "converse")), 503, "ServiceUnavailableException")
  end)

  it("gets the status of an HTML page with an exception that SDKs know", function()
    local gateway = single([[
      answer:send("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n" ..
        "x-amzn-RequestId: from-upstream\r\nContent-Length: 20\r\n\r\n")
      answer:send("<html>no good</html>")]])
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(502, response.status)
    assert.is_string(response.headers["x-amzn-errortype"])
    assert.equal("1", response.headers["x-signalbox-attempts"])
    assert.equal("from-upstream", response.headers["x-amzn-requestid"])
    assert.is_string(cjson.decode(response.body).message)
  end)

  it("gets 408 for a timeout", function()
    local gateway = single("answer:hang()", { timeout_ms = 1000 })
    local response = gateway.request(signalbox.call("chat", "converse"))
    check_error(response, 408, "ModelTimeoutException")
    assert.equal("RETRIES_EXHAUSTED", response.headers["x-signalbox-error"])
  end)

  it("gets 500 without credentials; the reason is in the log only", function()
    local upstream = scene:upstream("answer:json(200, '{}')")
    local gateway = scene:gateway(upstream, { settings = { credentials = false } })
    local response = gateway.request(signalbox.call("chat", "converse"))
    local message = check_error(response, 500, "InternalServerException")
    assert.is_nil(message:lower():find("credential", 1, true))
    assert.matches("[Cc]redentials", gateway:log())
    assert.equal(0, #upstream.recorded())
  end)

  it("gets 413 for a body beyond the limit, 431 for a head beyond it", function()
    local gateway = scene:gateway(scene:upstream("answer:json(200, '{}')"), {
      settings = { limits = { body_bytes = 4096, header_bytes = 4096 } } })
    local big = gateway.request(signalbox.call("chat", "converse", ("x"):rep(5000)))
    assert.equal(413, big.status)
    assert.is_string(cjson.decode(big.body).message)
    local head = gateway.request(signalbox.call("chat", "converse", "{}", { ["X-Long"] = ("x"):rep(8000) }))
    assert.equal(431, head.status)
    assert.is_string(cjson.decode(head.body).message)
    assert.equal(200, gateway.request(signalbox.call("chat", "converse", "{}")).status)
  end)

  it("gets 408 when its head or body is too slow", function()
    local gateway = scene:gateway(scene:upstream("answer:json(200, '{}')"), {
      settings = { timeouts = { header_ms = 1000, body_ms = 1000 } } })
    local head, body = http.connect(gateway.port), http.connect(gateway.port)
    head:send("POST /model/chat/converse HTTP/1.1\r\nHost: localhost\r\n")
    body:send("POST /model/chat/converse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc")
    for _, client in ipairs { head, body } do
      assert.equal(408, client:read_response().status)
      client:close()
    end
  end)

  it("gets 508 in a loop", function()
    local gateway = scene:gateway(scene:upstream("answer:json(200, '{}')"))
    local upstream_sees = scene:upstream("answer:json(200, request.headers['x-signalbox-hop'] or 'none')")
    local first = scene:gateway(upstream_sees)
    local hop = first.request(signalbox.call("chat", "converse")).body
    assert.not_equal("none", hop)
    assert.equal(508, first.request(signalbox.call("chat", "converse", "{}", { ["x-signalbox-hop"] = hop })).status)
    assert.equal(200, gateway.request(signalbox.call("chat", "converse", "{}", { ["x-signalbox-hop"] = hop })).status)
  end)
end)
