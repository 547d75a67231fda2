-- SPDX-License-Identifier: Apache-2.0
-- Bounds on requests beside their models: the memory of all requests together, and the queue of requests that wait for
-- a model. And the addresses that listeners accept.
local cjson = require "cjson"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA = signalbox.NOVA
local MEBI = 1024 * 1024

describe("the memory of all requests", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local LIMITS = { limits = { memory_bytes = 2 * MEBI, body_bytes = MEBI, response_bytes = MEBI } }

  local function large(client)
    client:send(http.format(signalbox.call("chat", "converse", ("x"):rep(MEBI - 1000))))
  end

  it("is bounded: a request beyond it gets 429, and it is free again when requests have ended", function()
    local upstream = scene:upstream([[if number == 1 then answer:hang() else answer:json(200, "{}") end]])
    local gateway = scene:gateway(upstream, { settings = LIMITS })
    local holder, other = http.connect(gateway.port), http.connect(gateway.port)
    large(holder)
    process.wait_for("the request at the upstream", function() return #upstream.recorded() == 1 end)
    large(other)
    local response = other:read_response()
    assert.equal(429, response.status)
    assert.equal("ThrottlingException", response.headers["x-amzn-errortype"])
    assert.equal("2000", response.headers["x-amz-retry-after"])
    assert.is_string(cjson.decode(response.body).message)
    assert.equal(200, gateway.request({ path = "/health" }).status)
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
    other:close()
    holder:close()
    process.wait_for("memory", function()
      local again = http.connect(gateway.port)
      large(again)
      local status = again:read_response().status
      again:close()
      return status == 200
    end)
  end)

  it("has a share for each request, and a request over its share gets 429", function()
    local models = {}
    for index = 1, 11 do models[index] = { id = "model-" .. index } end
    -- Each model is asked at two service tiers. The first error bodies take nearly all of the request's memory, and
    -- each later one half of the rest.
    local upstream = scene:upstream([[
      local length = number <= 16 and 1000000 or 1 << (36 - number)
      answer:json(429, '{"message":"slow down"}' .. (" "):rep(length - 23),
        "x-amzn-errortype: ThrottlingException\r\n")]])
    local gateway = scene:gateway(upstream, { policy = { max_retries = 10, tier_escalation = "priority",
      models = models } })
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(429, response.status)
    assert.equal("ThrottlingException", response.headers["x-amzn-errortype"])
    assert.equal("2000", response.headers["x-amz-retry-after"])
    assert.matches("over its memory", cjson.decode(response.body).message, 1, true)
    assert.is_true(#upstream.recorded() > 16)
    assert.equal(200, gateway.request({ path = "/health" }).status)
  end)

  -- Three of them have room. Which upload is refused depends on how the system mixes their bytes.
  it("ends four uploads of 20 MB against 64 MiB with 200, or at once with 429", function()
    local upstream = scene:upstream([[answer:json(200, "{}")]])
    local gateway = scene:gateway(upstream, { settings = { limits = { memory_bytes = 64 * MEBI } } })
    local request = signalbox.call("chat", "converse", ("x"):rep(20000000))
    local answers = {}
    http.load(gateway.port, { count = 4, connections = 4, make = function() return request end,
      on_response = function(index, response) answers[index] = response or { status = 0 } end })
    local good = 0
    for index = 1, 4 do
      local response = answers[index]
      good = good + (response.status == 200 and 1 or 0)
      assert.is_true(response.status == 200 or response.status == 429, response.status)
      if response.status == 429 then assert.equal("2000", response.headers["x-amz-retry-after"]) end
    end
    assert.is_true(good >= 2, good)
    assert.equal(200, gateway.request(signalbox.call("chat", "converse", request.body)).status)
  end)

  it("is all free after requests that ended in different ways", function()
    local gateway = scene:gateway(scene:upstream([[
      if number % 4 == 0 then answer:reset()
      elseif number % 4 == 1 then answer:json(500, '{"message":"no"}')
      else answer:json(200, request.body) end]]), { settings = LIMITS,
        policy = { models = { { id = NOVA, breaker = { failure_threshold = 100 } } }, max_retries = 0 } })
    local answered = 0
    http.load(gateway.port, { count = 60, connections = 2,
      make = function(index) return signalbox.call("chat", "converse", ("y"):rep(index * 4000)) end,
      on_response = function(_, response) answered = answered + (response and 1 or 0) end })
    assert.equal(60, answered)
    scene:stop(gateway) -- a gateway that still holds memory aborts
  end)
end)

describe("requests that wait for a model", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  -- The first failure opens the breaker for a second; then the breaker admits one probe at a time.
  local FAILS_ONCE = [[
    if number == 1 then answer:json(503, '{"message":"no"}') else answer:json(200, request.body) end]]
  local POLICY = { max_wait_ms = 20000, max_retries = 0, models = {
    { id = NOVA, breaker = { failure_threshold = 1, recovery_time_ms = 1000, success_threshold = 20 } } } }

  it("are sent in the order of their arrival", function()
    local upstream = scene:upstream(FAILS_ONCE)
    local gateway = scene:gateway(upstream, { policy = POLICY })
    assert.equal(503, gateway.request(signalbox.call("chat", "converse")).status)
    local clients = {}
    for index = 1, 8 do
      clients[index] = http.connect(gateway.port)
      clients[index]:send(http.format(signalbox.call("chat", "converse", ('{"n":%d}'):format(index))))
      -- The gateway has read the request when it has responded on another connection.
      assert.is_truthy(gateway.request { path = "/health" })
    end
    for index, client in ipairs(clients) do
      assert.equal(('{"n":%d}'):format(index), client:read_response().body)
      client:close()
    end
    for index, request in ipairs(upstream.recorded()) do
      if index > 1 then assert.equal(('{"n":%d}'):format(index - 1), request.body) end
    end
  end)

  it("leave the queue when their clients leave", function()
    local upstream = scene:upstream(FAILS_ONCE)
    local gateway = scene:gateway(upstream, { policy = POLICY })
    assert.equal(503, gateway.request(signalbox.call("chat", "converse")).status)
    local gone, waits = http.connect(gateway.port), http.connect(gateway.port)
    gone:send(http.format(signalbox.call("chat", "converse", '{"n":1}')))
    waits:send(http.format(signalbox.call("chat", "converse", '{"n":2}')))
    gone:reset()
    assert.equal('{"n":2}', waits:read_response().body)
    assert.equal(2, #upstream.recorded())
    waits:close()
  end)

  it("get 429 when the gateway stops", function()
    local gateway = scene:gateway(scene:upstream(FAILS_ONCE),
      { policy = POLICY, settings = { timeouts = { drain_ms = 0 } } })
    assert.equal(503, gateway.request(signalbox.call("chat", "converse")).status)
    local waits = http.connect(gateway.port)
    waits:send(http.format(signalbox.call("chat", "converse", '{"n":1}')))
    gateway.request { path = "/health" }
    gateway:signal("TERM")
    local response = waits:read_response()
    assert.equal(429, response.status)
    assert.matches("shutting down", response.body, 1, true)
    assert.equal(0, gateway:wait())
    gateway.stopped = true
  end)
end)

describe("listeners", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  it("accept other machines only with allow_unauthenticated, and on the admin listener never", function()
    local gateway = scene:gateway(scene:emulator(), {
      settings = { listen = "0.0.0.0:0", allow_unauthenticated = true } })
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
    local path = scene:write("s.lua", "return { allow_unauthenticated = true, admin = '0.0.0.0:0' }")
    local status, _, log = signalbox.run { "serve", "--config", path, "--listen", "127.0.0.1:0" }
    assert.equal(1, status)
    assert.matches("admin", log, 1, true)
  end)

  it("respond to HEAD /health as to GET, without the body", function()
    local gateway = scene:gateway(scene:emulator())
    for _, port in ipairs { gateway.port, gateway.admin_port } do
      local client = http.connect(port)
      client:send(http.format { method = "HEAD", path = "/health" } .. http.format { path = "/health" })
      local head, whole = client:read_head(), client:read_response()
      assert.same({ 200, 200, '{"status":"healthy","code":200}' }, { head.status, whole.status, whole.body })
      assert.equal(whole.headers["content-length"], head.headers["content-length"])
      client:close()
    end
    local lines = gateway.access(2)
    assert.same({ 0, 31 }, { lines[1].bytes_out, lines[2].bytes_out })
  end)

  it("serve as many connections of a client as it may have, over all workers", function()
    local path = scene.folder .. "/socket"
    local gateway = scene:gateway(scene:emulator(), { arguments = { "--workers", "3" },
      settings = { listen = { "127.0.0.1:0", "unix:" .. path }, limits = { connections_per_client = 4 } } })
    local function health()
      local client = assert(http.connect(gateway.port))
      client:send(http.format { path = "/health" })
      local response = client:read_response()
      return client, response and response.status
    end
    local clients = {}
    for index = 1, 4 do
      local status
      clients[index], status = health()
      assert.equal(200, status)
    end
    for _ = 1, 6 do
      local client, status = health()
      assert.is_nil(status)
      client:close()
    end
    gateway:wait_for_log("a client has too many connections.-127%.0%.0%.1")
    assert.same({ 0, "200", "" }, { process.run { "curl", "-sS", "-m", "20", "--unix-socket", path, "-o", "/dev/null",
      "-w", "%{http_code}", "http://localhost/health" } })
    clients[1]:close()
    process.wait_for("a place", function()
      local client, status = health()
      client:close()
      return status == 200
    end)
    for index = 2, 4 do clients[index]:close() end
  end)

  it("on a Unix socket are shared by all workers", function()
    local path = scene.folder .. "/socket"
    local gateway = scene:gateway(scene:emulator(), { arguments = { "--workers", "3" },
      settings = { listen = { "127.0.0.1:0", "unix:" .. path } } })
    local statuses = {}
    for index = 1, 12 do
      local status, out = process.run { "curl", "-sS", "-m", "20", "--unix-socket", path, "-o", "/dev/null", "-w",
        "%{http_code}", "-d", signalbox.converse_body(), "http://localhost" .. signalbox.path("chat", "converse") }
      statuses[index] = status .. out
    end
    assert.equal(("0200"):rep(12), table.concat(statuses))
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
    scene:stop(gateway)
    assert.is_nil((io.open(path)), "the socket's file is still there")
  end)
end)
