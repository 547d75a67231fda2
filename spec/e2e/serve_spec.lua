-- SPDX-License-Identifier: Apache-2.0
-- The gateway as a process: starting (or refusing to, with every reason), logging, draining, several workers.
local eventstream = require "spec.support.eventstream"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA = signalbox.NOVA

local function lines_of(text)
  local count = 0
  for _ in text:gmatch("[^\n]+") do count = count + 1 end
  return count
end

describe("serve", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  it("logs one line a request, without content", function()
    local gateway = scene:gateway(scene:upstream([[
      if request.target:find("stream", 1, true) then
        answer:stream_head()
        for _, event in ipairs(eventstream.conversation("hello")) do answer:chunk(event) end
        answer:stream_end()
      else
        answer:json(200, '{"text":"an answer that nobody may read"}')
      end]]))
    local response = gateway.request(signalbox.call("chat", "converse"))
    local streamed = gateway.request(signalbox.call("chat", "converse-stream"))
    gateway.request({ path = "/nothing" })
    local lines = gateway.access(3)
    assert.equal(3, #lines)
    assert.equal(response.headers["x-amzn-requestid"], lines[1].request_id)
    assert.equal("Converse", lines[1].operation)
    assert.equal("ConverseStream", lines[2].operation)
    assert.equal(NOVA, lines[1].model)
    assert.equal(1, lines[1].attempts)
    assert.equal("success", lines[1].outcome)
    assert.equal(200, lines[1].status)
    assert.equal(404, lines[3].status)
    assert.equal(#response.body, lines[1].bytes_out)
    assert.equal(#streamed.body, lines[2].bytes_out)
    assert.is_nil(gateway:log():find("nobody may read", 1, true))
    assert.is_number(lines[1].milliseconds)
    assert.is_string(lines[1].client)
    assert.is_string(lines[1].time)
  end)

  it("warns of a settings file that others may read, and of a policy that they may write or replace", function()
    local folder = scene.folder .. "/files"
    assert(os.execute("mkdir " .. folder))
    process.write(folder .. "/policy.lua", 'return { models = { { id = "a" } } }')
    process.write(folder .. "/settings.lua", ([[return { listen = "127.0.0.1:0", admin = "127.0.0.1:0",
      policy = "%s/policy.lua", log = { format = "json" }, credentials = { bearer_token = "any" } }]]):format(folder))
    local function warnings(settings_mode, policy_mode, folder_mode)
      assert(os.execute(("cd %s && chmod %s settings.lua && chmod %s policy.lua && chmod %s ."):format(folder,
        settings_mode, policy_mode, folder_mode)))
      local gateway = scene:start { "serve", "--config", folder .. "/settings.lua", "--core-dumps" }
      signalbox.find_listeners(gateway)
      local found = {}
      for message in gateway:log():gmatch('"level":"warn","message":"([^"]+)"') do found[#found + 1] = message end
      scene:stop(gateway)
      return found
    end
    assert.same({}, warnings("600", "644", "755"))
    assert.same({}, warnings("600", "600", "1777"))
    assert.same({ "others may read the settings file, which holds credentials" }, warnings("644", "644", "755"))
    assert.same({ "others may write the policy", "others may replace the policy: they may write its folder" },
      warnings("600", "666", "777"))
  end)

  it("logs whom a request waited for whose client left", function()
    local emulator = scene:emulator({ seed = 1, models = { [NOVA] = { faults = { { fault = "hang" } } } } })
    local gateway = scene:gateway(emulator)
    local client = http.connect(gateway.port)
    client:send(http.format(signalbox.call(NOVA, "converse")))
    process.wait_for("the attempt", function() return emulator.requests().total.received == 1 end)
    client:close()
    local line = process.wait_for("its line", function() return gateway.access()[1] end)
    assert.same({ NOVA, 1, "cancelled", 499 }, { line.model, line.attempts, line.outcome, line.status })
  end)

  it("finishes what is in flight when it is told to stop", function()
    local gateway = scene:gateway(scene:emulator({ seed = 1, models = { ["*"] = {
      ttft_ms = { p50 = 5, p99 = 6 }, tokens_per_second = { p50 = 200, p99 = 190 } } } }))
    local client = http.connect(gateway.port)
    client:send(http.format(signalbox.call(NOVA, "converse-stream")))
    local response = client:read_head()
    assert.equal(200, response.status)
    gateway:signal("TERM")
    process.wait_for("the listener to close", function()
      local late = http.connect(gateway.port)
      if late then late:close() end
      return not late
    end)
    client:read_chunks(response)
    assert.is_true(response.complete)
    local names = eventstream.names((eventstream.decode(response.body)))
    assert.equal("metadata", names[#names])
    assert.equal(0, gateway:wait())
    gateway.stopped = true
  end)

  it("cuts off what outlasts drain_ms, and still ends well", function()
    local gateway = scene:gateway(scene:upstream("answer:hang()"), { settings = { timeouts = { drain_ms = 200 } } })
    local client = http.connect(gateway.port)
    client:send(http.format(signalbox.call(NOVA, "converse")))
    process.wait_for("the request to be under way", function()
      return http.request(gateway.admin_port, { path = "/health" })
    end)
    gateway:signal("TERM")
    assert.equal(0, gateway:wait())
    gateway.stopped = true
    client:close()
  end)

  it("ends at once when idle, by SIGINT too", function()
    local gateway = scene:gateway(scene:emulator())
    gateway:signal("INT")
    assert.equal(0, gateway:wait())
    gateway.stopped = true
  end)

  it("shares its listener and its breakers between workers", function()
    local emulator = scene:emulator({ seed = 2, models = { ["*"] = signalbox.PROMPT } })
    local gateway = scene:gateway(emulator, { arguments = { "--workers", "2" } })
    local good = 0
    http.load(gateway.port, { count = 400, connections = 16,
      make = function(index) return signalbox.call("chat", index % 3 == 0 and "converse-stream" or "converse") end,
      on_response = function(_, response) if response and response.status == 200 then good = good + 1 end end })
    assert.equal(400, good)
    local _, stats = gateway.admin("/stats")
    assert.equal(400, stats.total.success)
  end)

  it("says in one line that its port is in use, and exits 1", function()
    local gateway = scene:gateway(scene:emulator())
    local policy = scene:write("p.lua", "return " .. signalbox.literal { models = { { id = NOVA } } })
    for _, flag in ipairs { "--listen", "--admin" } do
      local other = flag == "--listen" and "--admin" or "--listen"
      local status, _, log = signalbox.run({ "serve", "--policy", policy, flag,
        "127.0.0.1:" .. (flag == "--listen" and gateway.port or gateway.admin_port), other, "127.0.0.1:0" })
      assert.equal(1, status)
      assert.matches("in use", log)
    end
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
  end)

  it("refuses an endpoint that is its own listener", function()
    local gateway = scene:gateway(scene:emulator())
    local port = gateway.port
    scene:stop(gateway)
    local status, _, log = signalbox.run { "serve", "--listen", "127.0.0.1:" .. port, "--admin", "127.0.0.1:0",
      "--endpoint", "http://127.0.0.1:" .. port }
    assert.equal(2, status)
    assert.matches("--endpoint: expected another server than this one", log, 1, true)
    assert.is_true(lines_of(log) <= 2, log)
  end)

  it("listens on several addresses, unix sockets too", function()
    local path = scene.folder .. "/door"
    local gateway = scene:gateway(scene:emulator(), { settings = { listen = { "127.0.0.1:0", "unix:" .. path } } })
    assert.equal(200, gateway.request(signalbox.call("chat", "converse")).status)
    local status, out = process.run { "curl", "-sS", "-m", "20", "--unix-socket", path, "-o", "/dev/null", "-w",
      "%{http_code}", "-d", signalbox.converse_body(), "http://localhost" .. signalbox.path("chat", "converse") }
    assert.equal(0, status)
    assert.equal("200", out)
    scene:stop(gateway)
    assert.is_nil((io.open(path)), "the socket's file is gone")
  end)

  it("logs text where it is asked to", function()
    local gateway = scene:gateway(scene:emulator(), { arguments = { "--log-format", "json" },
      settings = { log = { format = "text" } } })
    scene:stop(gateway)
    local child = scene:start { "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "text" }
    local listening = "info listening surface=data address=127%.0%.0%.1:%d+ scheme=http\n"
    assert.is_truthy(child:wait_for_log("%d+%-%d+%-%d+T%S+Z " .. listening))
    scene:stop(child)
  end)

  local settings = {
    { "an unknown key, naming the nearest", "{ lisen = '127.0.0.1:0' }", { "lisen", "listen" } },
    { "a wrong type", "{ workers = {} }", { "workers" } },
    { "a value out of range", "{ workers = 0 }", { "workers" } },
    { "every problem at once", "{ workers = 0, region = 5, limits = { body_bytes = 'x' }, timeouts = { nope = 1 } }",
      { "workers", "region", "body_bytes", "nope" } },
    { "what is no table", "5", { "settings" } },
    { "an address that is not loopback", "{ listen = '0.0.0.0:0' }", { "loopback" } },
    { "a plaintext endpoint elsewhere", "{ endpoint = 'http://198.51.100.1' }", { "endpoint" } },
  }
  for _, case in ipairs(settings) do
    it("refuses settings with " .. case[1], function()
      local path = scene:write("settings.lua", "return " .. case[2])
      local listen = not case[2]:find("listen") and { "--listen", "127.0.0.1:0" } or {}
      local status, _, log = signalbox.run { "serve", "--config", path, "--admin", "127.0.0.1:0", table.unpack(listen) }
      assert.equal(1, status, log)
      for _, word in ipairs(case[3]) do assert.matches(word, log, 1, true) end
    end)
  end

  local policies = {
    { "without models", "return {}", { "models" } },
    { "with a syntax error", "return {\n  models = = 5,\n}", { "policy.lua:2", "=" } },
    { "that errs", "error('on purpose')", { "on purpose" } },
    { "that never ends", "while true do end", { "instruction" } },
    { "with every problem at once", "return { modles = {}, models = { { id = '' }, { id = 'a', weight = -1 }, " ..
      "{ id = 'b', name = 'a' } }, max_retries = 99 }", { "modles", "id", "weight", "max_retries" } },
    { "with nothing but fallbacks", "return { models = { { id = 'a', fallback = true } } }", { "fallback" } },
    { "that reaches for the system", "return { models = { { id = os.getenv('HOME') } } }", { "getenv" } },
  }
  for _, case in ipairs(policies) do
    it("refuses a policy " .. case[1], function()
      local path = scene:write("policy.lua", case[2])
      local status, _, log = signalbox.run { "serve", "--policy", path, "--listen", "127.0.0.1:0", "--admin",
        "127.0.0.1:0" }
      assert.equal(1, status, log)
      for _, word in ipairs(case[3]) do assert.matches(word, log, 1, true) end
      assert.matches("policy.lua", log, 1, true)
    end)
  end

  it("says which file is missing", function()
    for _, flag in ipairs { "--policy", "--config" } do
      local status, _, log = signalbox.run { "serve", flag, scene.folder .. "/absent.lua", "--listen", "127.0.0.1:0",
        "--admin", "127.0.0.1:0" }
      assert.equal(1, status)
      assert.matches("absent.lua", log, 1, true)
      assert.is_true(lines_of(log) <= 2, log)
    end
  end)

  it("refuses an https:// proxy of the environment, without a word of its password", function()
    local status, _, log = signalbox.run({ "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0" },
      { HTTPS_PROXY = "https://user:hunter2@proxy.test" })
    assert.equal(1, status, log)
    assert.matches("proxy", log, 1, true)
    assert.not_matches("hunter2", log, 1, true)
  end)

  it("refuses half a key pair of the environment by name", function()
    local pair = { AWS_ACCESS_KEY_ID = "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY = "not-a-secret" }
    for name, value in pairs(pair) do
      local serve = { "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0" }
      for _, arguments in ipairs { serve, { "ask", "hi" } } do
        local status, _, log = signalbox.run(arguments, { [name] = value })
        assert.equal(1, status, log)
        for either in pairs(pair) do assert.matches("environment: .*" .. either, log) end
        assert.equal(1, lines_of(log), log)
        assert.not_matches(value, log, 1, true)
      end
    end
  end)

  it("runs without arguments, with the policy that is built in", function()
    local child = scene:start({ "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0" },
      { directory = scene.folder })
    child:wait_for_log("listening.-listening")
    scene:stop(child)
  end)
end)
