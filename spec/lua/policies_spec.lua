-- SPDX-License-Identifier: Apache-2.0
-- The policies that ship, run with plain tables.

local function eligible(...)
  local models = { primary = {}, fallback = {} }
  for i, model in ipairs { ... } do
    models[i] = model
    table.insert(model.fallback and models.fallback or models.primary, model)
  end
  return models
end

local primary, fallback = { name = "p", weight = 1 }, { name = "f", weight = 1, fallback = true }

for _, name in ipairs { "weighted", "strict" } do
  describe("policies/" .. name .. ".lua", function()
    local policy = dofile("policies/" .. name .. ".lua")

    it("asks a primary while there is one", function()
      for _ = 1, 50 do
        assert.equal(primary, policy.select({}, eligible(fallback, primary)))
      end
    end)

    it("asks a fallback when no primary is left", function()
      assert.equal(fallback, policy.select({}, eligible(fallback)))
    end)

    it("asks none when none is left", function()
      assert.is_nil(policy.select({}, eligible()))
    end)
  end)
end

describe("policies/strict.lua", function()
  local policy = dofile("policies/strict.lua")

  it("fails over for throttling, which counts and cools nothing down", function()
    local verdict, options = policy.classify { type = "throttling", name = "ThrottlingException", status = 429 }
    assert.equal("failover", verdict)
    assert.same({ outcome = "rate_limit", counts = true, cooldown_ms = 0 }, options)
  end)

  it("lets every other error be the answer", function()
    for _, kind in ipairs { "validation", "model_unavailable", "timeout", "network", "authentication", "internal" } do
      local verdict, options = policy.classify { type = kind }
      assert.equal("fail", verdict)
      assert.same({ outcome = "fail_fast", counts = true, cooldown_ms = 0 }, options)
    end
  end)
end)
