-- Asks a second model when the first one is later than nearly all of its responses, passes on the response that comes
-- first, and cancels the other attempt. It shortens the slowest requests, at the price of sending some twice: two to
-- four in a hundred, and never more than `hedge_budget`. Use it where people wait for responses. Not where tokens are
-- short: a hedge takes its part of the quota, and of the bill, even when it loses.

local select = require "signalbox.select"

-- The delay of a hedge before anything is measured, and its least and its most.
local UNKNOWN_MS, LEAST_MS, MOST_MS = 5000, 50, 60000

-- Half as much again as nineteen of twenty responses take. Attempts that lost to a hedge are not measured, so without a
-- margin the delay would shrink with every hedge. For streams, whose first content counts, only the average is known.
local function late_ms(request, model)
  local ms = request.streaming and model.ttft_ms * 4 or model.p95_ms * 1.5
  return ms > 0 and math.min(math.max(ms, LEAST_MS), MOST_MS) or UNKNOWN_MS
end

return {
  hedge_budget = 0.1,
  models = {
    { id = "us.anthropic.claude-haiku-4-5-20251001-v1:0", region = "us-east-1" },
    { id = "eu.anthropic.claude-haiku-4-5-20251001-v1:0", region = "eu-central-1" },
    { id = "us.amazon.nova-2-lite-v1:0", region = "us-east-1", fallback = true },
  },
  select = function(request, models)
    local model = select.weighted(models.primary) or select.weighted(models.fallback)
    return model, model and { hedge_after_ms = late_ms(request, model) }
  end,
}
