-- SPDX-License-Identifier: Apache-2.0
-- An open-loop load: requests start at fixed times, whether or not earlier ones have ended, so a slow gateway gets as
-- many as a fast one. Several gateways can get the same load at the same time.
local socket = require "socket"
local http = require "spec.support.http"

local traffic = {}

local RUN_TIMEOUT_S = 60

-- Sends one request on an idle or a new connection, and reads the response; runs in a coroutine.
local function send_one(flow, index, due)
  local response, problem
  local client = table.remove(flow.idle)
  if not client then client, problem = http.connect(flow.port) end
  if client then
    client:send(http.format(flow.make(index)))
    response, problem = client:read_response()
  end
  if response and response.complete and response.headers.connection ~= "close" then
    table.insert(flow.idle, client)
  elseif client then
    client:close()
  end
  response = response or { problem = problem, headers = {}, body = "" }
  response.latency_ms = (socket.gettime() - due) * 1000
  flow.responses[index] = response
  flow.answered = flow.answered + 1
end

local function resume(waiting, thread, ...)
  local ok, tcp, direction = coroutine.resume(thread, ...)
  if not ok then error(type(tcp) == "table" and "a response took too long" or debug.traceback(thread, tcp), 0) end
  if coroutine.status(thread) ~= "dead" then waiting[tcp] = { thread = thread, direction = direction } end
end

-- Starts all requests that are due. Returns the seconds until the next one, or nil when all have begun.
local function start_due(flow, waiting, started)
  while flow.begun < flow.count do
    local due = started + flow.begun / flow.rate
    local ahead = due - socket.gettime()
    if ahead > 0 then return ahead end
    flow.begun = flow.begun + 1
    resume(waiting, coroutine.create(send_one), flow, flow.begun, due)
  end
end

local function await(waiting, seconds)
  local reading, writing = {}, {}
  for tcp, entry in pairs(waiting) do table.insert(entry.direction == "read" and reading or writing, tcp) end
  local readable, writable = socket.select(reading, writing, seconds)
  for _, list in ipairs { readable, writable } do
    for _, tcp in ipairs(list) do
      local entry = waiting[tcp]
      waiting[tcp] = nil
      if entry then resume(waiting, entry.thread) end
    end
  end
end

-- For each flow, sends `flow.count` requests, `flow.rate` a second, to `flow.port`; flow.make(index) makes each. Then
-- flow.responses has the responses in order, as http's read_response returns them, with `latency_ms` since the request
-- was due; without `status` if there was no response.
function traffic.run(flows)
  local started, waiting = socket.gettime(), {}
  for _, flow in ipairs(flows) do
    flow.begun, flow.answered, flow.idle, flow.responses = 0, 0, {}, {}
  end
  local done
  repeat
    local seconds = 1
    done = true
    for _, flow in ipairs(flows) do
      seconds = math.min(seconds, start_due(flow, waiting, started) or seconds)
      done = done and flow.answered == flow.count
    end
    if not done then await(waiting, seconds) end
    if socket.gettime() - started > RUN_TIMEOUT_S then error("the traffic did not end", 0) end
  until done
  for _, flow in ipairs(flows) do
    for _, client in ipairs(flow.idle) do client:close() end
  end
end

-- The percentile `share` (0 to 1) of measure(response).
function traffic.percentile(responses, share, measure)
  local values = {}
  for index, response in ipairs(responses) do values[index] = measure(response) end
  table.sort(values)
  return values[math.max(1, math.ceil(#values * share))]
end

-- The number of responses for which test(response) is true.
function traffic.count(responses, test)
  local count = 0
  for _, response in ipairs(responses) do count = count + (test(response) and 1 or 0) end
  return count
end

return traffic
