-- SPDX-License-Identifier: Apache-2.0
-- What a client can send to a TLS listener before there is a connection.
local poured = require "spec.stalls.poured"

local CROWD = 60
local X25519, FFDHE8192 = 0x001d, 0x0104

local function extension(kind, bytes)
  return string.pack(">I2s2", kind, bytes)
end

local function record(kind, bytes)
  return string.pack(">BI2s2", kind, 0x0301, bytes)
end

-- A ClientHello of TLS 1.3 that offers `groups`, with a share of `share` bytes for the first; `more` extensions.
local function hello(groups, share, more)
  local list, suites = {}, string.pack(">I2I2I2", 0x1301, 0x1302, 0x1303)
  for index, group in ipairs(groups) do list[index] = string.pack(">I2", group) end
  local shares = share and string.pack(">I2s2", groups[1], ("\x42"):rep(share)) or ""
  local extensions = extension(43, "\2\3\4") .. extension(10, string.pack(">s2", table.concat(list))) ..
    extension(13, string.pack(">s2", "\4\3\8\4\4\1")) .. extension(51, string.pack(">s2", shares)) ..
    extension(16, string.pack(">s2", "\2h2")) .. (more or "")
  local body = string.pack(">I2", 0x0303) .. ("r"):rep(32) .. string.pack(">s1s2s1", ("s"):rep(32), suites, "\0") ..
    string.pack(">s2", extensions)
  return "\1" .. string.pack(">I3", #body) .. body
end

local function hello_record(...)
  local bytes = record(22, hello(...))
  return function() return bytes end
end

local function split(bytes)
  return bytes:gsub(".", function(byte) return record(22, byte) end)
end

local ROWS = {
  { "a hello for ffdhe8192", hello_record({ FFDHE8192 }, 1024) },
  { "a hello for ffdhe8192 without a share", hello_record({ FFDHE8192 }) },
  { "a hello for X25519", hello_record({ X25519 }, 32) },
  { "a hello for X25519 without a share", hello_record({ X25519 }) },
  { "a hello of 12 KB", hello_record({ X25519 }, 32, extension(21, ("\0"):rep(12000))) },
  { "a hello of 3 000 extensions", function()
    local parts = {}
    for kind = 1, 3000 do parts[kind] = extension(0x1000 + kind, "") end
    return record(22, hello({ X25519 }, 32, table.concat(parts)))
  end },
  { "a hello in records of one byte", function() return (split(hello({ X25519 }, 32))) end },
  { "half a hello", function() return hello_record({ X25519 }, 32)():sub(1, 100) end },
  { "a hello and bytes that are no record", function()
    return hello_record({ X25519 }, 32)() .. ("\23\3\3\64\0" .. ("x"):rep(16384)):rep(10) end },
  { "a hello and alerts", function() return hello_record({ X25519 }, 32)() .. record(21, "\1\0"):rep(1000) end },
  { "changes of the cipher", function() return record(20, "\1"):rep(10000) end },
  { "bytes that are no record", function() return ("\0\xff"):rep(50000) end },
  { "a request in clear", function() return "GET /health HTTP/1.1\r\nHost: a\r\n\r\n" end },
}

return {
  list = ROWS,
  poured.group("handshakes", "clear", ROWS, CROWD, true),
}
