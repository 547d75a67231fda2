-- The nearest region first. Others are asked while it rests (throttled, down) or is slow, the next nearest first; a
-- single request now and then finds out whether it still is. Use it where distance counts: for the round trip, for what
-- leaves the region, or for a capacity that was paid for there. Distances are yours to say, in `tags`; models of one
-- distance share by weight. Not where all regions are to carry their part (see quota.lua, least_inflight.lua).

local latency = require "signalbox.latency"
local select = require "signalbox.select"

-- Slower than that is slow: until a stream's first content, until the end of any other answer.
local SLOW_STREAM_MS, SLOW_MS = 3000, 20000

local BEHIND_ALL = 1000000

-- The order in which models are asked, the least first: by distance, the slow ones last, those of weight 0 never.
local function rank(request, model)
  if model.weight == 0 then
    return math.huge
  end
  local ms = latency.estimate(model, request)
  local is_slow = ms and ms > (request.streaming and SLOW_STREAM_MS or SLOW_MS)
  local distance = model.tags.distance or 0
  return is_slow and BEHIND_ALL + distance or distance
end

-- By weight among those of the least rank.
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
