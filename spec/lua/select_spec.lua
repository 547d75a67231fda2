-- SPDX-License-Identifier: Apache-2.0
-- Choosing, with plain tables for models and no C.
local select = require "signalbox.select"

local function models(...)
  local list = {}
  for i, weight in ipairs { ... } do
    list[i] = { name = "m" .. i, weight = weight }
  end
  return list
end

describe("select.weighted", function()
  it("finds nothing in an empty list", function()
    assert.is_nil(select.weighted({}))
  end)

  it("finds nothing where all weights are 0", function()
    assert.is_nil(select.weighted(models(0, 0)))
  end)

  it("takes the only model that has a weight", function()
    for _ = 1, 100 do
      assert.equal("m2", select.weighted(models(0, 3, 0)).name)
    end
  end)

  it("gives each its share", function()
    math.randomseed(1)
    local list, counts, draws = models(10, 30, 60), { m1 = 0, m2 = 0, m3 = 0 }, 20000
    for _ = 1, draws do
      local name = select.weighted(list).name
      counts[name] = counts[name] + 1
    end
    local chi = 0
    for i, share in ipairs { 0.1, 0.3, 0.6 } do
      chi = chi + (counts["m" .. i] - draws * share) ^ 2 / (draws * share)
    end
    assert.is_true(chi < 13.8, "chi-squared is " .. chi)
  end)
end)

describe("select.least", function()
  it("takes the first of the smallest", function()
    local list = models(5, 2, 2)
    assert.equal("m2", select.least(list, function(model)
      return model.weight
    end).name)
  end)

  it("leaves out models without a measure", function()
    local list = models(5, 2)
    assert.equal("m1", select.least(list, function(model)
      return model.weight > 2 and model.weight or nil
    end).name)
    assert.is_nil(select.least(list, function() end))
    assert.is_nil(select.least({}, function()
      return 1
    end))
  end)
end)

describe("select.named and select.where", function()
  it("find by name", function()
    assert.equal(7, select.named(models(5, 7), "m2").weight)
    assert.is_nil(select.named(models(5), "m2"))
  end)

  it("filter into a new list", function()
    local list = models(1, 2, 3)
    local found = select.where(list, function(model)
      return model.weight ~= 2
    end)
    assert.same({ list[1], list[3] }, found)
    assert.equal(3, #list)
  end)
end)
