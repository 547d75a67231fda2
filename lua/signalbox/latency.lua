-- SPDX-License-Identifier: Apache-2.0
-- The latency of models, as this worker has measured it lately, for policies that avoid slow ones:
--
--   finish = latency.observe,
--   tick = latency.tick,
--   select = function(request, models) ... latency.estimate(model, request) ... end
--
-- It measures what a client waits for: the first content of a stream, or the whole of another response, separately. An
-- estimate rises fast and falls slowly.
--
-- A model that is avoided is not measured. So after ten seconds and twenty responses without a measurement, a single
-- request tests the model, and its result replaces the estimate. A model that has become fast is noticed soon; one that
-- is still slow costs at most one request in twenty, however little traffic there is.

local latency = {}

local RISE, FALL = 0.5, 0.2 -- how much of the way to a slower, to a faster measurement
local OLD_S, OLD_RESPONSES = 10, 20

-- By model name: { ms, age_s, measured_at, is_tested }; `measured_at` is the number of responses by then.
local streams, whole = {}, {}
local responses = 0

local function update(known, name, ms)
  local estimate = known[name]
  if not estimate then
    estimate = { ms = ms }
    known[name] = estimate
  elseif estimate.is_tested then
    estimate.ms = ms
  else
    estimate.ms = estimate.ms + (ms - estimate.ms) * (ms > estimate.ms and RISE or FALL)
  end
  estimate.age_s, estimate.measured_at, estimate.is_tested = 0, responses, false
end

--- A `finish` hook. It leaves out responses after more than one attempt, which say little about the last attempt.
function latency.observe(request, result)
  if result.outcome ~= "success" or result.attempts > 1 then
    return
  end
  responses = responses + 1
  if not request.streaming then
    update(whole, result.model.name, result.latency_ms)
  elseif result.ttft_ms then
    update(streams, result.model.name, result.ttft_ms)
  end
end

--- A `tick` hook, called once a second.
function latency.tick()
  for _, known in ipairs { streams, whole } do
    for _, estimate in pairs(known) do
      estimate.age_s = estimate.age_s + 1
    end
  end
end

--- The milliseconds that the model will probably take. Nil if that is unknown, or so old that this request is to test
--- the model; until it has, other requests get the old estimate.
function latency.estimate(model, request)
  local estimate = (request.streaming and streams or whole)[model.name]
  if not estimate then
    return nil
  end
  if estimate.age_s >= OLD_S and responses - estimate.measured_at >= OLD_RESPONSES then
    estimate.age_s, estimate.measured_at, estimate.is_tested = 0, responses, true
    return nil
  end
  return estimate.ms
end

return latency
