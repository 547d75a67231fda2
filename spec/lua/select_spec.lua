-- SPDX-License-Identifier: Apache-2.0
-- signalbox.select, with plain tables as models and without C.
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

  it("finds nothing if all weights are 0", function()
    assert.is_nil(select.weighted(models(0, 0)))
  end)

  it("takes the only model with a weight", function()
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
    assert.equal("m2", select.least(list, "weight").name)
    assert.is_nil(select.least(list, function() end))
    assert.is_nil(select.least({}, function()
      return 1
    end))
  end)
end)

describe("select.load", function()
  it("is requests in flight plus one, by weight", function()
    assert.equal(2, select.load { inflight = 3, weight = 2 })
    assert.equal(1, select.load { inflight = 0, weight = 1 })
    assert.is_nil(select.load { inflight = 0, weight = 0 })
  end)
end)

describe("select.two_choices", function()
  local function weight_of(model)
    return model.weight >= 0 and model.weight or nil
  end

  local function counts_of(list, draws)
    local counts = {}
    for _ = 1, draws do
      local name = select.two_choices(list, weight_of).name
      counts[name] = (counts[name] or 0) + 1
    end
    return counts
  end

  it("finds nothing in an empty list, or if nothing has a cost", function()
    assert.is_nil(select.two_choices({}, weight_of))
    assert.is_nil(select.two_choices(models(-1), weight_of))
    assert.is_nil(select.two_choices(models(-1, -1, -1), weight_of))
  end)

  it("takes the only one", function()
    assert.equal("m1", select.two_choices(models(7), weight_of).name)
  end)

  it("always takes the better of two", function()
    assert.same({ m2 = 100 }, counts_of(models(5, 2), 100))
    assert.same({ m1 = 100 }, counts_of(models(2, 5), 100))
  end)

  it("draws among equals", function()
    math.randomseed(1)
    local counts = counts_of(models(1, 1, 1, 1), 4000)
    for i = 1, 4 do
      assert.is_true(math.abs(counts["m" .. i] - 1000) < 120)
    end
  end)

  it("looks at two, never the same twice", function()
    math.randomseed(1)
    -- Of three, the dearest is never chosen; the middle one is if it is drawn with the dearest, a third of all pairs.
    local counts = counts_of(models(1, 2, 3), 3000)
    assert.is_nil(counts.m3)
    assert.is_true(math.abs(counts.m2 - 1000) < 120)
  end)

  it("finds the only one with a cost", function()
    for _ = 1, 100 do
      assert.equal("m3", select.two_choices(models(-1, -1, 4, -1, -1), weight_of).name)
    end
  end)
end)

describe("select.rendezvous", function()
  local function owners(list, keys)
    local found = {}
    for key = 1, keys do
      local model = select.rendezvous(list, key * 7919)
      found[key] = model and model.name
    end
    return found
  end

  it("finds nothing in an empty list", function()
    assert.is_nil(select.rendezvous({}, 1))
    assert.is_nil(select.rendezvous(models(0, 0), 1))
  end)

  it("gives a key to the same model, in any order of the models", function()
    local list = models(1, 2, 3)
    assert.same(owners(list, 100), owners({ list[3], list[1], list[2] }, 100))
  end)

  it("gives each model its weight's share of keys", function()
    local counts = { m1 = 0, m2 = 0, m4 = 0 }
    for _, name in ipairs(owners(models(10, 30, 0, 60), 10000)) do
      counts[name] = counts[name] + 1
    end
    assert.is_true(math.abs(counts.m1 - 1000) < 150)
    assert.is_true(math.abs(counts.m2 - 3000) < 250)
    assert.is_true(math.abs(counts.m4 - 6000) < 250)
  end)

  it("moves only the keys of a missing model", function()
    local list = models(1, 1, 1, 1)
    local before, without = owners(list, 2000), owners({ list[1], list[2], list[4] }, 2000)
    local heirs = {}
    for key, name in ipairs(before) do
      if name == "m3" then
        heirs[without[key]] = true
      else
        assert.equal(name, without[key])
      end
    end
    assert.same({ m1 = true, m2 = true, m4 = true }, heirs)
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
