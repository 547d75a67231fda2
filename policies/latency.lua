-- Of two primaries drawn at random the one that should respond first, by its latency lately times its requests in
-- flight (peak EWMA). Use it when models are equally good but not equally fast, or not always; a model of twice the
-- weight may be twice as slow. Not where they are priced differently: it would pay any price for a millisecond.

local latency = require "signalbox.latency"
local select = require "signalbox.select"

-- A model of unknown latency is tried at once, but by one request at a time until it has been measured.
local UNKNOWN_MS = 60000

local function cost(request, model)
  local load = select.load(model)
  if not load then
    return nil -- of weight 0
  end
  local ms = latency.estimate(model, request)
  return ms and ms * load or UNKNOWN_MS * model.inflight
end

local function choose(request, models)
  return select.two_choices(models, function(model)
    return cost(request, model)
  end)
end

return {
  models = {
    { id = "us.anthropic.claude-haiku-4-5-20251001-v1:0", region = "us-east-1" },
    { id = "eu.anthropic.claude-haiku-4-5-20251001-v1:0", region = "eu-central-1" },
    { id = "us.amazon.nova-2-lite-v1:0", region = "us-east-1", fallback = true },
  },
  select = function(request, models)
    return choose(request, models.primary) or choose(request, models.fallback)
  end,
  finish = latency.observe,
  tick = latency.tick,
}
