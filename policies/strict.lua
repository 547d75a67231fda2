-- The classic rule: only throttling moves a request to another model (an open breaker does too, since its model is not
-- eligible); every other error goes to the client. Every error counts at the breaker, and none starts a cooldown.
-- Use it where a failed attempt may already have cost money or had effects, so that the client should decide about a
-- retry. Not where clients rely on a response: they see every failure.

local select = require "signalbox.select"

return {
  timeout_ms = 30000,
  models = {
    { id = "us.amazon.nova-2-lite-v1:0", weight = 100 },
    { id = "us.amazon.nova-pro-v1:0", weight = 30, fallback = true },
  },
  select = function(_, models)
    return select.weighted(models.primary) or select.weighted(models.fallback)
  end,
  classify = function(failure)
    if failure.type == "throttling" then
      return "failover", { outcome = "rate_limit", counts = true, cooldown_ms = 0 }
    end
    return "fail", { outcome = "fail_fast", counts = true, cooldown_ms = 0 }
  end,
}
