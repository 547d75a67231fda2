-- SPDX-License-Identifier: Apache-2.0
-- Traffic as many clients make it: requests come at their moments whatever has become of those before (an open loop),
-- so that a slow gateway is met by as many as a fast one. Several gateways can be met at the same time by the same.
local socket = require "socket"
local http = require "spec.support.http"

local traffic = {}

local PATIENCE = 60 -- seconds until all is answered

-- One request from its moment on, on a connection that is idle or new; runs in a coroutine.
local function visit(flow, index, due)
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
  if not ok then error(type(tcp) == "table" and "an answer took too long" or debug.traceback(thread, tcp), 0) end
  if coroutine.status(thread) ~= "dead" then waiting[tcp] = { thread = thread, direction = direction } end
end

-- Starts all that is due; seconds until the next one, or nil when all have begun.
local function start_due(flow, waiting, started)
  while flow.begun < flow.count do
    local due = started + flow.begun / flow.rate
    local ahead = due - socket.gettime()
    if ahead > 0 then return ahead end
    flow.begun = flow.begun + 1
    resume(waiting, coroutine.create(visit), flow, flow.begun, due)
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

-- Sends `flow.count` requests, `flow.rate` a second, to `flow.port` for each of the flows; flow.make(index) gives each.
-- Afterwards flow.responses has the answers in order: as http.connection:read_response gives them, with `latency_ms`
-- since the request's moment; without `status` where there was none.
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
    if socket.gettime() - started > PATIENCE then error("the traffic did not end", 0) end
  until done
  for _, flow in ipairs(flows) do
    for _, client in ipairs(flow.idle) do client:close() end
  end
end

-- The least that `share` (0 to 1) of the responses don't exceed, by measure(response).
function traffic.percentile(responses, share, measure)
  local values = {}
  for index, response in ipairs(responses) do values[index] = measure(response) end
  table.sort(values)
  return values[math.max(1, math.ceil(#values * share))]
end

-- How many of the responses `test` is true of.
function traffic.count(responses, test)
  local count = 0
  for _, response in ipairs(responses) do count = count + (test(response) and 1 or 0) end
  return count
end

return traffic
