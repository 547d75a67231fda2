-- Asks a second model when the first one is later than nearly all of its answers, passes on whichever comes first, and
-- cancels the other attempt. Cuts off the slowest answers at the price of some that are asked for twice: two to four in
-- a hundred, and never more than `hedge_budget`. Use it where people wait for answers. Not where tokens are short: a
-- hedge takes its part of the quota, and of the bill, even when it loses.

local select = require "signalbox.select"

-- While nothing is known yet, at least, and at most.
local UNKNOWN_MS, LEAST_MS, MOST_MS = 5000, 50, 60000

-- Half as much again as nineteen of twenty answers take: those that lost to a hedge aren't among the twenty, so without
-- a margin hedges would breed hedges. Of a stream, whose first content counts, only the average is known.
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
