-- Spreads traffic over the primaries by weight; fallbacks are asked only when no primary is left. The policy to begin
-- with, and the one that serves when none is given. Not where models fill up or slow down, which weights know nothing
-- of: see least_inflight.lua, latency.lua, quota.lua.

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
