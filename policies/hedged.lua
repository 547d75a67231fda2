-- Asks a second model when the first one takes longer than nineteen of twenty of its answers do, passes on whichever
-- comes first, and cancels the other attempt. Cuts off the slowest answers at the price of some that are asked for
-- twice: about one in twenty, and never more than `hedge_budget`. Use it where people wait for answers. Not where
-- tokens are short: a hedge takes its part of the quota, and of the bill, even when it loses.

local select = require "signalbox.select"

-- While nothing is known yet, and at least.
local UNKNOWN_MS, LEAST_MS = 5000, 50

-- A stream is late when its first content is: three times the average comes to much the same as nineteen of twenty.
local function patience_ms(request, model)
  local late_ms = request.streaming and model.ttft_ms * 3 or model.p95_ms
  return late_ms > 0 and math.max(late_ms, LEAST_MS) or UNKNOWN_MS
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
    return model, model and { hedge_after_ms = patience_ms(request, model) }
  end,
}
