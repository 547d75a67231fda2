-- SPDX-License-Identifier: Apache-2.0
-- The data listener's responses to paths, methods and malformed HTTP. Each mistake gets one error, in a form that SDKs
-- can read, and affects no other request.
local cjson = require "cjson"
local curl = require "spec.support.curl"
local http = require "spec.support.http"
local signalbox = require "spec.support.signalbox"

local OK = "POST /model/chat/converse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"

-- The bytes to send, and the expected status.
local MALFORMED = {
  { "no HTTP at all", "hello\r\n\r\n", 400 },
  { "a bare LF", "POST /model/chat/converse HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}", 400 },
  { "no Host", "POST /model/chat/converse HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 400 },
  { "two Hosts", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 2\r\n\r\n{}", 400 },
  { "a space before the colon", "POST /model/chat/converse HTTP/1.1\r\nHost : x\r\nContent-Length: 2\r\n\r\n{}", 400 },
  { "a folded header", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
    400 },
  { "two lengths", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    400 },
  { "a length that is no number", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n{}",
    400 },
  { "a negative length", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400 },
  { "a length and chunks", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" ..
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
  { "chunked twice", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" ..
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
  { "a bad chunk", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400 },
  { "an unknown coding", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n", 501 },
  { "an unknown version", "POST /model/chat/converse HTTP/3.0\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 505 },
  { "an unknown expectation", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n" ..
    "Content-Length: 2\r\n\r\n{}", 417 },
  { "a length beyond 64 bits", "POST /model/chat/converse HTTP/1.1\r\nHost: x\r\n" ..
    "Content-Length: 99999999999999999999999\r\n\r\n", { [400] = true, [413] = true } },
}

local NOT_SERVED = {
  { "GET", "/" }, { "GET", "/model" }, { "POST", "/model/chat" }, { "POST", "/model/chat/unheard-of" },
  { "GET", "/model/chat/converse" }, { "PUT", "/model/chat/converse" }, { "DELETE", "/model/chat/invoke" },
  { "POST", "/health" }, { "GET", "/stats" }, { "GET", "/breakers" }, { "POST", "/breakers/chat/reset" },
  { "POST", "/model/chat/converse/" }, { "POST", "/models/chat/converse" }, { "GET", "/../etc/passwd" },
}

local BAD_IDS = { "", "%", "%zz", "%00", "a%0d%0ab", "%C3%A9", ("x"):rep(2049) }

describe("the data listener", function()
  local scene, gateway

  setup(function()
    scene = signalbox.scene()
    gateway = scene:gateway(scene:upstream("answer:json(200, request.body)"))
  end)

  teardown(function() scene:close() end)

  -- After each test the next client is served.
  after_each(function() assert.equal(200, http.raw(gateway.port, OK).status) end)

  for _, case in ipairs(MALFORMED) do
    it("refuses " .. case[1], function()
      local response = http.raw(gateway.port, case[2])
      assert.is_truthy(response, "no response")
      if type(case[3]) == "table" then
        assert.is_true(case[3][response.status], tostring(response.status))
      else
        assert.equal(case[3], response.status)
      end
      assert.is_string(response.headers["x-amzn-errortype"])
      assert.is_string(response.headers["x-amzn-requestid"])
      assert.is_string(cjson.decode(response.body).message)
    end)
  end

  for _, case in ipairs(NOT_SERVED) do
    it(("responds to %s %s with UnknownOperationException"):format(case[1], case[2]), function()
      local response = gateway.request({ method = case[1], path = case[2], body = case[1] ~= "GET" and "{}" or nil })
      assert.equal(404, response.status)
      assert.equal("UnknownOperationException", response.headers["x-amzn-errortype"])
      assert.is_string(cjson.decode(response.body).message)
    end)
  end

  for _, id in ipairs(BAD_IDS) do
    it(("refuses the model id %q"):format(id:sub(1, 20)), function()
      local response = gateway.request({ method = "POST", path = "/model/" .. id .. "/converse", body = "{}" })
      assert.is_true(response.status == 400 or response.status == 404, tostring(response.status))
      assert.is_string(cjson.decode(response.body).message)
    end)
  end

  it("names a refused operation", function()
    local response = gateway.request({ path = "/model/chat/invoke-with-bidirectional-stream", body = "{}" })
    assert.is_true(response.status >= 400)
    assert.matches("[Bb]idirectional", response.body)
  end)

  it("serves pipelined requests in order", function()
    local client = http.connect(gateway.port)
    local bytes = {}
    for number = 1, 5 do
      local body = ('{"n":%d}'):format(number)
      bytes[number] = http.format({ path = "/model/chat/converse", body = body })
    end
    client:send(table.concat(bytes))
    for number = 1, 5 do assert.equal(('{"n":%d}'):format(number), client:read_response().body) end
    client:close()
  end)

  it("takes the host of an absolute target over the Host header (RFC 9112, 3.2.2)", function()
    local own = "127.0.0.1:" .. gateway.port
    local function ask(target_host, origin)
      local head = "POST http://%s/model/chat/converse HTTP/1.1\r\nHost: other\r\n%sContent-Length: 2\r\n\r\n{}"
      return http.raw(gateway.port, head:format(target_host, origin and "Origin: http://" .. origin .. "\r\n" or ""))
    end
    assert.equal(200, ask("localhost:1").status)
    assert.equal(403, ask("example.com").status)
    assert.equal(200, ask(own, own).status)
    assert.equal(403, ask("other", own).status)
  end)

  it("takes a request byte by byte and in chunks", function()
    local client = http.connect(gateway.port)
    local bytes = "POST /model/chat/converse HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" ..
      "3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n"
    for at = 1, #bytes do client:send(bytes:sub(at, at)) end
    assert.equal('{"a":1}', client:read_response().body)
    client:close()
  end)

  it("sends 100 to a client that waits for it", function()
    local client = http.connect(gateway.port)
    client:send("POST /model/chat/converse HTTP/1.1\r\nHost: localhost\r\n" ..
      "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert.equal("HTTP/1.1 100 Continue", client:read_line())
    assert.equal("", client:read_line())
    client:send("{}")
    assert.equal(200, client:read_response().status)
    client:close()
  end)

  it("keeps or closes the connection as the client asks", function()
    local client = http.connect(gateway.port)
    for _ = 1, 3 do
      client:send(OK)
      assert.equal(200, client:read_response().status)
    end
    client:send((OK:gsub("Host: localhost", "Host: localhost\r\nConnection: close")))
    assert.equal(200, client:read_response().status)
    assert.is_nil((client:receive()))
    client:close()
  end)

  it("responds to /health", function()
    assert.equal(200, gateway.request({ path = "/health" }).status)
  end)

  it("refuses pages whose name points at this machine, GETs too, over both protocols", function()
    local before = #gateway.access()
    for _, path in ipairs { "/health", "/async-invoke" } do
      for _, port in ipairs { gateway.port, gateway.admin_port } do
        local response = http.request(port, { path = path, headers = { Host = "evil.example:8080" } })
        assert.equal(403, response.status)
        assert.matches("allowed_hosts", cjson.decode(response.body).message, 1, true)
        assert.equal(403, http.request(port, { path = path, headers = { ["Sec-Fetch-Site"] = "cross-site" } }).status)
      end
    end
    for _, version in ipairs { "http1", "http2" } do
      local way = { version = version, scheme = "http", port = gateway.port }
      local responses = curl.load(way, {
        { path = "/async-invoke", headers = { Host = "evil.example" } },
        { path = "/health", headers = { ["Sec-Fetch-Site"] = "same-site" } },
        { path = "/health", headers = { ["Sec-Fetch-Site"] = "none" } },
      }, 1)
      assert.same({ 403, 403, 200 }, { responses[1].status, responses[2].status, responses[3].status })
    end
    assert.equal(before + 10, #gateway.access(before + 10))
  end)

  it("takes the names of allowed_hosts", function()
    local named = scene:gateway(nil, { settings = { allowed_hosts = { "gateway.example" } } })
    for _, port in ipairs { named.port, named.admin_port } do
      assert.equal(200, http.request(port, { path = "/health", headers = { Host = "Gateway.example:80" } }).status)
      assert.equal(403, http.request(port, { path = "/health", headers = { Host = "other.example" } }).status)
    end
  end)

  it("refuses pages of foreign origins", function()
    local response = gateway.request(signalbox.call("chat", "converse", "{}", { Origin = "http://evil.example" }))
    assert.equal(403, response.status)
    assert.equal(403, http.request(gateway.admin_port, { path = "/stats",
      headers = { Origin = "http://evil.example" } }).status)
  end)

  it("gives each response its own id", function()
    local seen = {}
    for _ = 1, 20 do
      local id = gateway.request(signalbox.call("chat", "converse")).headers["x-amzn-requestid"]
      assert.matches("^%x+%-%x+%-%x+%-%x+%-%x+$", id)
      assert.is_nil(seen[id])
      seen[id] = true
    end
  end)
end)
