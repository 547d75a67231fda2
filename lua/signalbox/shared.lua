-- SPDX-License-Identifier: Apache-2.0
-- What all workers remember together, and a policy's next version with it: counters, flags, short texts.
--
--   local shared = require "signalbox.shared"
--   if shared.incr("calls:" .. request.caller, 1, 60000) > 100 then ... end
--
-- Inside Signalbox it is the core's own store, bounded and atomic. Outside, as under a test runner, a table of this
-- file's stands in for it: without bounds, and without expiry, since there is no clock of hooks.

local _, core = ...

local shared = {}

local values = {}

--- The value of a key, or nil.
function shared.get(key)
  return values[key]
end

--- Puts a string, number or boolean there, for ttl_ms or for good; nil removes the key. True, or nil and a reason.
function shared.set(key, value, _)
  values[key] = value
  return true
end

--- Adds `by` (1) to a number, and returns the sum. A key that isn't there begins with `by`, and lives for ttl_ms or for
--- good. Nil and a reason where the value is no number, or the store is full.
function shared.incr(key, by, _)
  local value = values[key] or 0
  if type(value) ~= "number" then
    return nil, "the value is no number"
  end
  values[key] = value + (by or 1)
  return values[key]
end

if type(core) == "table" then
  shared = core.shared
end

return shared
