-- SPDX-License-Identifier: Apache-2.0
-- The attackers of `make siege`, each with how often it comes: every so many seconds. They take turns in this process,
-- so they never use more than one processor together; what they send was made before.
local bodies = require "spec.stalls.bodies"
local curl = require "spec.support.curl"
local frames = require "spec.stalls.frames"
local handshakes = require "spec.stalls.handshakes"
local heads = require "spec.stalls.heads"
local poured = require "spec.stalls.poured"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"
local transports = require "spec.support.transports"

local attacks = {}

local SLOW_CLIENTS = 100
local ATTACKER = "127.0.0.2" -- the address that pour.c uses too
local FAILING = signalbox.prompt { faults = {
  { from_ms = 0, to_ms = 1e9, fault = "ServiceUnavailableException", share = 0.5 },
} }
local DYING = [[
  local events = eventstream.conversation("x")
  if number % 3 == 0 then return answer:reset() end
  if number % 3 == 1 then
    answer:stream_head()
    answer:chunk(events[1])
    return answer:reset()
  end
  answer:send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
  answer:close()
]]

-- Writes what `list` sends into files; returns their paths.
local function write_all(scene, name, list)
  local paths = {}
  for index, entry in ipairs(list) do paths[index] = scene:write(("%s-%d"):format(name, index), entry[2]()) end
  return paths
end

local function any(list)
  return list[math.random(#list)]
end

local function pour(siege, way, connections, list)
  poured.send(siege.gateway.port, way, connections, any(siege[list]))
end

-- Clients that have begun a handshake and send another byte now and then.
local function drip(siege)
  for index = 1, SLOW_CLIENTS do
    local client = siege.slow[index]
    if not client or not client:send("\22") then
      if client then client:close() end
      siege.slow[index] = socket.connect("127.0.0.1", siege.gateway.port, ATTACKER)
    end
  end
end

local function send_body(siege)
  curl.load(siege.way, { signalbox.call("everything", "converse", process.contents(any(siege.bodies))) }, 1)
end

local function ask_dying_upstreams(siege)
  local list = {}
  for index, name in ipairs { "dying", "dead", "failing", "dying", "dead", "failing" } do
    list[index] = signalbox.call(name, index % 2 == 0 and "converse" or "converse-stream")
  end
  curl.load(siege.way, list, #list)
end

-- The policy's file changes, or is asked for; now and then it is one that is refused.
local function reload(siege)
  siege.reloads = (siege.reloads or 0) + 1
  local text = siege.reloads % 4 == 0 and "return {" or siege.policy .. "\n-- " .. siege.reloads
  process.write(siege.policy_file, text)
  siege.gateway.admin("/reload", "POST")
end

-- Another certificate, now and then a file that is none.
local function change_certificate(siege)
  siege.changes = (siege.changes or 0) + 1
  local from = siege.certificates[siege.changes % #siege.certificates + 1]
  process.write(siege.tls.key, process.contents(from.key))
  process.write(siege.tls.cert, siege.changes % 4 == 0 and "no certificate" or process.contents(from.cert))
  siege.gateway:signal("HUP")
end

local KINDS = {
  { "slow clients", 0.3, drip },
  { "floods of connections", 0.7, function(siege) poured.send(siege.gateway.port, "clear", 200, siege.nothing) end },
  { "floods of handshakes", 0.5, function(siege) pour(siege, "clear", 20, "handshakes") end },
  { "heads over HTTP/1.1", 0.6, function(siege) pour(siege, "http/1.1", 2, "heads") end },
  { "frames over HTTP/2", 0.8, function(siege) pour(siege, "h2", 2, "frames") end },
  { "bodies of 25 MiB", 6, send_body },
  { "upstreams that die", 0.7, ask_dying_upstreams },
  { "reloads", 2, reload },
  { "certificates that change", 3, change_certificate },
}

-- Starts the gateway under siege.
function attacks.open(scene)
  local siege = { scene = scene, slow = {}, counts = {}, next = {}, certificates = {} }
  for number = 1, 2 do
    local folder = ("%s/certificate-%d"):format(scene.folder, number)
    assert(os.execute("mkdir " .. folder))
    siege.certificates[number] = transports.certificate(folder)
  end
  siege.tls = { cert = scene:write("cert.pem", process.contents(siege.certificates[1].cert)),
    key = scene:write("key.pem", process.contents(siege.certificates[1].key)) }
  -- An emulator reads a large body in one go, so good clients have one of their own.
  siege.emulator = scene:emulator()
  siege.policy = bodies.policy(([[
    { id = "good", serves = {}, endpoint = %q }, { id = "dying", serves = {}, endpoint = %q },
    { id = "dead", serves = {}, endpoint = "http://127.0.0.1:1" }, { id = "failing", serves = {} },]]):format(
    siege.emulator.url, scene:upstream(DYING).url))
  local emulator = scene:emulator { seed = 1, models = { ["*"] = signalbox.PROMPT, failing = FAILING } }
  siege.gateway = scene:gateway(emulator, { policy = siege.policy,
    settings = { tls = siege.tls, log = { format = "json", access = false } } })
  siege.policy_file = ("%s/policy-%d.lua"):format(scene.folder, #scene.children - 1)
  siege.way = transports.open({ version = "http2-tls", is_tls = true }, scene, siege.gateway)
  siege.way.authority = scene:write("authorities.pem",
    process.contents(siege.certificates[1].cert) .. process.contents(siege.certificates[2].cert))
  siege.nothing = scene:write("nothing", "")
  for name, group in pairs { heads = heads, frames = frames, handshakes = handshakes, bodies = bodies } do
    siege[name] = write_all(scene, name, group.list)
  end
  return siege
end

-- Runs the attacks that are due.
function attacks.step(siege)
  for index, kind in ipairs(KINDS) do
    local now = socket.gettime()
    siege.next[index] = siege.next[index] or now + math.random() * kind[2]
    if now >= siege.next[index] then
      siege.next[index] = now + kind[2]
      local ok, problem = pcall(kind[3], siege)
      siege.counts[index] = (siege.counts[index] or 0) + 1
      if not ok then siege.problem = siege.problem or ("%s: %s"):format(kind[1], problem) end
    end
  end
end

function attacks.close(siege)
  for _, client in pairs(siege.slow) do client:close() end
  if siege.problem then error(siege.problem, 0) end
end

function attacks.counts(siege)
  local lines = {}
  for index, kind in ipairs(KINDS) do lines[index] = ("%6d times %s"):format(siege.counts[index] or 0, kind[1]) end
  return lines
end

return attacks
