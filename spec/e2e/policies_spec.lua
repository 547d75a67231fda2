-- SPDX-License-Identifier: Apache-2.0
-- Each policy that ships, in the scenario that it is made for, beside a gateway that spreads over the same models by
-- weight: both meet the same traffic at the same time, each in front of a world of its own. The worlds part the two by
-- many times what is asked for here, so that a slow machine can't blur them.
package.path = package.path .. ";./lua/?.lua" -- policies are read here for their models

local cjson = require "cjson"
local signalbox = require "spec.support.signalbox"
local traffic = require "spec.support.traffic"

local function converse(index)
  return signalbox.call("chat", index % 2 == 0 and "converse" or "converse-stream")
end

local function by(share)
  return function(side) return traffic.percentile(side.responses, share) end
end

-- The two sides, weighted first, with `more` keys of its policy.
local function sides_of(scene, name, more)
  local scenario = dofile("examples/scenarios/" .. name .. ".lua")
  local path = os.getenv("PWD") .. "/policies/" .. name .. ".lua"
  local models = dofile(path).models
  local by_weight = more or {}
  by_weight.models = {}
  for index, model in ipairs(models) do
    by_weight.models[index] = {
      id = model.id, region = model.region, weight = model.weight, fallback = model.fallback,
    }
  end
  local sides = {}
  for index, policy in ipairs { by_weight, false } do
    local emulator = scene:emulator(scenario)
    local options = policy and { policy = policy } or { settings = { policy = path } }
    local gateway = scene:gateway(emulator, options)
    sides[index] = { emulator = emulator, gateway = gateway, models = models }
  end
  return sides[1], sides[2]
end

-- The same requests to both sides at once; each side's answers are then its `responses`.
local function meet(weighted, own, count, rate, make)
  local flows = {}
  for index, side in ipairs { weighted, own } do
    flows[index] = { port = side.gateway.port, count = count, rate = rate, make = make or converse }
  end
  traffic.run(flows)
  weighted.responses, own.responses = flows[1].responses, flows[2].responses
end

local function answered(side)
  return traffic.count(side.responses, function(response) return response.status == 200 and response.complete end)
end

-- How many of the answers are this model's.
local function share_of(side, model)
  return traffic.count(side.responses, function(response)
    return response.headers["x-signalbox-model"] == model
  end) / #side.responses
end

local function tell(title, before, after)
  if os.getenv("SIGNALBOX_TELL") then io.stderr:write(("%-40s %10.2f %10.2f\n"):format(title, before, after)) end
end

-- measure(side) has to be at least `times` less on the policy's side.
local function assert_less(title, measure, weighted, own, times)
  local before, after = measure(weighted), measure(own)
  tell(title, before, after)
  assert.is_true(after * times <= before, ("%s: %s by weight, %s by the policy"):format(title, before, after))
end

describe("policies/", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  it("least_inflight.lua gives a model with few slots what it can carry", function()
    local weighted, own = sides_of(scene, "least_inflight")
    meet(weighted, own, 250, 100)
    assert.equal(250, answered(own))
    assert_less("least_inflight: p90 ms", by(0.9), weighted, own, 3)
  end)

  it("latency.lua keeps away from a model that has become slow", function()
    local weighted, own = sides_of(scene, "latency")
    meet(weighted, own, 200, 70)
    assert.equal(200, answered(own))
    assert_less("latency: p90 ms", by(0.9), weighted, own, 3)
  end)

  it("sticky.lua has every prompt learnt once", function()
    local weighted, own = sides_of(scene, "sticky")
    local prompts = 15
    meet(weighted, own, prompts * 7, 45, function(index)
      local system = ("You are signaller number %d. "):format(index % prompts):rep(100)
      return signalbox.call("chat", "converse", cjson.encode {
        system = { { text = system }, { cachePoint = { type = "default" } } },
        messages = { { role = "user", content = { { text = "Question " .. index } } } },
      })
    end)
    local function learnt(side)
      return traffic.count(side.responses, function(response)
        return cjson.decode(response.body).usage.cacheWriteInputTokens > 0
      end)
    end
    assert.equal(prompts, learnt(own))
    assert_less("sticky: prompts learnt", learnt, weighted, own, 1.5)
    assert_less("sticky: p75 ms", by(0.75), weighted, own, 1.5)
  end)

  it("regions.lua stays near, and goes as far as it must", function()
    local weighted, own = sides_of(scene, "regions")
    local near, next_one = own.models[1].id, own.models[2].id
    meet(weighted, own, 100, 70)
    assert.equal(1, share_of(own, near))
    tell("regions: share of the near one", share_of(weighted, near), share_of(own, near))
    assert_less("regions: p50 ms", by(0.5), weighted, own, 3)
    own.emulator.control(near, { fault = "ThrottlingException" })
    weighted.emulator.control(near, { fault = "ThrottlingException" })
    meet(weighted, own, 50, 70)
    assert.equal(50, answered(own))
    assert.equal(1, share_of(own, next_one))
  end)

  -- What the upstream turned away, over all models.
  local function throttled(side)
    local count = 0
    for _, operations in pairs(side.emulator.requests().models) do
      for _, counter in pairs(operations) do count = count + counter.throttled end
    end
    return count
  end

  it("quota.lua fills accounts of every size, and overruns none", function()
    local weighted, own = sides_of(scene, "quota")
    local text = ("word "):rep(800)
    meet(weighted, own, 350, 120, function()
      return signalbox.call("chat", "converse", cjson.encode {
        messages = { { role = "user", content = { { text = text } } } }, inferenceConfig = { maxTokens = 100 },
      })
    end)
    assert.equal(350, answered(own))
    tell("quota: throttled upstream", throttled(weighted), throttled(own))
    assert.equal(0, throttled(own))
    assert.is_true(throttled(weighted) >= 3)
    assert.is_true(share_of(own, own.models[2].id) > 0.1, "the small account carries its part")
  end)

  it("tiers.lua loses nothing where the default tier is throttled", function()
    local weighted, own = sides_of(scene, "tiers")
    meet(weighted, own, 100, 50)
    assert.equal(100, answered(own))
    tell("tiers: answered of 100", answered(weighted), answered(own))
    assert.is_true(answered(weighted) < 80)
  end)

  it("hedged.lua cuts off what hangs", function()
    local weighted, own = sides_of(scene, "hedged", { timeout_ms = 2000, ttft_ms = 2000 })
    for _, side in ipairs { weighted, own } do
      side.emulator.control("*", { fault = cjson.null }) -- until it is known how long answers take
    end
    meet(weighted, own, 150, 120)
    for _, side in ipairs { weighted, own } do side.emulator.reset() end
    meet(weighted, own, 240, 120)
    assert.equal(240, answered(own))
    assert_less("hedged: p99 ms", by(0.99), weighted, own, 2)
  end)
end)
