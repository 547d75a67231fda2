-- Of two primaries drawn at random the one with fewer requests in flight: a model that slows down keeps its requests
-- longer, and so gets fewer. Use it for models that are equally good, when one of them may be short of capacity; a
-- model's weight is then its capacity. Not where one is to be preferred while it has room (see regions.lua), nor where
-- prompts are cached (sticky.lua).

local select = require "signalbox.select"

return {
  models = {
    { id = "us.anthropic.claude-haiku-4-5-20251001-v1:0", region = "us-east-1", weight = 2 },
    { id = "eu.anthropic.claude-haiku-4-5-20251001-v1:0", region = "eu-central-1", weight = 1 },
    { id = "us.amazon.nova-2-lite-v1:0", region = "us-east-1", fallback = true },
  },
  select = function(request, models)
    return select.two_choices(models.primary, select.load) or select.two_choices(models.fallback, select.load)
  end,
}
