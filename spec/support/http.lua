-- SPDX-License-Identifier: Apache-2.0
-- An HTTP/1.1 client over raw sockets, for tests that need exact bytes. It sends the bytes it is given, reads responses
-- strictly, and can keep many connections busy at once (each in a coroutine). It never retries.
local socket = require "socket"

local http = {}

local RESPONSE_TIMEOUT_S = 60

local connection = {}
connection.__index = connection

function http.connect(port)
  local tcp, problem = socket.connect("127.0.0.1", port)
  if not tcp then return nil, problem end
  tcp:settimeout(0)
  tcp:setoption("tcp-nodelay", true)
  return setmetatable({ tcp = tcp, buffered = "" }, connection)
end

local function wait(tcp, direction, deadline)
  if coroutine.isyieldable() then
    coroutine.yield(tcp, direction)
  else
    local list = { tcp }
    socket.select(direction == "read" and list or nil, direction == "write" and list or nil, 0.5)
  end
  if socket.gettime() > deadline then error({ timeout = true }) end
end

function connection:send(bytes)
  local deadline, sent = socket.gettime() + RESPONSE_TIMEOUT_S, 0
  while sent < #bytes do
    local last, problem, partial = self.tcp:send(bytes, sent + 1)
    sent = last or partial
    if problem and problem ~= "timeout" then return nil, problem end
    if sent < #bytes then wait(self.tcp, "write", deadline) end
  end
  return true
end

-- The next bytes, or nil and a problem at the end of the stream.
function connection:receive()
  if self.buffered ~= "" then
    local bytes = self.buffered
    self.buffered = ""
    return bytes
  end
  local deadline = socket.gettime() + RESPONSE_TIMEOUT_S
  while true do
    local bytes, problem, partial = self.tcp:receive(65536)
    bytes = bytes or partial
    if bytes and bytes ~= "" then return bytes end
    if problem ~= "timeout" then return nil, problem end
    wait(self.tcp, "read", deadline)
  end
end

function connection:close()
  self.tcp:close()
end

-- Closes with an RST, as a crashed client does.
function connection:reset()
  self.tcp:setoption("linger", { on = true, timeout = 0 })
  self.tcp:close()
end

function connection:read_line()
  local parts = ""
  while true do
    local line, rest = parts:match("^(.-)\r\n(.*)$")
    if line then
      self.buffered = rest
      return line
    end
    local more, problem = self:receive()
    if not more then return nil, problem or "closed", parts end
    parts = parts .. more
  end
end

function connection:read_bytes(count)
  local parts, length = {}, 0
  while length < count do
    local more, problem = self:receive()
    if not more then return nil, problem, table.concat(parts) end
    parts[#parts + 1] = more
    length = length + #more
  end
  local all = table.concat(parts)
  self.buffered = all:sub(count + 1)
  return all:sub(1, count)
end

function connection:read_chunks(response, on_body)
  local parts = {}
  local function finish(complete)
    response.body, response.complete = table.concat(parts), complete
  end
  while true do
    local line = self:read_line()
    local size = line and tonumber(line:match("^%x+$") or "", 16)
    if not size then return finish(false) end
    local bytes, _, partial = self:read_bytes(size + 2)
    parts[#parts + 1] = bytes and bytes:sub(1, size) or partial
    if on_body and #parts[#parts] > 0 then on_body(parts[#parts], response) end
    if not bytes then return finish(false) end
    if size == 0 then return finish(true) end
  end
end

function connection:read_until_closed(response)
  local parts = {}
  for bytes in function() return self:receive() end do parts[#parts + 1] = bytes end
  response.body, response.complete = table.concat(parts), true
end

function connection:read_head()
  local status_line, problem, partial = self:read_line()
  if not status_line then return nil, problem, partial end
  local response = { headers = {}, status = tonumber(status_line:match("^HTTP/1%.[01] (%d%d%d)")), line = status_line }
  if not response.status then error("no status line: " .. status_line) end
  for line in function() return self:read_line() end do
    if line == "" then return response end
    local name, value = line:match("^([^:%s]+):%s*(.-)%s*$")
    if not name then error("no header line: " .. line) end
    response.headers[name:lower()] = value
  end
  return nil, "closed within the head"
end

-- Reads one response: { status, headers (lower-case names), body, complete }. `complete` is false if the connection
-- broke before the declared end. Returns nil and a problem if there was no response at all.
function connection:read_response(on_body)
  local response, problem
  repeat
    response, problem = self:read_head()
    if not response then return nil, problem end
  until response.status ~= 100
  if (response.headers["transfer-encoding"] or ""):lower() == "chunked" then
    self:read_chunks(response, on_body)
  elseif response.headers["content-length"] then
    local bytes, _, partial = self:read_bytes(tonumber(response.headers["content-length"]))
    response.body, response.complete = bytes or partial, bytes ~= nil
  elseif response.status == 204 or response.status == 304 then
    response.body, response.complete = "", true
  else
    self:read_until_closed(response)
  end
  return response
end

-- The bytes of a request: { method, path, headers (a list of { name, value } or a map), body }.
function http.format(request)
  local lines = { ("%s %s HTTP/1.1"):format(request.method or (request.body and "POST" or "GET"), request.path) }
  local has_host = false
  for name, value in pairs(request.headers or {}) do
    if type(name) == "number" then name, value = value[1], value[2] end
    has_host = has_host or name:lower() == "host"
    lines[#lines + 1] = name .. ": " .. value
  end
  if not has_host then lines[#lines + 1] = "Host: 127.0.0.1" end
  if request.body then lines[#lines + 1] = "Content-Length: " .. #request.body end
  lines[#lines + 1] = "\r\n"
  return table.concat(lines, "\r\n") .. (request.body or "")
end

-- Sends one request on its own connection and reads the response.
function http.request(port, request)
  return http.raw(port, http.format(request), request.on_body)
end

-- Sends exactly these bytes on their own connection and reads one response.
function http.raw(port, bytes, on_body)
  local client = assert(http.connect(port))
  client:send(bytes)
  local response, problem = client:read_response(on_body)
  client:close()
  return response, problem
end

-- Reads the response; of an abandoned request only the head.
local function receive_response(client, request)
  if not request.leaves then return client:read_response() end
  local response, problem = client:read_head()
  if response then response.left = true end
  return response, problem
end

local function run_connection(port, work)
  local client
  while true do
    local index = work.next
    if index > work.count then break end
    work.next = index + 1
    local response, problem
    if not client then client, problem = http.connect(port) end
    if client then
      local request = work.make(index)
      client:send(http.format(request))
      response, problem = receive_response(client, request)
    end
    if client and (not response or not response.complete or response.headers.connection == "close") then
      client:close()
      client = nil
    end
    work.on_response(index, response, problem)
  end
  if client then client:close() end
end

-- Sends `count` requests over at most `connections` connections. make(index) makes each request, and
-- on_response(index, response, problem) gets each response. A request with `leaves` is abandoned when the head of its
-- response has come: the response then has `left` and no body.
function http.load(port, work)
  work.next = 1
  local waiting = {}
  local function resume(thread)
    local ok, tcp, direction = coroutine.resume(thread)
    if not ok then error(type(tcp) == "table" and "a response took too long" or debug.traceback(thread, tcp), 0) end
    if coroutine.status(thread) ~= "dead" then waiting[tcp] = { thread = thread, direction = direction } end
  end
  for _ = 1, math.min(work.connections, work.count) do
    resume(coroutine.create(function() run_connection(port, work) end))
  end
  local started = socket.gettime()
  while next(waiting) do
    local reading, writing = {}, {}
    for tcp, entry in pairs(waiting) do table.insert(entry.direction == "read" and reading or writing, tcp) end
    local readable, writable = socket.select(reading, writing, 1)
    if #readable + #writable == 0 and socket.gettime() - started > 600 then error("the load did not end") end
    for _, list in ipairs { readable, writable } do
      for _, tcp in ipairs(list) do
        local entry = waiting[tcp]
        waiting[tcp] = nil
        if entry then resume(entry.thread) end
      end
    end
  end
end

return http
