-- SPDX-License-Identifier: Apache-2.0
-- A model endpoint that a test's script controls byte by byte, down to how the connection ends: for faults that the
-- emulator does not have. Run as a program: upstream.lua SCRIPT RECORD. The script returns a function(request, answer,
-- number), where `answer` writes the response; every request is recorded as a line of JSON.
package.path = "./?.lua;" .. package.path
local cjson = require "cjson"
local socket = require "socket"

local script_path, record_path = arg[1], arg[2]
local script = assert(loadfile(script_path))()
local record = assert(io.open(record_path, "ab"))
local count = 0
local waiting = {} -- coroutine = { tcp, direction }

local answer = {}
answer.__index = answer

local function receive_more(tcp)
  while true do
    local bytes, problem, partial = tcp:receive(65536)
    bytes = bytes or partial
    if bytes and bytes ~= "" then return bytes end
    if problem ~= "timeout" then return nil end
    coroutine.yield(tcp, "read")
  end
end

local function send_all(tcp, bytes)
  local sent = 0
  while sent < #bytes do
    local last, problem, partial = tcp:send(bytes, sent + 1)
    sent = last or partial
    if problem and problem ~= "timeout" then return false end
    if sent < #bytes then coroutine.yield(tcp, "write") end
  end
  return true
end

function answer:send(bytes)
  return send_all(self.tcp, bytes)
end

-- Sends a whole response with a length.
function answer:json(status, body, headers)
  self:send(("HTTP/1.1 %d Status\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"):format(
    status, headers or "", #body, body))
end

-- Sends the head of a chunked event stream; `chunk` and `stream_end` follow.
function answer:stream_head(headers)
  self:send("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n" ..
    (headers or "") .. "Transfer-Encoding: chunked\r\n\r\n")
end

function answer:chunk(bytes)
  return self:send(("%x\r\n%s\r\n"):format(#bytes, bytes))
end

function answer:stream_end()
  self:send("0\r\n\r\n")
end

function answer:close()
  self.closed = true
  self.tcp:close()
end

function answer:reset()
  self.tcp:setoption("linger", { on = true, timeout = 0 })
  self:close()
end

-- Sends nothing more until the other side closes.
function answer:hang()
  while receive_more(self.tcp) do end
  self:close()
end

local function read_request(tcp, buffered)
  while not buffered:find("\r\n\r\n", 1, true) do
    local more = receive_more(tcp)
    if not more then return nil end
    buffered = buffered .. more
  end
  local head, rest = buffered:match("^(.-)\r\n\r\n(.*)$")
  local method, target = head:match("^(%S+) (%S+)")
  local request = { method = method, target = target, headers = {}, head = head }
  for name, value in head:gmatch("\r\n([^:]+):%s*([^\r]*)") do request.headers[name:lower()] = value end
  local length = tonumber(request.headers["content-length"] or "0")
  while #rest < length do
    local more = receive_more(tcp)
    if not more then return nil end
    rest = rest .. more
  end
  request.body = rest:sub(1, length)
  return request, rest:sub(length + 1)
end

local function serve(tcp)
  local buffered = ""
  while true do
    local request
    request, buffered = read_request(tcp, buffered)
    if not request then break end
    count = count + 1
    record:write(cjson.encode(request), "\n")
    record:flush()
    local reply = setmetatable({ tcp = tcp }, answer)
    script(request, reply, count)
    if reply.closed then return end
  end
  tcp:close()
end

local function resume(thread, ...)
  local ok, tcp, direction = coroutine.resume(thread, ...)
  waiting[thread] = nil
  if not ok then io.stderr:write(debug.traceback(thread, tcp), "\n") end
  if coroutine.status(thread) ~= "dead" then waiting[thread] = { tcp = tcp, direction = direction } end
end

local listener = assert(socket.bind("127.0.0.1", 0, 1024))
listener:settimeout(0)
local _, port = listener:getsockname()
io.stderr:write("upstream listening on http://127.0.0.1:", port, "\n")

while true do
  local reading, writing, threads = { listener }, {}, {}
  for thread, entry in pairs(waiting) do
    table.insert(entry.direction == "read" and reading or writing, entry.tcp)
    threads[entry.tcp] = thread
  end
  local readable, writable = socket.select(reading, writing)
  for _, list in ipairs { readable, writable } do
    for _, tcp in ipairs(list) do
      if tcp == listener then
        local client = listener:accept()
        if client then
          client:settimeout(0)
          client:setoption("tcp-nodelay", true)
          resume(coroutine.create(serve), client)
        end
      elseif threads[tcp] then
        resume(threads[tcp])
      end
    end
  end
end
