-- The model with the largest share of its quota left, so that several accounts or regions fill up evenly and each keeps
-- room for a large request, or for one that no other can take. Use it when the service's quotas are your limit: state
-- in `quota` what each model is granted a minute (console, Service Quotas). Signalbox then counts what is used, sends
-- nothing that doesn't fit, and lets requests wait a little when all is used up. Weights don't matter, except that 0
-- takes a model out. Not where a quota is unknown: a model without one always has all of it left.

local select = require "signalbox.select"

local function used(model)
  return model.weight > 0 and 1 - model.headroom or nil
end

return {
  max_wait_ms = 5000,
  models = {
    { id = "us.anthropic.claude-haiku-4-5-20251001-v1:0", region = "us-east-1", quota = { rpm = 1000, tpm = 400000 } },
    { id = "eu.anthropic.claude-haiku-4-5-20251001-v1:0", region = "eu-central-1", quota = { rpm = 200, tpm = 80000 } },
    { id = "us.amazon.nova-2-lite-v1:0", region = "us-east-1", fallback = true },
  },
  select = function(request, models)
    return select.least(models.primary, used) or select.least(models.fallback, used)
  end,
}
