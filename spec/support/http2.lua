-- SPDX-License-Identifier: Apache-2.0
-- An HTTP/2 client in clear that keeps many streams open over few connections. It sends the same request on every
-- stream and reads no header but the status. Request bodies are small, so it ignores the server's windows; its own
-- windows are as wide as HTTP/2 allows.
local socket = require "socket"

local http2 = {}

local DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
local END_STREAM, END_HEADERS, ACK = 1, 4, 1
local INITIAL_WINDOW_SIZE, DEFAULT_WINDOW, WIDEST = 4, 65535, (1 << 31) - 1
local STATUS_200 = 0x88 -- in HPACK's static table, which servers use for it

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

-- POST and http from the static table, then literals without indexing: path, authority and content-type.
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

function connection:send_request()
  self.last = self.last + 2
  self.streams[self.last] = "sent"
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
  if load.again then self:send_request() end
end

local on_frame = {
  [HEADERS] = function(self, id, payload)
    if self.streams[id] ~= "sent" then return end
    assert(payload:byte() == STATUS_200, "a response that is not 200")
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
    local handle = on_frame[kind]
    if handle then handle(self, id, bytes:sub(at + 9, at + 8 + length), flags) end
    if (kind == DATA or kind == HEADERS) and flags & END_STREAM ~= 0 then self:end_stream(id) end
    at = at + 9 + length
  end
  self.buffered = bytes:sub(at)
end

-- Starts `streams` POSTs at once over each of `connections`: wanted = { path, body, connections, streams, again }. With
-- `again`, a new request follows every stream that ends. The load counts under_way (responses that have begun and not
-- ended), most (the highest under_way), ended, and bytes (of bodies).
function http2.start(port, wanted)
  local load = { under_way = 0, most = 0, ended = 0, bytes = 0, again = wanted.again, head = head_of(wanted.path),
    body = wanted.body, connections = {}, tcps = {}, by_tcp = {} }
  for index = 1, wanted.connections do
    local one = connect(port, load)
    load.connections[index], load.tcps[index], load.by_tcp[one.tcp] = one, one.tcp, one
    for _ = 1, wanted.streams do one:send_request() end
  end
  return load
end

-- Reads and writes until `is_enough(load)` is true; returns false if it is not within `seconds`.
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
