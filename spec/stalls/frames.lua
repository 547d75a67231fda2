-- SPDX-License-Identifier: Apache-2.0
-- What a client can send over HTTP/2: floods of every frame, tables and heads that cost more than they weigh.
local poured = require "spec.stalls.poured"
local signalbox = require "spec.support.signalbox"

local DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
local END_STREAM, END_HEADERS = 1, 4
local CROWD = 20
local FRAME_BYTES = 16384
local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
-- The dynamic table's newest entry, named by one byte.
local NEWEST = "\xbe"

local function frame(kind, flags, stream, payload)
  return string.pack(">I3BBI4", #payload, kind, flags, stream) .. payload
end

-- An integer with a prefix of `bits`, below the flags in `first`.
local function integer(value, bits, first)
  local most = (1 << bits) - 1
  if value < most then return string.char(first | value) end
  local bytes = { string.char(first | most) }
  value = value - most
  while value >= 128 do
    bytes[#bytes + 1] = string.char(value & 127 | 128)
    value = value >> 7
  end
  return table.concat(bytes) .. string.char(value)
end

local function text(bytes)
  return integer(#bytes, 7, 0) .. bytes
end

-- A header that is literal and stays out of the table; one that enters it.
local function literal(name, value) return "\0" .. text(name) .. text(value) end
local function kept(name, value) return "\x40" .. text(name) .. text(value) end

local function request(method, path)
  return (method == "GET" and "\x82" or "\x83") .. "\x86\x04" .. text(path) .. "\x01" .. text("127.0.0.1")
end

local GET = request("GET", "/health")
local CALL = signalbox.converse_body()
local POST = request("POST", signalbox.path(signalbox.NOVA, "converse"))

-- A head in as many frames as it takes.
local function head(stream, block, flags)
  local parts = {}
  for at = 1, #block, FRAME_BYTES do
    local is_last = at + FRAME_BYTES > #block
    parts[#parts + 1] = frame(at == 1 and HEADERS or CONTINUATION,
      (at == 1 and flags or 0) | (is_last and END_HEADERS or 0), stream, block:sub(at, at + FRAME_BYTES - 1))
  end
  return table.concat(parts)
end

-- The preface, and make(n) for each n up to `count`.
local function many(count, make)
  return function()
    local parts = { PREFACE }
    for n = 1, count do parts[#parts + 1] = make(n) end
    return table.concat(parts)
  end
end

local function flood(count, one)
  return function() return PREFACE .. one:rep(count) end
end

-- A request whose body is to come, and then frames of its stream.
local function after_post(count, one)
  return function() return PREFACE .. head(1, POST, 0) .. one:rep(count) end
end

local function one_head(block)
  return function() return PREFACE .. head(1, block, END_STREAM) end
end

local function after_get(block)
  return function() return PREFACE .. head(1, GET .. block, END_STREAM) .. head(3, GET, END_STREAM) end
end

local LARGE = kept("x", ("y"):rep(4000))

local ROWS = {
  { "a table's entry of 4 KB, named 130 000 times", one_head(GET .. LARGE .. NEWEST:rep(130000)) },
  { "a table's entry of 4 KB, named 16 000 times on each of 16 streams", many(16, function(n)
    return head(2 * n - 1, n == 1 and GET .. LARGE or GET .. NEWEST:rep(16000), END_STREAM) end) },
  { "a static entry, named 130 000 times", after_get(("\x9f"):rep(130000)) },
  { "a head of 64 KB of short headers", after_get(literal("a", "b"):rep(13000)) },
  { "a head of 1 MiB", after_get(literal("a", ("b"):rep(1000)):rep(1000)) },
  { "a header of 64 KB", after_get(literal("a", ("b"):rep(64000))) },
  { "16 000 crumbs of cookies", after_get(("\x0f\x11\x01c"):rep(16000)) },
  { "100 000 changes of the table's size", one_head(("\x20\x3f\xe1\x1f"):rep(50000) .. GET) },
  { "entries that push each other out of the table", after_get(kept("a", ("b"):rep(2000)):rep(30)) },
  { "names that aren't allowed", after_get(literal("A b", "c"):rep(8000)) },
  { "empty CONTINUATION frames", function()
    return PREFACE .. frame(HEADERS, END_STREAM, 1, GET) .. frame(CONTINUATION, 0, 1, ""):rep(100000) end },
  { "CONTINUATION frames of one header", function()
    local one = frame(CONTINUATION, 0, 1, literal("a", "b"))
    return PREFACE .. frame(HEADERS, END_STREAM, 1, GET) .. one:rep(50000) end },
  { "1 000 requests, reset at once", many(1000, function(n)
    return head(2 * n - 1, GET, END_STREAM) .. frame(RESET, 0, 2 * n - 1, "\0\0\0\8") end) },
  { "1 000 calls, reset at once", many(1000, function(n)
    return head(2 * n - 1, POST, END_STREAM) .. frame(RESET, 0, 2 * n - 1, "\0\0\0\8") end) },
  { "256 calls", many(256, function(n)
    return head(2 * n - 1, POST, 0) .. frame(DATA, END_STREAM, 2 * n - 1, CALL) end) },
  { "256 requests", many(256, function(n) return head(2 * n - 1, GET, END_STREAM) end) },
  { "1 000 requests, whatever the limit", many(1000, function(n) return head(2 * n - 1, GET, END_STREAM) end) },
  { "PING frames", flood(30000, frame(PING, 0, 0, "12345678")) },
  { "SETTINGS frames", flood(30000, frame(SETTINGS, 0, 0, "\0\4\0\1\0\0")) },
  { "SETTINGS frames of 16 KB", flood(100, frame(SETTINGS, 0, 0, ("\0\1\0\0\16\0"):rep(2700))) },
  { "PRIORITY frames", flood(30000, frame(PRIORITY, 0, 1, "\0\0\0\3\16")) },
  { "WINDOW_UPDATE frames", flood(30000, frame(WINDOW_UPDATE, 0, 0, "\0\0\0\1")) },
  { "GOAWAY frames", flood(20000, frame(GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0")) },
  { "frames of an unknown kind", flood(50000, frame(0x42, 0, 0, "")) },
  { "empty DATA frames", after_post(50000, frame(DATA, 0, 1, "")) },
  { "DATA frames of one byte", after_post(50000, frame(DATA, 0, 1, "a")) },
  { "padding", after_post(200, frame(DATA, 8, 1, "\xff" .. ("\0"):rep(255))) },
}

return {
  list = ROWS,
  poured.group("frames over HTTP/2", "clear", ROWS, CROWD),
  poured.group("frames over HTTP/2 and TLS", "h2", ROWS, CROWD),
}
