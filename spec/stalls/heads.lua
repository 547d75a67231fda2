-- SPDX-License-Identifier: Apache-2.0
-- What a client can send over HTTP/1.1: heads as large as they may be and larger, bursts of requests, tiny chunks.
local http = require "spec.support.http"
local poured = require "spec.stalls.poured"
local signalbox = require "spec.support.signalbox"

local CROWD = 20
local FULL = 65000 -- just within limits.header_bytes
local FIELDS = 250 -- nearly as many as a head may have
local TARGET = 16000 -- and nearly as long a target
local HEALTH = http.format { path = "/health" }
local UNKNOWN = http.format { path = "/nowhere" }
local CALL = http.format(signalbox.call(signalbox.NOVA, "converse"))

local function repeated(part, bytes)
  return part:rep(bytes // #part)
end

-- A request with so much more in its head.
local function with_lines(lines)
  return function() return "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n" .. lines .. "\r\n" end
end

-- Headers of different names that fill so many bytes.
local function numbered_lines(bytes)
  local lines, value = {}, ("x"):rep(bytes // FIELDS - 8)
  for number = 1, FIELDS do lines[number] = ("h%d: %s\r\n"):format(number, value) end
  return table.concat(lines)
end

local function with_path(path)
  return function() return ("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"):format(path) end
end

local function burst(request, count)
  return function() return request:rep(count) end
end

local function chunked(body)
  return function()
    return ("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"):format(
      signalbox.path(signalbox.NOVA, "converse")) .. body .. "0\r\n\r\n"
  end
end

local ROWS = {
  { "a header of 64 KB", with_lines("x: " .. ("y"):rep(FULL - 100) .. "\r\n") },
  { "headers of one name", with_lines(("a:b\r\n"):rep(FIELDS)) },
  { "headers of many names", with_lines(numbered_lines(FULL)) },
  { "headers that are each held against 32 names",
    with_lines("Connection: " .. ("a, "):rep(31) .. "h1\r\n" .. numbered_lines(FULL - 500)) },
  { "headers that are each held against 20 000 names",
    with_lines("Connection: " .. repeated("a, ", FULL - 4000) .. "h1\r\n" .. numbered_lines(3000)) },
  { "too many headers", with_lines(repeated("a:b\r\n", FULL - 100)) },
  { "codings without an end", with_lines("Transfer-Encoding: " .. repeated("chunked, ", FULL - 200) .. "x\r\n") },
  { "a cookie of 64 KB", with_lines("Cookie: " .. repeated("a=b; ", FULL - 200) .. "\r\n") },
  { "hops without an end", with_lines("x-signalbox-hop: " .. repeated("0123456789abcdef, ", FULL - 200) .. "x\r\n") },
  { "a long path", with_path("/" .. ("a"):rep(TARGET)) },
  { "a path that is too long", with_path("/" .. ("a"):rep(FULL - 200)) },
  { "a model of escapes", with_path("/model/" .. repeated("%41", TARGET - 200) .. "/converse") },
  { "a path of dots", with_path("/" .. repeated("a/../", TARGET)) },
  { "a long query", with_path("/model/a/converse?" .. repeated("a&", TARGET - 200)) },
  { "a head of 1 MiB", with_lines(repeated("a: b\r\n", 1 << 20)) },
  { "a head without an end", function() return "GET / HTTP/1.1\r\n" .. repeated("a: b\r\n", 60000) end },
  { "500 pipelined requests", burst(HEALTH, 500) },
  { "500 pipelined requests for nothing", burst(UNKNOWN, 500) },
  { "100 pipelined calls", burst(CALL, 100) },
  { "pipelined full heads", function() return with_lines(numbered_lines(FULL - 200))():rep(20) end },
  { "empty lines before a request", function() return ("\r\n"):rep(200000) .. HEALTH end },
  { "chunks of one byte", chunked(("1\r\na\r\n"):rep(100000)) },
  { "chunks with extensions", chunked(("1;" .. ("x"):rep(1000) .. "\r\na\r\n"):rep(500)) },
  { "bytes that are no request", function() return ("\0\xff\r\n"):rep(100000) end },
}

return {
  list = ROWS,
  poured.group("heads over HTTP/1.1", "clear", ROWS, CROWD),
  poured.group("heads over HTTP/1.1 and TLS", "http/1.1", ROWS, CROWD),
}
