-- SPDX-License-Identifier: Apache-2.0
-- Restarts on a socket that another process holds, as a service manager does: while clients send and streams run, no
-- request is refused or lost. SIGNALBOX_RESTARTS sets the number of restarts (10).
local eventstream = require "spec.support.eventstream"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"

local NOVA = signalbox.NOVA
local RESTARTS = tonumber(os.getenv("SIGNALBOX_RESTARTS") or 10)

describe("restarting", function()
  local scene, listener, port, emulator

  before_each(function()
    scene = signalbox.scene()
    listener = assert(socket.bind("127.0.0.1", 0, 1024))
    port = select(2, listener:getsockname())
    emulator = scene:emulator({ seed = 3, models = { ["*"] = { ttft_ms = { p50 = 5, p99 = 20 },
      tokens_per_second = { p50 = 2000, p99 = 1000 } } } })
  end)
  after_each(function()
    listener:close()
    scene:close()
  end)

  -- Starts a gateway with the listener as its descriptor 3. `more` overrides the settings.
  local function generation(more, variables, descriptors)
    local number = #scene.children
    local settings = { admin = "127.0.0.1:0", endpoint = emulator.url, log = { format = "json" },
      policy = scene:write(("policy-%d.lua"):format(number), "return " ..
        signalbox.literal { models = { { id = NOVA } } }),
      credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = signalbox.SECRET } }
    for key, value in pairs(more or {}) do settings[key] = value end
    local path = scene:write(("settings-%d.lua"):format(number), "return " .. signalbox.literal(settings))
    local child = process.start({ "bash", "-c",
      ('export LISTEN_PID=$$ %s; exec "$@" 12<&%d %s 3<&12 12<&-'):format(variables or "LISTEN_FDS=1",
        listener:getfd(), descriptors or ""), "bash", signalbox.program, "serve", "--config", path, "--core-dumps" },
      { folder = scene.folder, environment = { AWS_REGION = false, AWS_ENDPOINT_URL = false } })
    table.insert(scene.children, 1, child)
    return child
  end

  local function is_ready(child)
    assert(not child:status(), child:log())
    return child:log():find('"surface":"admin"', 1, true) ~= nil
  end

  it(("refuses and loses nothing over %d generations under load"):format(RESTARTS), function()
    local current, successor = generation(), nil
    process.wait_for("the first generation", function() return is_ready(current) end)
    local restarts, wrong, answered, former = 0, {}, 0, {}
    local load
    load = {
      count = math.huge, connections = 16,
      make = function(index) return signalbox.call(NOVA, index % 4 == 0 and "converse-stream" or "converse") end,
      on_response = function(index, response, problem)
        answered = answered + 1
        if not response or response.status ~= 200 or not response.complete then
          wrong[#wrong + 1] = ("%d: %s"):format(index, response and response.status or problem or "broken")
        elseif index % 4 == 0 then
          local names = eventstream.names((eventstream.decode(response.body)))
          if names[#names] ~= "metadata" then wrong[#wrong + 1] = index .. ": a stream without its end" end
        end
        if restarts == RESTARTS then
          load.count = 0
        elseif not successor then
          successor = generation()
        elseif is_ready(successor) then
          current:signal("TERM")
          former[#former + 1], current, successor = current, successor, nil
          restarts = restarts + 1
        end
      end,
    }
    http.load(port, load)
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(answered >= RESTARTS)
    for _, child in ipairs(former) do
      assert.equal(0, child:wait())
      child.stopped = true
    end
  end)

  it("lets streams end in the generation that began them", function()
    -- Streams begin at once and end when the file appears.
    local go = scene.folder .. "/go"
    local upstream = scene:upstream(([[
      if not request.target:find("stream", 1, true) then return answer:json(200, '{"inputTokens":1}') end
      local socket = require "socket"
      local events = eventstream.conversation("hello")
      answer:stream_head()
      for index = 1, 2 do answer:chunk(events[index]) end
      while not io.open(%q) do
        socket.sleep(0.001)
        coroutine.yield(answer.tcp, "write")
      end
      for index = 3, #events do answer:chunk(events[index]) end
      answer:stream_end()
    ]]):format(go))
    local endpoint = { endpoint = upstream.url }
    local first = generation(endpoint)
    process.wait_for("the first generation", function() return is_ready(first) end)
    local clients = {}
    for index = 1, 8 do
      clients[index] = http.connect(port)
      clients[index]:send(http.format(signalbox.call(NOVA, "converse-stream")))
    end
    local heads = {}
    for index, client in ipairs(clients) do heads[index] = client:read_head() end
    local second = generation(endpoint)
    process.wait_for("the second generation", function() return is_ready(second) end)
    first:signal("TERM")
    process.wait_for("the drain", function() return first:log():find("draining", 1, true) end)
    assert.equal(200, http.request(port, signalbox.call(NOVA, "count-tokens", signalbox.converse_body())).status)
    process.write(go, "")
    for index, client in ipairs(clients) do
      client:read_chunks(heads[index])
      assert.is_true(heads[index].complete)
      local names = eventstream.names((eventstream.decode(heads[index].body)))
      assert.equal("metadata", names[#names])
      client:close()
    end
    assert.equal(0, first:wait())
    first.stopped = true
  end)

  it("leaves an inherited admin listener to the next generation", function()
    local admin = assert(socket.bind("127.0.0.1", 0, 64))
    local admin_port = select(2, admin:getsockname())
    local function both()
      return generation(nil, "LISTEN_FDS=2 LISTEN_FDNAMES=data:admin", ("13<&%d 4<&13 13<&-"):format(admin:getfd()))
    end
    local first = both()
    process.wait_for("the first generation", function() return is_ready(first) end)
    emulator.control(NOVA, { fault = "hang" })
    local client = http.connect(port)
    client:send(http.format(signalbox.call(NOVA, "converse")))
    process.wait_for("the request", function() return emulator.requests().total.received > 0 end)
    local second = both()
    process.wait_for("the second generation", function() return is_ready(second) end)
    first:signal("TERM")
    process.wait_for("the drain", function() return first:log():find("draining", 1, true) end)
    for _ = 1, 20 do assert.equal(200, http.request(admin_port, { path = "/health" }).status) end
    client.tcp:shutdown("both") -- the second generation has inherited the descriptor, so closing it would not suffice
    client:close()
    assert.equal(0, first:wait())
    first.stopped = true
    admin:close()
  end)

  it("shares one inherited socket among its workers", function()
    local gateway = generation { workers = 2 }
    process.wait_for("the gateway", function() return is_ready(gateway) end)
    assert.matches('"surface":"data","address":"127.0.0.1:' .. port .. '"', gateway:log(), 1, true)
    local good = 0
    local short = signalbox.converse_body("Hello", { inferenceConfig = { maxTokens = 5 } })
    http.load(port, { count = 200, connections = 16,
      make = function() return signalbox.call(NOVA, "converse", short) end,
      on_response = function(_, response) good = good + (response and response.status == 200 and 1 or 0) end })
    assert.equal(200, good)
  end)

  it("refuses an inherited descriptor that is no listener", function()
    local status, _, log = process.run { "bash", "-c",
      'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3</dev/null', "bash", signalbox.program, "serve", "--admin",
      "127.0.0.1:0" }
    assert.equal(1, status)
    assert.matches("LISTEN_FDS[1]: descriptor 3 is no stream socket that listens", log, 1, true)
  end)
end)
