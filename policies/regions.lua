-- The nearest region first. Others are asked while it is throttled, down or slow, the next nearest first; a single
-- request now and then tests whether it still is slow. Use it where distance counts: for the round trip, for data that
-- leaves the region, or for capacity that is paid for there. State distances in `tags`; models of one distance
-- share by weight. Not where all regions are to carry their part (see quota.lua, least_inflight.lua).

local latency = require "signalbox.latency"
local select = require "signalbox.select"

-- The latencies beyond which a model is slow: to a stream's first content, and to the end of another response.
local SLOW_STREAM_MS, SLOW_MS = 3000, 20000

local BEHIND_ALL = 1000000

-- The rank of a model, the least is asked first: its distance; slow models come last, those of weight 0 never.
local function rank(request, model)
  if model.weight == 0 then
    return math.huge
  end
  local ms = latency.estimate(model, request)
  local is_slow = ms and ms > (request.streaming and SLOW_STREAM_MS or SLOW_MS)
  local distance = model.tags.distance or 0
  return is_slow and BEHIND_ALL + distance or distance
end

-- Chooses by weight among the models of the least rank.
local function choose(request, models)
  local first, least = {}, math.huge
  for _, model in ipairs(models) do
    local own = rank(request, model)
    if own < least then
      first, least = {}, own
    end
    if own == least then
      first[#first + 1] = model
    end
  end
  return select.weighted(first)
end

return {
  models = {
    { id = "eu.anthropic.claude-haiku-4-5-20251001-v1:0", region = "eu-central-1", tags = { distance = 1 } },
    { id = "us.anthropic.claude-haiku-4-5-20251001-v1:0", region = "us-east-1", tags = { distance = 2 } },
    { id = "apac.anthropic.claude-haiku-4-5-20251001-v1:0", region = "ap-northeast-1", tags = { distance = 3 } },
    { id = "us.amazon.nova-2-lite-v1:0", region = "us-east-1", fallback = true },
  },
  select = function(request, models)
    return choose(request, models.primary) or choose(request, models.fallback)
  end,
  finish = latency.observe,
  tick = latency.tick,
}
