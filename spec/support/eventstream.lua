-- SPDX-License-Identifier: Apache-2.0
-- Reads and writes application/vnd.amazon.eventstream. Reading ignores checksums, which the codec's specs check, so
-- that a test can still show a frame that the gateway should not have passed on.
local eventstream = {}

local crc_table = {}
for byte = 0, 255 do
  local remainder = byte
  for _ = 1, 8 do remainder = remainder & 1 == 1 and (remainder >> 1) ~ 0xEDB88320 or remainder >> 1 end
  crc_table[byte] = remainder
end

local function crc(bytes)
  local sum = 0xFFFFFFFF
  for index = 1, #bytes do sum = (sum >> 8) ~ crc_table[(sum ~ bytes:byte(index)) & 0xFF] end
  return sum ~ 0xFFFFFFFF
end

-- The prelude of a frame: its length in bytes, and the length of its headers.
function eventstream.prelude(total, headers)
  local lengths = string.pack(">I4I4", total, headers)
  return lengths .. string.pack(">I4", crc(lengths))
end

-- A frame of string headers (a list of { name, value }) and a payload.
function eventstream.frame(headers, payload)
  local parts = {}
  for index, header in ipairs(headers) do parts[index] = string.pack(">s1Bs2", header[1], 7, header[2]) end
  local block = table.concat(parts)
  local bytes = eventstream.prelude(#block + #payload + 16, #block) .. block .. payload
  return bytes .. string.pack(">I4", crc(bytes))
end

-- An event as the service sends it; `payload` is JSON text.
function eventstream.event(name, payload)
  return eventstream.frame({ { ":event-type", name }, { ":content-type", "application/json" },
    { ":message-type", "event" } }, payload)
end

function eventstream.exception(name, message)
  return eventstream.frame({ { ":exception-type", name }, { ":content-type", "application/json" },
    { ":message-type", "exception" } }, ('{"message":"%s"}'):format(message))
end

-- The events of a short, whole ConverseStream response.
function eventstream.conversation(text)
  return {
    eventstream.event("messageStart", '{"role":"assistant"}'),
    eventstream.event("contentBlockDelta", ('{"contentBlockIndex":0,"delta":{"text":"%s"}}'):format(text)),
    eventstream.event("contentBlockStop", '{"contentBlockIndex":0}'),
    eventstream.event("messageStop", '{"stopReason":"end_turn"}'),
    eventstream.event("metadata",
      '{"usage":{"inputTokens":3,"outputTokens":5,"totalTokens":8},"metrics":{"latencyMs":7}}'),
  }
end

local function read_headers(bytes)
  local headers, at = {}, 1
  while at <= #bytes do
    local name, kind
    name, kind, at = string.unpack(">s1B", bytes, at)
    assert(kind == 7, "only string headers are used by the service")
    headers[name], at = string.unpack(">s2", bytes, at)
  end
  return headers
end

-- The whole frames of `bytes`, each { headers, payload, bytes }, and the bytes left over.
function eventstream.decode(bytes)
  local frames, at = {}, 1
  while #bytes - at + 1 >= 12 do
    local total, headers_length = string.unpack(">I4I4", bytes, at)
    if #bytes - at + 1 < total then break end
    frames[#frames + 1] = {
      headers = read_headers(bytes:sub(at + 12, at + 11 + headers_length)),
      payload = bytes:sub(at + 12 + headers_length, at + total - 5),
      bytes = bytes:sub(at, at + total - 1),
    }
    at = at + total
  end
  return frames, bytes:sub(at)
end

-- The names of the frames in order: event types, or exception types.
function eventstream.names(frames)
  local names = {}
  for index, frame in ipairs(frames) do
    names[index] = frame.headers[":event-type"] or frame.headers[":exception-type"] or frame.headers[":error-code"]
  end
  return names
end

return eventstream
