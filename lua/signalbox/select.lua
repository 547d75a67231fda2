-- SPDX-License-Identifier: Apache-2.0
-- Ways to choose a model from a list. Every function takes the list that `select` was given, one of its parts
-- (`models.primary`, `models.fallback`), or a table of models that the policy made, and returns a model or nil.
--
-- Inside Signalbox the second argument of this file is the core's own functions, which do the same in C. Outside, as
-- under a test runner, plain tables do for models.

local _, core = ...

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
function select.least(models, measure)
  local best, least
  for i = 1, #models do
    local value = measure(models[i])
    if value and (not least or value < least) then
      best, least = models[i], value
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
  select.weighted = core.weighted
end

return select
