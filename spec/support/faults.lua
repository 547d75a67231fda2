-- SPDX-License-Identifier: Apache-2.0
-- The expected result of each fault of a model, taken from what the documents promise, not from what the program does.
-- The faults are the emulator's; without `after`, they strike a stream after its third event.
--
-- A fault is { title, change (for the emulator's control path; nil if the endpoint itself is broken), endpoint
-- ("refused" or "fresh"), slow, expected = { OPERATION = expectation } }. An expectation is one of
--   { ends = "failover", status, exception, outcome }   fails over; without another model, the client gets this error
--   { ends = "error", status, exception, outcome }      the caller's own mistake: the client gets this error at once
--   { ends = "response", body, outcome }                passed on unchanged; `body` names a check of a unary body
--   { ends = "stream", events, exception, outcome }     content has begun: so many events, then the exception
--   { ends = "stopped", exception, outcome }            whole up to messageStop; the rest is lost
-- `outcome` is the first model's.
local faults = {}

faults.OPERATIONS = { "converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens" }
local STREAMS = { ["converse-stream"] = true, ["invoke-with-response-stream"] = true }
faults.STREAMS = STREAMS

local NETWORK = { ends = "failover", status = 503, exception = "ServiceUnavailableException", outcome = "fail_fast" }
local TIMEOUT = { ends = "failover", status = 408, exception = "ModelTimeoutException", outcome = "fail_fast" }
local WHOLE = { ends = "response", outcome = "success" }

local list = {}

local function add(title, change, expect, more)
  local fault = { title = title, change = change, expected = {} }
  for key, value in pairs(more or {}) do fault[key] = value end
  for _, operation in ipairs(faults.OPERATIONS) do
    fault.expected[operation] = type(expect) == "function" and expect(operation) or type(expect) == "table" and expect
      or nil
  end
  list[#list + 1] = fault
end

-- `unary` for whole responses; `converse` and `invoke` for the two kinds of streams.
local function by_kind(unary, converse, invoke)
  return function(operation)
    if not STREAMS[operation] then return unary end
    return operation == "converse-stream" and converse or invoke
  end
end

local function breaks_after(events)
  return { ends = "stream", events = events, exception = "modelStreamErrorException", outcome = "fail_fast" }
end

local function passed_on(check)
  return { ends = "response", body = check, outcome = "success" }
end

-- The meaning of each exception, in a response or in a stream: its status, how the request goes on, and its outcome.
local MEANINGS = {
  ThrottlingException = { 429, "failover", "rate_limit" },
  ModelNotReadyException = { 429, "failover", "fail_fast" },
  ServiceUnavailableException = { 503, "failover", "fail_fast" },
  InternalServerException = { 500, "failover", "fail_fast" },
  ModelErrorException = { 424, "failover", "fail_fast" },
  ModelTimeoutException = { 408, "failover", "fail_fast" },
  ModelStreamErrorException = { 424, "failover", "fail_fast" },
  ValidationException = { 400, "error", "fail_fast" },
  AccessDeniedException = { 403, "failover", "fail_fast" },
  ResourceNotFoundException = { 404, "failover", "fail_fast" },
  ServiceQuotaExceededException = { 400, "failover", "rate_limit" },
  TooManyRequestsException = { 429, "failover", "rate_limit" },
  ConflictException = { 400, "error", "fail_fast" },
}

local function refusal_of(name)
  local status, ends, outcome = table.unpack(MEANINGS[name])
  return { ends = ends, status = status, exception = name, outcome = outcome }
end

local function sorted_names(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

add("no fault", {}, WHOLE)
for _, name in ipairs(sorted_names(MEANINGS)) do
  add(name, { fault = name }, refusal_of(name))
end

-- Exceptions in a stream, before and after its commit. ConverseStream commits after messageStart, an InvokeModel stream
-- at its first chunk. ModelTimeoutException is not in ConverseStream's union, so the service never sends it there.
local UNION = { "ThrottlingException", "ServiceUnavailableException", "InternalServerException",
  "ModelStreamErrorException", "ValidationException", "ModelTimeoutException" }
local COMMIT = { ["converse-stream"] = 1, ["invoke-with-response-stream"] = 0 }
local PLACES = { { 0, "first" }, { 1, "second" }, { 4, "later" } }
for _, name in ipairs(UNION) do
  for _, place in ipairs(PLACES) do
    local events, which = place[1], place[2]
    add(("%s as %s frame"):format(name, which), { fault = { exception = name, after = events } }, function(operation)
      local is_foreign = name == "ModelTimeoutException" and operation == "converse-stream"
      if not STREAMS[operation] or is_foreign then return nil end
      local refusal = refusal_of(name)
      if events <= COMMIT[operation] then return refusal end
      return { ends = "stream", events = events, exception = name:sub(1, 1):lower() .. name:sub(2),
        outcome = refusal.outcome }
    end)
  end
end

-- Before the first byte of a response. On a reused connection the first two would be retried once on a new one; another
-- spec tests that. Here every connection to the faulty model is new.
add("reset", { fault = "reset" }, NETWORK, { endpoint = "fresh" })
add("close_early", { fault = "close_early" }, NETWORK, { endpoint = "fresh" })
add("refused connection", nil, NETWORK, { endpoint = "refused" })
add("hang", { fault = "hang" }, TIMEOUT, { slow = true })
add("html", { fault = "html" },
  { ends = "failover", status = 502, exception = "ServiceUnavailableException", outcome = "fail_fast" })

-- Within a response.
add("reset within the response", { fault = "reset", after = 0 }, NETWORK, { endpoint = "fresh" })
add("truncate", { fault = "truncate" }, by_kind(NETWORK, breaks_after(3), breaks_after(3)))
add("truncate within the first frame", { fault = "truncate", after = 0 }, by_kind(nil, NETWORK, NETWORK))
add("corrupt", { fault = "corrupt" }, by_kind(passed_on("corrupt"), breaks_after(3), breaks_after(3)))
add("corrupt first frame", { fault = "corrupt", after = 0 }, by_kind(nil, NETWORK, NETWORK))
add("stall", { fault = "stall" }, by_kind(TIMEOUT, breaks_after(3), breaks_after(3)), { slow = true })
add("stall before the first frame", { fault = "stall", after = 0 }, by_kind(nil, TIMEOUT, TIMEOUT), { slow = true })
-- An InvokeModel stream that ends cleanly is whole.
add("silent_end", { fault = "silent_end" },
  by_kind(passed_on("cut_short"), breaks_after(3), { ends = "stream", events = 3, outcome = "success" }))
add("silent_end before the first frame", { fault = "silent_end", after = 0 }, by_kind(nil, NETWORK, NETWORK))
add("garbage", { fault = "garbage" }, by_kind(passed_on("garbage"), NETWORK, NETWORK))
-- A stream with a wrong length breaks off after its last event; ConverseStream has sent messageStop by then.
add("lying_length", { fault = "lying_length" },
  by_kind(NETWORK, WHOLE, { ends = "stream", exception = "modelStreamErrorException", outcome = "fail_fast" }))

-- After messageStop only the tail is lost; an exception is still passed on.
local STOPPED = { ends = "stopped", outcome = "success" }
for _, name in ipairs { "truncate", "corrupt", "silent_end", "stall" } do
  add(name .. " after messageStop", { fault = name, after = "messageStop" }, by_kind(nil, STOPPED, nil),
    { slow = name == "stall" })
end
add("exception after messageStop", { fault = "ServiceUnavailableException", after = "messageStop" },
  by_kind(nil, { ends = "stopped", exception = "serviceUnavailableException", outcome = "fail_fast" }, nil))

faults.list = list

return faults
