-- SPDX-License-Identifier: Apache-2.0
-- Many requests in one curl process, over HTTP/1.1 or HTTP/2, in clear or over TLS. curl is an independent client: it
-- reports the protocol version in use, and whether a response reached its declared end.
local process = require "spec.support.process"

local curl = {}

local RESPONSE_TIMEOUT_S = 60

local VERSIONS = {
  ["http1"] = { option = "http1.1", spoken = "1.1" },
  ["http2"] = { option = "http2-prior-knowledge", spoken = "2" },
  ["http2-tls"] = { option = "http2", spoken = "2" },
  ["http1-tls"] = { option = "http1.1", spoken = "1.1" },
}

local function quoted(text)
  return '"' .. text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n") .. '"'
end

-- With prior knowledge of HTTP/2, curl 7.88 breaks every connection that it reuses. So each request gets a host name of
-- its own, and with it a connection. Over TLS, requests share a connection.
local function add_request(lines, folder, transport, index, request)
  local function add(option, value) lines[#lines + 1] = value and option .. " = " .. quoted(value) or option end
  if index > 1 then add("next") end
  local host = transport.version == "http2" and ("c%d.localhost"):format(index) or "127.0.0.1"
  add("url", ("%s://%s:%d%s"):format(transport.scheme, host, transport.port, request.path))
  add("connect-to", "::127.0.0.1:" .. transport.port)
  add("silent")
  add(VERSIONS[transport.version].option)
  add("max-time", tostring(RESPONSE_TIMEOUT_S))
  if transport.authority then add("cacert", transport.authority) end
  for name, value in pairs(request.headers or {}) do add("header", name .. ": " .. value) end
  if request.body then
    add("data-binary", "@" .. process.write(("%s/%d.request"):format(folder, index), request.body))
  end
  add("output", ("%s/%d.body"):format(folder, index))
  add("dump-header", ("%s/%d.head"):format(folder, index))
  add("write-out", ("%d %%{exitcode} %%{http_code} %%{http_version}\n"):format(index))
end

local function read_response(folder, index, exit_code, status, version)
  local response = { status = status, version = version, complete = exit_code == 0, exit_code = exit_code }
  response.headers = {}
  for name, value in process.contents(("%s/%d.head"):format(folder, index)):gmatch("\n([^:\r\n]+):%s*([^\r\n]*)") do
    response.headers[name:lower()] = value
  end
  response.body = process.contents(("%s/%d.body"):format(folder, index))
  return response
end

-- Sends `requests` (as http.format takes them), `parallel` at a time, over `transport`: { version, scheme, port,
-- authority }, where `authority` is the file of the certificate to trust. Returns the responses in the same order:
-- { status, version (the one in use), headers (lower-case names), body, complete, exit_code }.
function curl.load(transport, requests, parallel)
  local folder, lines = process.folder(), {}
  for index, request in ipairs(requests) do add_request(lines, folder, transport, index, request) end
  local config = process.write(folder .. "/config", table.concat(lines, "\n") .. "\n")
  local words = { "curl", "--parallel", "--parallel-max", tostring(parallel or 50), "--config", config }
  local _, out = process.run(words, {}, 600)
  local responses = {}
  for index, exit_code, status, version in out:gmatch("(%d+) (%d+) (%d+) (%S+)\n") do
    index = tonumber(index)
    responses[index] = read_response(folder, index, tonumber(exit_code), tonumber(status), version)
  end
  process.remove(folder)
  assert(#responses == #requests, ("curl reported %d of %d responses"):format(#responses, #requests))
  return responses
end

-- Starts one request over `transport`. Returns the curl process, which the caller stops; its response stays in files.
function curl.start(transport, request, folder)
  local own = folder .. "/curl"
  assert(os.execute("mkdir -p " .. process.quoted(own)))
  local lines = {}
  add_request(lines, own, transport, 1, request)
  local config = process.write(own .. "/config", table.concat(lines, "\n") .. "\n")
  return process.start({ "curl", "--no-buffer", "--config", config },
    { folder = folder })
end

-- The status of the response to the request that `curl.start` sent from `folder`; nil until its status line has come.
function curl.head_status(folder)
  return tonumber(process.contents(folder .. "/curl/1.head"):match("^HTTP/%S+ (%d%d%d)"))
end

-- The version that responses over this transport must have, as curl writes it.
function curl.spoken(transport)
  return VERSIONS[transport.version].spoken
end

return curl
