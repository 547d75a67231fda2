-- SPDX-License-Identifier: Apache-2.0
-- The default classification of failed attempts, for policies that change a part of it:
--
--   classify = function(failure)
--     if failure.name == "ModelNotReadyException" then
--       return "retry", { after_ms = 500 }
--     end
--     return classify.default(failure)
--   end
--
-- Inside Signalbox the second argument of this file has the core's own functions. Outside, as under a test runner, the
-- tables below stand in for them.

local _, core = ...

local classify = {}

-- The fault of a failure, by the exception's name.
local fault_of_name = {
  ThrottlingException = "throttle",
  TooManyRequestsException = "throttle",
  ServiceQuotaExceededException = "throttle",
  LimitExceededException = "throttle",
  RequestLimitExceeded = "throttle",
  RateLimitExceeded = "throttle",
  ModelNotReadyException = "model",
  ServiceUnavailableException = "model",
  ModelErrorException = "model",
  ModelTimeoutException = "model",
  ModelStreamErrorException = "model",
  InternalServerException = "model",
  AccessDeniedException = "operator",
  ExpiredTokenException = "operator",
  UnrecognizedClientException = "operator",
  ResourceNotFoundException = "operator",
  ValidationException = "caller",
  ConflictException = "caller",
}

-- By the error's type, which covers more names than the table above.
local fault_of_type = {
  throttling = "throttle",
  authentication = "operator",
  validation = "caller",
  internal = "model",
  timeout = "model",
  network = "model",
}

local fault_of_status = {
  [401] = "operator",
  [403] = "operator",
  [404] = "operator",
  [408] = "model",
  [429] = "throttle",
}

local function fault_of(failure)
  local fault = fault_of_name[failure.name] or fault_of_type[failure.type] or fault_of_status[failure.status]
  if fault then
    return fault
  end
  if failure.status and failure.status < 500 then
    return "caller"
  end
  return "model"
end

local verdicts = {
  throttle = { "failover", "rate_limit", false },
  model = { "failover", "fail_fast", true },
  operator = { "failover", "fail_fast", false },
  caller = { "fail", "fail_fast", false },
}

--- Returns the default verdict, and { outcome, counts }. It leaves the cooldown out, so that it stays the default,
--- which for a throttle grows while the throttling goes on.
function classify.default(failure)
  local verdict, outcome, counts = table.unpack(verdicts[fault_of(failure)])
  return verdict, { outcome = outcome, counts = counts }
end

if type(core) == "table" then
  classify.default = core.classify
end

return classify
