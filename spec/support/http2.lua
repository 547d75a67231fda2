-- SPDX-License-Identifier: Apache-2.0
-- An HTTP/2 client in clear that keeps very many streams open over few connections. It asks the same on every stream
-- and reads no header but the status. Bodies are small, so that the server's windows are never looked at; its own are
-- as wide as can be.
local socket = require "socket"

local http2 = {}

local DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
local END_STREAM, END_HEADERS, ACK = 1, 4, 1
local INITIAL_WINDOW_SIZE, DEFAULT_WINDOW, WIDEST = 4, 65535, (1 << 31) - 1
local STATUS_200 = 0x88 -- HPACK's static table has it, and servers use that

local function frame(kind, flags, id, payload)
  return string.pack(">I3BBI4", #payload, kind, flags, id) .. payload
end

local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" ..
  frame(SETTINGS, 0, 0, string.pack(">I2I4", INITIAL_WINDOW_SIZE, WIDEST)) ..
  frame(WINDOW_UPDATE, 0, 0, string.pack(">I4", WIDEST - DEFAULT_WINDOW))

local function text(value)
  assert(#value < 127, "a header's length of one byte")
  return string.char(#value) .. value
end

-- Literals that enter no table: POST, http, the static table's names of path and authority, and a name of its own.
local function head_of(path)
  return "\x83\x86\x04" .. text(path) .. "\x01" .. text("127.0.0.1") .. "\0" .. text("content-type") ..
    text("application/json")
end

local connection = {}
connection.__index = connection

local function connect(port, load)
  local tcp = assert(socket.connect("127.0.0.1", port))
  tcp:settimeout(0)
  return setmetatable({ tcp = tcp, load = load, last = -1, streams = {}, out = PREFACE, buffered = "" }, connection)
end

function connection:ask()
  self.last = self.last + 2
  self.streams[self.last] = "asked"
  self.out = self.out .. frame(HEADERS, END_HEADERS, self.last, self.load.head) ..
    frame(DATA, END_STREAM, self.last, self.load.body)
end

function connection:flush()
  local last, problem, partial = self.tcp:send(self.out)
  if not last and problem ~= "timeout" then error("the gateway closed a connection: " .. problem, 0) end
  self.out = self.out:sub((last or partial) + 1)
end

function connection:end_stream(id)
  local load = self.load
  load.under_way, load.ended, self.streams[id] = load.under_way - 1, load.ended + 1, nil
  if load.again then self:ask() end
end

local take = {
  [HEADERS] = function(self, id, payload)
    if self.streams[id] ~= "asked" then return end
    assert(payload:byte() == STATUS_200, "an answer that is not 200")
    local load = self.load
    self.streams[id] = "begun"
    load.under_way = load.under_way + 1
    load.most = math.max(load.most, load.under_way)
  end,
  [DATA] = function(self, _, payload) self.load.bytes = self.load.bytes + #payload end,
  [RESET] = function(_, id) error(("stream %d was reset"):format(id), 0) end,
  [GOAWAY] = function() error("the gateway sent GOAWAY", 0) end,
  [SETTINGS] = function(self, _, _, flags)
    if flags & ACK == 0 then self.out = self.out .. frame(SETTINGS, ACK, 0, "") end
  end,
  [PING] = function(self, _, payload, flags)
    if flags & ACK == 0 then self.out = self.out .. frame(PING, ACK, 0, payload) end
  end,
}

function connection:read()
  local bytes, problem, partial = self.tcp:receive(65536)
  bytes = bytes or partial
  if bytes == "" and problem ~= "timeout" then error("the gateway closed a connection: " .. problem, 0) end
  bytes = self.buffered .. bytes
  local at = 1
  while #bytes - at + 1 >= 9 do
    local length, kind, flags, id = string.unpack(">I3BBI4", bytes, at)
    if #bytes - at + 1 < 9 + length then break end
    local act = take[kind]
    if act then act(self, id, bytes:sub(at + 9, at + 8 + length), flags) end
    if (kind == DATA or kind == HEADERS) and flags & END_STREAM ~= 0 then self:end_stream(id) end
    at = at + 9 + length
  end
  self.buffered = bytes:sub(at)
end

-- A load of `streams` POSTs at once over each of `connections`: wanted = { path, body, connections, streams, again },
-- where `again` asks anew for every stream that ends. It counts: under_way (answers that have begun and not ended),
-- most (the most that were so at once), ended, bytes (of bodies).
function http2.start(port, wanted)
  local load = { under_way = 0, most = 0, ended = 0, bytes = 0, again = wanted.again, head = head_of(wanted.path),
    body = wanted.body, connections = {}, tcps = {}, by_tcp = {} }
  for index = 1, wanted.connections do
    local one = connect(port, load)
    load.connections[index], load.tcps[index], load.by_tcp[one.tcp] = one, one.tcp, one
    for _ = 1, wanted.streams do one:ask() end
  end
  return load
end

-- Moves what can be moved until `is_enough(load)`; false if that isn't within `seconds`.
function http2.run(load, seconds, is_enough)
  local deadline = socket.gettime() + seconds
  repeat
    local writing = {}
    for _, one in ipairs(load.connections) do
      if one.out ~= "" then writing[#writing + 1] = one.tcp end
    end
    local readable, writable = socket.select(load.tcps, writing, 0.1)
    for _, tcp in ipairs(readable) do load.by_tcp[tcp]:read() end
    for _, tcp in ipairs(writable) do load.by_tcp[tcp]:flush() end
    if is_enough and is_enough(load) then return true end
  until socket.gettime() > deadline
  return false
end

function http2.close(load)
  for _, tcp in ipairs(load.tcps) do tcp:close() end
end

return http2
