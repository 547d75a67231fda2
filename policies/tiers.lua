-- Pays for a faster service tier only when it has to: a throttled request is sent once more at the next tier up, to the
-- same model, before another model is tried; and requests of low priority start at "flex", which costs less. Use it
-- when a response by this very model is worth the price of "priority" (if capacity is reserved, add "reserved" to
-- tier_escalation). Not with models that have no tiers: Signalbox notices, but at the price of an attempt.

local select = require "signalbox.select"

-- Requests that may use "flex": those of these callers, and those with { priority = "low" } in their requestMetadata.
local patient = { batch = true, evaluation = true }

local function is_patient(request)
  return patient[request.caller or ""] or request.metadata.priority == "low"
end

return {
  tier_escalation = { "default", "priority" },
  models = {
    { id = "us.amazon.nova-pro-v1:0", region = "us-east-1" },
    { id = "us.amazon.nova-2-lite-v1:0", region = "us-east-1", fallback = true },
  },
  select = function(request, models)
    local model = select.weighted(models.primary) or select.weighted(models.fallback)
    if is_patient(request) then
      return model, { tier = "flex" }, "low priority"
    end
    return model
  end,
  classify = function(failure)
    if failure.type == "throttling" and failure.tier ~= "priority" then
      return "escalate", { cooldown_ms = 0 } -- a tier is full, not the model
    end
  end,
}
