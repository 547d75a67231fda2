-- SPDX-License-Identifier: Apache-2.0
-- What the operator's own side can do to the loop: pools of thousands of models, a log that nobody reads, certificates
-- and policies that are pipes or far too large.
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"
local transports = require "spec.support.transports"

local MODELS, MOST_MODELS = 1000, 4096
local EACH = 8 -- latencies that are known of each of them

local function pool(count)
  local models = {}
  for number = 1, count do models[number] = { id = "m" .. number } end
  return models
end

-- Many requests, pipelined, so that each of the models has latencies.
local function fill_statistics(gateway)
  local call = http.format(signalbox.call("any", "converse"))
  for _ = 1, 10 do
    local clients = {}
    for index = 1, 20 do
      clients[index] = assert(http.connect(gateway.port))
      clients[index]:send(call:rep(MODELS * EACH // 200))
    end
    for _, client in ipairs(clients) do
      for _ = 1, MODELS * EACH // 200 do assert(client:read_response()) end
      client:close()
    end
  end
end

local function open_many_models(scene)
  local gateway = scene:gateway(scene:emulator(), { settings = { log = { format = "json", access = false } },
    policy = { models = pool(MODELS) } })
  local policy_file = ("%s/policy-%d.lua"):format(scene.folder, #scene.children - 1)
  fill_statistics(gateway)
  local rows = {}
  for _, path in ipairs { "/stats", "/health/detail", "/breakers", "/policy" } do
    rows[#rows + 1] = { name = ("%s of %d models"):format(path, MODELS), attack = function()
      for _ = 1, 5 do assert(gateway.admin(path) == 200) end
    end }
  end
  rows[#rows + 1] = { name = "/stats/reset of 1000 models",
    attack = function() assert(gateway.admin("/stats/reset", "POST") == 200) end }
  local function row(name, text, status)
    rows[#rows + 1] = { name = name, attack = function()
      process.write(policy_file, text())
      assert(gateway.admin("/reload", "POST") == status)
    end }
  end
  row("a policy of 4096 models", function()
    return "return " .. signalbox.literal { models = pool(MOST_MODELS) } end, 200)
  row("a policy of 1 MiB", function()
    return ("-- x\n"):rep(209000) .. 'return { models = { { id = "a" } } }' end, 200)
  row("a policy of 4096 mistakes", function()
    return "return " .. signalbox.literal { models = pool(MOST_MODELS), max_retries = -1 }:gsub("id", "idd") end, 422)
  return gateway, rows
end

local function ask(gateway, model)
  return function()
    http.load(gateway.port, { count = 400, connections = 40, on_response = function() end,
      make = function() return signalbox.call(model, "converse") end })
  end
end

-- As many models as there may be.
local function open_large_pool(scene)
  local gateway = scene:gateway(scene:emulator(), { policy = ([[
    local models = {}
    for number = 1, %d do
      models[number] = { id = "m" .. number, serves = { "any", "m*", "*." .. number } }
    end
    return { models = models }
  ]]):format(MOST_MODELS) })
  return gateway, {
    { name = "calls to one of 4096 models", attack = ask(gateway, "any") },
    { name = "calls for a name that none of them serves", attack = ask(gateway, "nothing") },
    { name = "30 reloads at once", attack = function()
      http.load(gateway.admin_port, { count = 60, connections = 30, on_response = function() end,
        make = function() return { path = "/reload", method = "POST", body = "" } end })
    end },
  }
end

-- Puts `make`'s file in the certificate's place and sends SIGHUP; then the certificate comes back.
local function certificate_row(gateway, tls, name, make)
  return {
    name = name,
    before = function()
      os.execute(("mv %s %s.good"):format(tls.cert, tls.cert))
      make(tls.cert, tls.cert .. ".good")
    end,
    attack = function()
      gateway:signal("HUP")
      socket.sleep(0.5)
    end,
    after = function() os.execute(("rm -rf %s; mv %s.good %s"):format(tls.cert, tls.cert, tls.cert)) end,
  }
end

local function open_certificates(scene)
  local tls = transports.certificate(scene.folder)
  local gateway = scene:gateway(scene:emulator(), { settings = { tls = tls } })
  return gateway, {
    certificate_row(gateway, tls, "a certificate that is a pipe", function(path)
      assert(os.execute("mkfifo " .. path)) end),
    certificate_row(gateway, tls, "a certificate that is a folder", function(path)
      assert(os.execute("mkdir " .. path)) end),
    certificate_row(gateway, tls, "8 000 certificates", function(path, good)
      process.write(path, process.contents(good):rep(8000)) end),
    certificate_row(gateway, tls, "1 MiB of certificates", function(path, good)
      process.write(path, process.contents(good):rep((1 << 20) // #process.contents(good))) end),
    certificate_row(gateway, tls, "a certificate of 100 MB of zeros", function(path)
      assert(os.execute("truncate -s 100M " .. path)) end),
  }
end

-- A gateway whose log is a pipe, of which a test reads no more than the two listeners' lines.
local function open_log_pipe(scene)
  local pipe = scene.folder .. "/pipe"
  assert(os.execute("mkfifo " .. pipe))
  local reader = assert(io.open(pipe, "r+"))
  local emulator = scene:emulator()
  local settings = scene:write("settings.lua", "return " .. signalbox.literal {
    listen = "127.0.0.1:0", admin = "127.0.0.1:0", endpoint = emulator.url,
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = signalbox.SECRET },
    log = { format = "json", level = "debug" },
  })
  local gateway = process.start({ "sh", "-c", 'exec "$@" 2>' .. pipe, "sh", signalbox.program, "serve", "--config",
    settings, "--core-dumps" }, { folder = scene.folder })
  table.insert(scene.children, 1, gateway)
  while not (gateway.port and gateway.admin_port) do
    local line = reader:read("l")
    local kind, port = line:match('"surface":"(%a+)"'), line:match('"address":"[^"]*:(%d+)"')
    if kind == "data" then gateway.port = tonumber(port) end
    if kind == "admin" then gateway.admin_port = tonumber(port) end
  end
  return gateway, { { name = "a log that nobody reads", keep = reader, attack = function()
    http.load(gateway.port, { count = 2000, connections = 20, on_response = function(_, response)
      assert(response and response.status == 200) end,
      make = function() return signalbox.call(signalbox.NOVA, "converse") end })
  end } }
end

return {
  { title = "a thousand models", open = open_many_models },
  { title = "as many models as there may be", open = open_large_pool },
  { title = "certificates", is_tls = true, open = open_certificates },
  { title = "a log that nobody reads", open = open_log_pipe },
}
