-- SPDX-License-Identifier: Apache-2.0
-- A gateway with few descriptors: clients don't take those of upstreams, and what the gateway lacks is no failure of a
-- model's.
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"

local NOVA = signalbox.NOVA
local BREAKER = { failure_threshold = 1 }

-- So many clients, connected and with the start of a request, so that none is idle.
local function connect(port, count)
  local request, clients = http.format(signalbox.call("chat", "converse")), {}
  for index = 1, count do
    clients[index] = http.connect(port)
    clients[index]:send(request:sub(1, 5))
  end
  return clients, request:sub(6)
end

describe("a limit of descriptors", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  it("leaves some for upstreams, however many clients hold connections", function()
    local gateway = scene:gateway(scene:emulator(), { descriptors = 80, settings = { workers = 1 },
      policy = { breaker = BREAKER, models = { { id = NOVA } } } })
    local warning = gateway.entries("the limit of descriptors (ulimit -n) is too low for limits.connections")[1]
    assert.same({ 10000, 80, 20 }, { warning.connections, warning.descriptors, warning.kept_back })
    -- The kernel accepts those for whom the gateway has no descriptor, so each can send.
    local clients, rest = connect(gateway.port, 100)
    clients[1]:send(rest)
    local response = clients[1]:read_response()
    for _, client in ipairs(clients) do client:close() end
    assert.equal(200, response and response.status)
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
  end)

  it("is no failure of the model that can't be reached for it", function()
    local emulator = scene:emulator()
    emulator.control(NOVA, { fault = "hang" })
    local gateway = scene:gateway(emulator, { descriptors = 200, settings = { workers = 1 },
      policy = { breaker = BREAKER, models = { { id = NOVA }, { id = signalbox.CLAUDE, fallback = true } } } })
    local began = os.time()
    local clients, rest = connect(gateway.port, 110)
    process.wait_for("the clients to be accepted", function() return gateway:descriptors() >= 120 end)
    for _, client in ipairs(clients) do client:send(rest) end
    -- Upstreams get what 110 clients and the gateway itself leave of 200 descriptors.
    for _, entry in ipairs(gateway.access(20)) do assert.equal(429, entry.status) end
    local warnings = #gateway.entries("an upstream can't be connected to")
    assert.is_true(warnings >= 1 and warnings <= os.time() - began + 2)
    local response
    for _, client in ipairs(clients) do
      if not response and socket.select({ client.tcp }, nil, 0)[1] then response = client:read_response() end
    end
    assert.same({ 429, "ThrottlingException", "1" },
      { response.status, response.headers["x-amzn-errortype"], response.headers["retry-after"] })
    assert.matches("short of system resources", response.body, 1, true)
    -- The admin listener goes on all the while.
    local _, breakers = gateway.admin("/breakers")
    assert.same({ "closed", "closed" }, { breakers[NOVA].state, breakers[signalbox.CLAUDE].state })
    local _, stats = gateway.admin("/stats")
    assert.same({ 0, 0 }, { stats.models[NOVA].fail_fast, stats.models[signalbox.CLAUDE].cancelled })
    for _, client in ipairs(clients) do client:close() end
    emulator.reset()
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
  end)

  it("that doesn't suffice is refused at start, with both numbers", function()
    local path = scene:write("settings.lua", [[return { listen = "127.0.0.1:0", admin = "127.0.0.1:0", workers = 2,
      limits = { connections = 500 } }]])
    local child = scene:start({ "serve", "--config", path }, { descriptors = 40,
      environment = { AWS_BEARER_TOKEN_BEDROCK = "any" } })
    child.has_no_good_end = true
    assert.equal(1, child:wait())
    local expected = "limits.connections: expected more descriptors for 2 workers and 500 connections, " ..
      "found a limit of 40 (ulimit -n)"
    assert.matches(expected, child:log(), 1, true)
  end)
end)
