-- SPDX-License-Identifier: Apache-2.0
-- How long models take, as this worker has lately measured it, for policies that avoid slow ones:
--
--   finish = latency.observe,
--   tick = latency.tick,
--   select = function(request, models) ... latency.estimate(model, request) ... end
--
-- Measured is what a client waits for: the first content of a stream, the whole of any other answer; each by itself. An
-- estimate rises fast and falls slowly.
--
-- A model that is avoided isn't measured. So an estimate that nothing has renewed for ten seconds and twenty answers is
-- put to the test by a single request, and what that one finds takes its place. A model that has become fast is noticed
-- soon, and one that hasn't costs one request in twenty at most, however little traffic there is.

local latency = {}

local RISE, FALL = 0.5, 0.2 -- how much of the way to a slower, to a faster measurement
local OLD_S, OLD_ANSWERS = 10, 20

-- By model name: { ms, age_s, born, is_tested }; `born` counts answers.
local streams, whole = {}, {}
local answers = 0

local function learn(known, name, ms)
  local estimate = known[name]
  if not estimate then
    estimate = { ms = ms }
    known[name] = estimate
  elseif estimate.is_tested then
    estimate.ms = ms
  else
    estimate.ms = estimate.ms + (ms - estimate.ms) * (ms > estimate.ms and RISE or FALL)
  end
  estimate.age_s, estimate.born, estimate.is_tested = 0, answers, false
end

--- A `finish` hook. Answers that took more than one attempt tell little about the last one, and are left out.
function latency.observe(request, result)
  if result.outcome ~= "success" or result.attempts > 1 then
    return
  end
  answers = answers + 1
  if not request.streaming then
    learn(whole, result.model.name, result.latency_ms)
  elseif result.ttft_ms then
    learn(streams, result.model.name, result.ttft_ms)
  end
end

--- A `tick` hook: a second has passed.
function latency.tick()
  for _, known in ipairs { streams, whole } do
    for _, estimate in pairs(known) do
      estimate.age_s = estimate.age_s + 1
    end
  end
end

--- Milliseconds that the model will probably take; nil where that is unknown, or known so long ago that this request
--- should find out. The next ones are told the old figure meanwhile.
function latency.estimate(model, request)
  local estimate = (request.streaming and streams or whole)[model.name]
  if not estimate then
    return nil
  end
  if estimate.age_s >= OLD_S and answers - estimate.born >= OLD_ANSWERS then
    estimate.age_s, estimate.born, estimate.is_tested = 0, answers, true
    return nil
  end
  return estimate.ms
end

return latency
