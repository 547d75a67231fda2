-- SPDX-License-Identifier: Apache-2.0
-- Ways to choose a model from a list. Every function takes the list that `select` was given, one of its parts
-- (`models.primary`, `models.fallback`), or a table of models that the policy made, and returns a model or nil.
--
-- Inside Signalbox the second argument of this file is the core's own functions, which do the same in C. Outside, as
-- under a test runner, plain tables do for models.

local _, core = ...

local hash = require "signalbox.hash"

local select = {}

--- A model by weight: each gets weight / sum of the traffic. Nil when the list is empty or its weights sum to 0.
function select.weighted(models)
  local total = 0
  for i = 1, #models do
    total = total + models[i].weight
  end
  if total <= 0 then
    return nil
  end
  local reach = (1 - math.random()) * total -- in (0, total]: a model of weight 0 is never reached
  local sum = 0
  for i = 1, #models do
    sum = sum + models[i].weight
    if sum >= reach then
      return models[i]
    end
  end
end

--- The model for which measure(model) is least; the first of several. Models without a measure (nil) are left out.
--- `measure` may also be the name of a field that is a number: "inflight".
function select.least(models, measure)
  if type(measure) == "string" then
    local field = measure
    measure = function(model)
      return model[field]
    end
  end
  local best, least
  for i = 1, #models do
    local value = measure(models[i])
    if value and (not least or value < least) then
      best, least = models[i], value
    end
  end
  return best
end

--- How busy a model is, a weight being what it can carry: (in flight + 1) / weight. Nil where the weight is 0.
function select.load(model)
  return model.weight > 0 and (model.inflight + 1) / model.weight or nil
end

--- Of two models drawn at random the one for which cost(model) is less. That comes near to the cheapest of all, asks
--- two whatever the size of the pool, and never sends everybody to the same model at once. Models without a cost (nil)
--- are left out: where neither of the two has one, the cheapest of all.
function select.two_choices(models, cost)
  local count = #models
  if count < 2 then
    return select.least(models, cost)
  end
  local first, second = math.random(count), math.random(count - 1)
  if second >= first then
    second = second + 1 -- any but the first, each equally likely
  end
  local ours, theirs = cost(models[first]), cost(models[second])
  if not ours and not theirs then
    return select.least(models, cost)
  end
  return models[theirs and (not ours or theirs < ours) and second or first]
end

-- A number in (0, 1) for a key at a model (the finisher of SplitMix64).
local function chance(key, name)
  local z = key ~ hash.text(name)
  z = (z ~ (z >> 30)) * 0xbf58476d1ce4e5b9
  z = (z ~ (z >> 27)) * 0x94d049bb133111eb
  z = z ~ (z >> 31)
  return ((z >> 11) + 0.5) * 0x1p-53
end

--- The model that `key`, a whole number, belongs to (rendezvous hashing, by name). Each model gets its weight's share
--- of all keys. When one leaves the list, only its keys move, to each of the others by weight; when it is back, so are
--- they. Nil when the list is empty or all weights are 0.
function select.rendezvous(models, key)
  local best, most = nil, 0
  for i = 1, #models do
    local model = models[i]
    local score = model.weight / -math.log(chance(key, model.name))
    if score > most then
      best, most = model, score
    end
  end
  return best
end

--- The model of that name.
function select.named(models, name)
  for i = 1, #models do
    if models[i].name == name then
      return models[i]
    end
  end
end

--- A plain table of the models for which accept(model) is true.
function select.where(models, accept)
  local found = {}
  for i = 1, #models do
    if accept(models[i]) then
      found[#found + 1] = models[i]
    end
  end
  return found
end

if type(core) == "table" then
  local by_function = select.least
  function select.least(models, measure)
    return (type(measure) == "string" and core.least or by_function)(models, measure)
  end
  select.weighted, select.rendezvous = core.weighted, core.rendezvous
end

return select
