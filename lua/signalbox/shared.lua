-- SPDX-License-Identifier: Apache-2.0
-- A store that all workers share, and that a policy's next version inherits: counters, flags, short texts.
--
--   local shared = require "signalbox.shared"
--   if shared.incr("calls:" .. request.caller, 1, 60000) > 100 then ... end
--
-- Inside Signalbox it is the core's own store, bounded and atomic. Outside, as under a test runner, a table in this
-- file stands in for it, without bounds and without expiry.

local _, core = ...

local shared = {}

local values = {}

--- The value of a key, or nil.
function shared.get(key)
  return values[key]
end

--- Stores a string, number or boolean, for ttl_ms or without expiry; nil removes the key. Returns true, or nil and a
--- reason.
function shared.set(key, value, _)
  values[key] = value
  return true
end

--- Adds `by` (1) to a number, and returns the sum. A missing key starts at `by`, and lives for ttl_ms or without
--- expiry. Returns nil and a reason if the value is no number, or the store is full.
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
