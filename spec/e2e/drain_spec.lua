-- SPDX-License-Identifier: Apache-2.0
-- Draining, as clients see it: a gateway stops while it still has requests.
local cjson = require "cjson"
local eventstream = require "spec.support.eventstream"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

-- A stream that begins and then hangs; any other request hangs at once.
local HANGING = [[
  if request.target:find("stream", 1, true) then
    answer:stream_head()
    local events = eventstream.conversation("hello")
    answer:chunk(events[1])
    answer:chunk(events[2])
  end
  answer:hang()]]

describe("draining", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function wait_for_requests(upstream, count)
    process.wait_for(count .. " requests at the upstream", function() return #upstream.recorded() >= count end)
  end

  local function send(gateway, operation)
    local client = http.connect(gateway.port)
    client:send(http.format(signalbox.call("chat", operation)))
    return client
  end

  local function wait_for_end(gateway)
    assert.equal(0, gateway:wait())
    gateway.stopped = true
  end

  for _, way in ipairs { "drain_ms", "a second signal" } do
    it("ends requests that outlast it with an exception frame or a 429, by " .. way, function()
      local upstream = scene:upstream(HANGING)
      local gateway = scene:gateway(upstream, { settings = {
        timeouts = { drain_ms = way == "drain_ms" and 100 or 60000 } } })
      local unary, stream = send(gateway, "converse"), send(gateway, "converse-stream")
      local head = stream:read_head()
      wait_for_requests(upstream, 2)
      gateway:signal("TERM")
      if way ~= "drain_ms" then
        process.wait_for("the drain", function() return gateway:log():find("draining", 1, true) end)
        gateway:signal("TERM")
      end
      stream:read_chunks(head)
      assert.is_true(head.complete)
      local frames = eventstream.decode(head.body)
      local last = frames[#frames]
      assert.equal("modelStreamErrorException", last.headers[":exception-type"])
      assert.matches("shutting down", last.payload, 1, true)
      local response = unary:read_response()
      assert.equal(429, response.status)
      assert.equal("ThrottlingException", response.headers["x-amzn-errortype"])
      assert.equal("1000", response.headers["x-amz-retry-after"])
      assert.equal("close", response.headers.connection)
      assert.matches("shutting down", cjson.decode(response.body).message, 1, true)
      wait_for_end(gateway)
      unary:close()
      stream:close()
    end)
  end

  it("shows in /health on open connections, and serves their requests", function()
    local upstream = scene:upstream([[if number == 1 then answer:hang() else answer:json(200, "{}") end]])
    local gateway = scene:gateway(upstream)
    local open, busy = http.connect(gateway.port), send(gateway, "converse")
    local probe = http.connect(gateway.port)
    open:send(http.format { path = "/health" })
    assert.equal(200, open:read_response().status)
    wait_for_requests(upstream, 1)
    gateway:signal("TERM")
    process.wait_for("the drain", function() return gateway:log():find("draining", 1, true) end)
    probe:send(http.format { path = "/health" })
    open:send(http.format(signalbox.call("chat", "converse")))
    local health = probe:read_response()
    assert.equal(503, health.status)
    assert.equal("draining", cjson.decode(health.body).status)
    local response = open:read_response()
    assert.equal(200, response.status)
    assert.equal("close", response.headers.connection)
    for _, client in ipairs { open, busy, probe } do client:close() end
    wait_for_end(gateway)
  end)

  it("notifies the service manager when the gateway is ready and when it stops", function()
    local path = scene.folder .. "/notify"
    local manager = process.start({ "perl", "-MSocket", "-e", [[
      socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die; bind($s, pack_sockaddr_un($ARGV[0])) or die;
      print STDERR "bound\n";
      for (1 .. 2) { recv($s, my $text, 100, 0); print STDERR "received $text\n"; }]], path },
      { folder = scene.folder })
    manager:wait_for_log("(bound)")
    local gateway = scene:gateway(nil, { environment = { NOTIFY_SOCKET = path } })
    manager:wait_for_log("received (READY=1)\n")
    scene:stop(gateway)
    manager:wait_for_log("received (STOPPING=1)\n")
    assert.equal(0, manager:wait())
  end)
end)
