-- SPDX-License-Identifier: Apache-2.0
-- HTTP/2 and TLS, by curl: the responses are those of HTTP/1.1, certificates can change while requests run, and clients
-- that leave and gateways that drain end only their own requests.
local curl = require "spec.support.curl"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local transports = require "spec.support.transports"

local NOVA = signalbox.NOVA

-- curl cannot send a head larger than the default limit.
local LIMITS = { limits = { header_bytes = 4096 } }

-- An upstream with the same response for every request.
local STEADY = [[
  if request.target:find("stream", 1, true) then
    answer:stream_head()
    for _, event in ipairs(eventstream.conversation("hello")) do answer:chunk(event) end
    answer:stream_end()
  else
    answer:json(200, '{"body":"' .. request.body:gsub("[^%w]", "") .. '"}')
  end]]

-- Starts a curl that reads a stream, over `way` (see transports.open).
local function start_reading(scene, way, more)
  local body = scene:write("body", signalbox.converse_body())
  local words = { "curl", "--silent", "--no-buffer", "--http2-prior-knowledge", "--data-binary", "@" .. body,
    ("%s://127.0.0.1:%d%s"):format(way.scheme, way.port, signalbox.path("chat", "converse-stream")) }
  for _, word in ipairs(more or {}) do table.insert(words, 2, word) end
  local child = process.start(words, { folder = scene.folder })
  child.has_no_good_end = true
  table.insert(scene.children, 1, child)
  return child
end

describe("HTTP/2 and TLS", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  it("give the responses of HTTP/1.1", function()
    local upstream = scene:upstream(STEADY)
    local requests = {
      signalbox.call("chat", "converse"), signalbox.call("chat", "converse-stream"),
      signalbox.call("chat", "converse", signalbox.converse_body(("x"):rep(300000))),
      { method = "GET", path = "/health" }, { method = "GET", path = "/nothing" },
      signalbox.call("chat", "converse", nil, { ["X-Much"] = ("v"):rep(5000) }),
      signalbox.call("chat", "converse", nil, { Origin = "http://elsewhere.example" }),
    }
    local expected
    for _, transport in ipairs(transports.list) do
      local gateway = scene:gateway(upstream, { settings = transports.settings(transport, scene, LIMITS) })
      local way = transports.open(transport, scene, gateway)
      local found = {}
      for index, response in ipairs(curl.load(way, requests, 1)) do
        assert.equal(curl.spoken(transport), response.version, transport.title)
        assert.is_true(response.complete, transport.title)
        found[index] = { response.status, response.body, response.headers["content-type"],
          response.headers["x-amzn-errortype"], response.headers["x-signalbox-attempts"] }
      end
      assert.same({ 200, 200, 200, 200, 404, 431, 403 },
        { found[1][1], found[2][1], found[3][1], found[4][1], found[5][1], found[6][1], found[7][1] }, transport.title)
      expected = expected or found
      assert.same(expected, found, transport.title)
      process.wait_for("a line a request", function() return #gateway.access() == #requests end)
      for _, line in ipairs(gateway.access()) do assert.is_string(line.outcome) end
    end
  end)

  it("carry many streams at once over one connection", function()
    local certificate = transports.certificate(scene.folder)
    local emulator = scene:emulator { seed = 1, models = { ["*"] = { ttft_ms = { p50 = 100, p99 = 120 },
      tokens_per_second = { p50 = 2000, p99 = 1000 } } } }
    local gateway = scene:gateway(emulator, { settings = { tls = certificate } })
    local way = { version = "http2-tls", authority = certificate.cert, scheme = "https", port = gateway.port }
    local requests = {}
    for i = 1, 200 do requests[i] = signalbox.call("chat", "converse-stream") end
    for _, response in ipairs(curl.load(way, requests, 200)) do
      assert.equal(200, response.status)
      assert.is_true(response.complete)
      assert.is_truthy(response.body:find("messageStop", 1, true))
    end
  end)

  it("read the certificate again at SIGHUP, and keep the old one if that fails", function()
    local certificate = transports.certificate(scene.folder)
    local gateway = scene:gateway(scene:emulator(), { settings = { tls = certificate, workers = 2 } })
    local function health(authority)
      local way = { version = "http2-tls", authority = authority, scheme = "https", port = gateway.port }
      return curl.load(way, { { method = "GET", path = "/health" } })[1].status
    end
    local first = process.write(scene.folder .. "/first.pem", process.contents(certificate.cert))
    assert.equal(200, health(first))
    transports.certificate(scene.folder)
    assert.equal(200, health(first))
    gateway:signal("HUP")
    gateway:wait_for_log("certificate read again")
    assert.equal(0, health(first))
    assert.equal(200, health(certificate.cert))
    local second = process.write(scene.folder .. "/second.pem", process.contents(certificate.cert))
    process.write(certificate.cert, "no certificate")
    gateway:signal("HUP")
    assert.is_truthy(gateway:wait_for_log('"the certificate stays as it was"[^\n]*no certificate in PEM form'))
    assert.equal(200, health(second))
    -- Nobody writes into the pipe: who waits for it waits for ever.
    os.remove(certificate.key)
    assert(os.execute("mkfifo " .. certificate.key))
    process.write(certificate.cert, process.contents(second))
    gateway:signal("HUP")
    assert.is_truthy(gateway:wait_for_log('"the certificate stays as it was"[^\n]*expected a regular file'))
    assert.equal(200, health(second))
  end)

  it("refuse to start without a certificate that loads", function()
    local certificate = transports.certificate(scene.folder)
    local pipe = scene.folder .. "/pipe"
    assert(os.execute("mkfifo " .. pipe))
    for settings, expected in pairs {
      [signalbox.literal { cert = pipe, key = certificate.key }] = "tls: " .. pipe .. ": expected a regular file",
      ['{ cert = "/nowhere/cert.pem", key = "/nowhere/key.pem" }'] = "tls: /nowhere/cert.pem: No such file",
      [signalbox.literal { cert = certificate.cert, key = certificate.cert }] = "cert.pem: no private key in PEM form",
      [signalbox.literal { cert = certificate.cert }] = "tls: expected both cert and key, found no key",
    } do
      local file = scene:write("settings.lua", ('return { listen = "127.0.0.1:0", admin = "127.0.0.1:0", tls = %s }')
        :format(settings))
      local status, _, log = signalbox.run { "serve", "--config", file }
      assert.equal(1, status)
      assert.is_truthy(log:find(expected, 1, true), log)
    end
  end)

  it("reach models whose certificate is trusted, and no others", function()
    local certificate = transports.certificate(scene.folder)
    local emulator = scene:emulator(nil, nil, { tls = certificate })
    local trusting = scene:gateway(emulator, { environment = { SSL_CERT_FILE = certificate.cert } })
    for _, operation in ipairs { "converse", "converse-stream" } do
      local response = trusting.request(signalbox.call("chat", operation))
      assert.same({ 200, true }, { response.status, response.complete })
    end
    assert.equal(2, emulator.requests().total.received)
    local pipe = scene.folder .. "/pipe"
    assert(os.execute("mkfifo " .. pipe))
    local misled = scene:gateway(emulator, { environment = { SSL_CERT_FILE = pipe } })
    assert.equal(503, misled.request(signalbox.call("chat", "converse")).status)
    assert.is_truthy(misled:wait_for_log("trusted certificates could not be read[^\n]*expected a regular file"))
    local wary = scene:gateway(emulator)
    local response = wary.request(signalbox.call("chat", "converse"))
    assert.same({ 503, "ServiceUnavailableException" }, { response.status, response.headers["x-amzn-errortype"] })
    assert.matches("the server's certificate was not accepted", wary:log(), 1, true)
    assert.equal(2, emulator.requests().total.received)
  end)

  it("cancel the upstream's request when a client leaves", function()
    local upstream = scene:upstream([[
      answer:stream_head()
      local events = eventstream.conversation("hello")
      for i = 1, #events - 1 do answer:chunk(events[i]) end
      answer:hang()]])
    local gateway = scene:gateway(upstream)
    local child = start_reading(scene, { scheme = "http", port = gateway.port })
    process.wait_for("some of the stream", function()
      return process.contents(child.out_path):find("contentBlockDelta", 1, true)
    end)
    scene:kill(child)
    process.wait_for("the attempt to be counted as cancelled", function()
      local _, stats = gateway.admin("/stats")
      return stats.models[NOVA].cancelled == 1
    end)
  end)

  it("finish streams while the gateway drains", function()
    local emulator = scene:emulator {
      seed = 1, models = { ["*"] = { ttft_ms = { p50 = 1, p99 = 2 }, tokens_per_second = { p50 = 300, p99 = 299 } } },
    }
    local gateway = scene:gateway(emulator)
    local child = start_reading(scene, { scheme = "http", port = gateway.port })
    process.wait_for("some of the stream", function()
      return process.contents(child.out_path):find("contentBlockDelta", 1, true)
    end)
    scene:stop(gateway)
    assert.equal(0, child:wait())
    assert.is_truthy(process.contents(child.out_path):find("messageStop", 1, true))
  end)

  it("carry the emulator's faults alike over every transport", function()
    local certificate = transports.certificate(scene.folder)
    local requests = { signalbox.call(NOVA, "converse"), signalbox.call(NOVA, "converse-stream") }
    local expected = { ThrottlingException = { 429, 429 }, garbage = { 200, 200 }, html = { 502, 502 },
      corrupt = { 200, 200 }, silent_end = { 200, 200 }, reset = {}, truncate = {}, close_early = {},
      lying_length = {} }
    for _, transport in ipairs(transports.list) do
      local emulator = scene:emulator(nil, nil, { tls = transport.is_tls and certificate })
      local way = { version = transport.version, authority = certificate.cert, port = emulator.port,
        scheme = transport.is_tls and "https" or "http" }
      for fault, statuses in pairs(expected) do
        emulator.control(NOVA, { fault = fault })
        local found = {}
        for index, response in ipairs(curl.load(way, requests, 1)) do
          found[index] = response.complete and response.status or nil
        end
        assert.same(statuses, found, fault .. " over " .. transport.title)
      end
    end
  end)

  it("are served by the emulator too", function()
    local certificate = transports.certificate(scene.folder)
    local child = scene:start { "emulate", "--listen", "127.0.0.1:0", "--speed", "100", "--tls-cert", certificate.cert,
      "--tls-key", certificate.key }
    local port = tonumber(child:wait_for_log("https://127%.0%.0%.1:(%d+)"))
    for _, version in ipairs { "http1-tls", "http2-tls" } do
      local way = { version = version, authority = certificate.cert, scheme = "https", port = port }
      for _, response in ipairs(curl.load(way, { signalbox.call(NOVA, "converse"),
        signalbox.call(NOVA, "converse-stream") }, 1)) do
        assert.equal(200, response.status)
        assert.is_true(response.complete)
        assert.equal(curl.spoken(way), response.version)
      end
    end
    local status, _, log = signalbox.run { "emulate", "--listen", "127.0.0.1:0", "--tls-cert", certificate.cert }
    assert.same({ 2, true }, { status, log:find("--tls-cert and --tls-key belong together", 1, true) ~= nil })
    status, _, log = signalbox.run { "emulate", "--listen", "127.0.0.1:0", "--tls-cert", "/nowhere", "--tls-key", "/" }
    assert.same({ 1, true }, { status, log:find("/nowhere: No such file or directory", 1, true) ~= nil })
  end)
end)
