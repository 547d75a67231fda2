-- Requests that begin alike go to the same model, which then has their beginning in its prompt cache: faster, and read
-- at a tenth of the price. The beginning is the system prompt and the tools, or the first message if there are neither.
-- Weights are shares of beginnings; while a model isn't eligible, only its own beginnings move. Use it when many
-- different prompts (tenants, agents, conversations) are cached at several models. Not where a single system prompt
-- makes most of the traffic, which one model would have to carry alone: use hash.conversation in place of hash.prompt
-- there.

local hash = require "signalbox.hash"
local select = require "signalbox.select"

return {
  models = {
    { id = "us.anthropic.claude-haiku-4-5-20251001-v1:0", region = "us-east-1" },
    { id = "eu.anthropic.claude-haiku-4-5-20251001-v1:0", region = "eu-central-1" },
    { id = "apac.anthropic.claude-haiku-4-5-20251001-v1:0", region = "ap-northeast-1" },
    { id = "us.amazon.nova-2-lite-v1:0", region = "us-east-1", fallback = true },
  },
  select = function(request, models)
    local key = hash.prompt(request)
    if not key then
      return select.weighted(models.primary) or select.weighted(models.fallback)
    end
    return select.rendezvous(models.primary, key) or select.rendezvous(models.fallback, key)
  end,
}
