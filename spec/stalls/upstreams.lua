-- SPDX-License-Identifier: Apache-2.0
-- What an upstream can respond: heads, chunks and frames that cost more than they weigh, and bodies of the greatest
-- size that the limits allow, to a policy that reads all of a response.
local eventstream = require "spec.support.eventstream"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local transports = require "spec.support.transports"

local HEAD_BYTES = 1 << 20 -- limits.header_bytes, as large as it can be set
local HEAD_FIELDS = 250 -- nearly as many as a head may have
local BODY_BYTES = 26214400 -- limits.response_bytes
local ERROR_BYTES = 1 << 20 -- the greatest error body
local STREAMS = 16 -- at once
local CHAIN = 16 -- certificates, as many as the emulator takes

local OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
local CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"
local EMPTY = "Content-Length: 2\r\n\r\n{}"
local STREAM = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n" .. CHUNKED

local EVENTS = eventstream.conversation("a")

-- A head whose `connection` has so many names, and so many other headers.
local function named_by_connection(names, lines)
  return function()
    local parts = { OK, "Connection: ", ("a, "):rep(names), "h0\r\n" }
    for number = 1, lines do parts[#parts + 1] = ("h%d: x\r\n"):format(number) end
    return table.concat(parts) .. EMPTY
  end
end

local function head_of(part, count)
  return function() return OK .. part:rep(count) .. EMPTY end
end

local function sized(status_line, body)
  return status_line .. ("Content-Length: %d\r\n\r\n"):format(#body) .. body
end

-- A body of `head`, as many of `part` as there is room for, and `tail`.
local function body_of(head, part, tail)
  return function() return sized(OK, head .. part:rep((BODY_BYTES - #head - #tail) // #part) .. tail) end
end

local function error_of(kind, head, part, tail)
  return function()
    return sized("HTTP/1.1 503 Not now\r\nContent-Type: " .. kind .. "\r\n",
      head .. part:rep((ERROR_BYTES - #head - #tail) // #part) .. tail)
  end
end

local function chunks_of(part, count)
  return function() return OK .. CHUNKED .. part:rep(count) .. "2\r\n{}\r\n0\r\n\r\n" end
end

-- A stream that begins well, and then so many of `frame`.
local function frames_of(frame, count)
  return function()
    local body = EVENTS[1] .. frame:rep(count)
    return STREAM .. ("%x\r\n"):format(#body) .. body .. "\r\n0\r\n\r\n"
  end
end

local function frame_of_headers(count)
  local headers = { { ":event-type", "contentBlockDelta" }, { ":message-type", "event" } }
  for number = 3, count do headers[number] = { ("h%d"):format(number), "" } end
  return eventstream.frame(headers, "{}")
end

local BODIES = {
  { "340 000 names in connection", named_by_connection(340000, 0) },
  { "headers that are each held against 32 names", named_by_connection(31, HEAD_FIELDS) },
  { "headers that are each held against 340 000 names", named_by_connection(340000, HEAD_FIELDS) },
  { "a head of 1 MiB, all of one header", head_of("x: " .. ("y"):rep(HEAD_BYTES - 2000) .. "\r\n", 1) },
  { "a head of 1 MiB, of 250 headers", head_of("x: " .. ("y"):rep(4000) .. "\r\n", HEAD_FIELDS) },
  { "a head of too many headers", head_of("a: b\r\n", 100000) },
  { "a head without an end", function() return OK .. ("a: b\r\n"):rep(1000000) end },
  { "interim responses", function() return ("HTTP/1.1 100 Continue\r\n\r\n"):rep(100000) .. OK .. EMPTY end },
  { "chunks of one byte", chunks_of("1\r\n \r\n", 500000) },
  { "chunks with extensions", chunks_of("1;" .. ("x"):rep(1000) .. "\r\n \r\n", 5000) },
  { "trailers without an end", function()
    return OK .. CHUNKED .. "2\r\n{}\r\n0\r\n" .. ("a: b\r\n"):rep(1000000) end },
  { "numbers of one digit", body_of('{"x":[', "0,", "0]}") },
  { "empty strings", body_of('{"x":[', '"",', "0]}") },
  { "empty lists", body_of('{"x":[', "[],", "0]}") },
  { "keys with escapes", body_of('{"x":{', '"\\u0061":0,', '"a":0}}') },
  { "texts of one letter", body_of('{"output":{"message":{"content":[', '{"text":"a"},', '{"text":"b"}]}}}') },
  { "one text of escapes", body_of('{"output":{"message":{"content":[{"text":"', "\\u00e9", '"}]}}}') },
  { "spaces", body_of("", " ", "{}") },
  { "an error of small tokens", error_of("application/json", '{"x":[', '{"message":"a"},', '0],"message":"b"}') },
  { "an error's page", error_of("text/html", "<html>", "<p>", "</html>") },
  { "bytes that are no response", function() return ("\0\xff\r\n"):rep(100000) end },
  { "half a body", function() return OK .. "Content-Length: 1000000\r\n\r\n" .. ("x"):rep(500000) end },
}

local FRAMES = {
  { "frames of 32 headers", frames_of(frame_of_headers(32), 3000) },
  { "frames of 1 024 headers", frames_of(frame_of_headers(1024), 100) },
  { "frames without headers", frames_of(eventstream.frame({}, ""), 20000) },
  { "deltas of one letter", frames_of(EVENTS[2], 5000) },
  { "a frame of 16 MiB", frames_of(eventstream.prelude(16700000, 0) .. ("x"):rep(16699988), 1) },
  { "frames with a wrong sum", frames_of(EVENTS[2]:sub(1, -2) .. "x", 10000) },
  { "chunks of one byte", function()
    return STREAM .. (EVENTS[1] .. EVENTS[2]:rep(100)):gsub(".", "1\r\n%0\r\n") .. "0\r\n\r\n" end },
}

local POLICY = [[
  return {
    models = { { id = "any", breaker = { failure_threshold = 100 } } }, max_retries = 0,
    accept = function(response)
      local _ = response.stop_reason, response.usage.input_tokens
      pcall(response.text, response)
      pcall(response.body, response)
      return true
    end,
  }
]]

local function row_of(gateway, path, kind, entry, operation, count)
  local function ask()
    http.load(gateway.port, { count = count, connections = count, on_response = function() end,
      make = function() return signalbox.call("any", operation) end })
  end
  return {
    name = ("upstream: %s of %s, %d at once"):format(kind, entry[1], count),
    before = function()
      process.write(path, entry[2]())
      gateway.admin("/breakers/any/reset", "POST")
    end,
    attack = ask,
  }
end

local function open(scene)
  local path = scene:write("response", "")
  local upstream = scene:upstream(([[
    local file = io.open(%q, "rb")
    answer:send(file:read("a"))
    file:close()
    answer:close()
  ]]):format(path))
  local gateway = scene:gateway(upstream, { policy = POLICY, settings = { limits = { header_bytes = HEAD_BYTES } } })
  local rows = {}
  for _, entry in ipairs(BODIES) do rows[#rows + 1] = row_of(gateway, path, "a response", entry, "converse", 1) end
  for _, entry in ipairs(FRAMES) do
    rows[#rows + 1] = row_of(gateway, path, "streams", entry, "converse-stream", STREAMS)
  end
  return gateway, rows
end

-- Endpoints whose TLS is broken, each that of a model.
-- 429 is for an open breaker.
local REFUSED = { [503] = true, [429] = true }

local function open_tls(scene)
  local tls = transports.certificate(scene.folder)
  local chain = scene:write("chain.pem", process.contents(tls.cert):rep(CHAIN))
  local function over_tls(url) return (url:gsub("^http:", "https:")) end
  local kinds = {
    { "no TLS", over_tls(scene:emulator().url) },
    { "silence", over_tls(scene:upstream("").url) },
    { "a certificate of nobody", scene:emulator(nil, nil, { tls = tls }).url },
    { "a chain of certificates", scene:emulator(nil, nil, { tls = { cert = chain, key = tls.key } }).url },
  }
  local models = {}
  for index, kind in ipairs(kinds) do
    models[index] = { id = "m" .. index, serves = {}, endpoint = kind[2], breaker = { failure_threshold = 100 } }
  end
  local gateway = scene:gateway(nil, { policy = { max_retries = 0, models = models },
    settings = { timeouts = { connect_ms = 200 } } })
  local rows = {}
  local function add(index, at_once)
    rows[#rows + 1] = { name = ("upstream: %s, %d at once"):format(kinds[index][1], at_once), attack = function()
      http.load(gateway.port, { count = 2 * at_once, connections = at_once,
        on_response = function(_, response)
          assert(response and REFUSED[response.status], response and response.body)
        end,
        make = function() return signalbox.call("m" .. index, "converse") end })
    end }
  end
  for index = 1, #kinds do add(index, STREAMS) end
  add(#kinds, 8 * STREAMS)
  return gateway, rows
end

return {
  { title = "upstreams", open = open },
  { title = "upstreams over TLS", open = open_tls },
}
