-- SPDX-License-Identifier: Apache-2.0
-- Ways to choose a model from a list. The list is the one that `select` gets, one of its parts (`models.primary`,
-- `models.fallback`), or a table of models that the policy made.
--
-- Inside Signalbox the second argument of this file has the core's own functions, which do the same in C. Outside, as
-- under a test runner, models are plain tables.

local _, core = ...

local hash = require "signalbox.hash"

local select = {}

--- A model at random by weight: each gets weight / sum of the traffic. Nil if the list is empty or all weights are 0.
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

--- The model with the least measure(model), the first of several; models whose measure is nil are left out. `measure`
--- may also be the name of a field with a number, such as "inflight".
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

--- The load of a model, whose weight stands for its capacity: (in flight + 1) / weight. Nil if the weight is 0.
function select.load(model)
  return model.weight > 0 and (model.inflight + 1) / model.weight or nil
end

--- Of two models drawn at random the one with the lower cost(model). That comes near to the cheapest of all, calls cost
--- twice whatever the size of the pool, and never sends all requests to one model at once. A model whose cost is nil is
--- not chosen; if both costs are nil, the cheapest of all models is.
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

--- The model of `key`, a whole number (rendezvous hashing, by name). Each model gets its weight's share of all keys.
--- When a model leaves the list, only its keys move, to the others by weight; they come back with it. Nil if the list
--- is empty or all weights are 0.
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

--- The model with that name, or nil.
function select.named(models, name)
  for i = 1, #models do
    if models[i].name == name then
      return models[i]
    end
  end
end

--- The models for which accept(model) is true, as a plain table.
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
