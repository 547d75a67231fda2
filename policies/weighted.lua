-- Spreads traffic over the primaries by weight; fallbacks are asked only when no primary is left. Use it to begin with;
-- it is also the default when no policy is given. Not where models fill up or slow down, which weights don't take into
-- account: see least_inflight.lua, latency.lua, quota.lua.

local select = require "signalbox.select"

return {
  models = {
    { id = "us.amazon.nova-2-lite-v1:0", weight = 100 },
    { id = "us.amazon.nova-pro-v1:0", weight = 30, fallback = true },
  },
  select = function(_, models) -- models: the eligible ones
    return select.weighted(models.primary) or select.weighted(models.fallback)
  end,
}
