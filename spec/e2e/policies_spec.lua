-- SPDX-License-Identifier: Apache-2.0
-- Each policy that ships, in the scenario that it is made for, beside a gateway that spreads over the same models by
-- weight: both meet the same traffic at the same time, each in front of a world of its own. The worlds part the two by
-- many times what is asked for here, and counts or the models' own times are compared wherever they can tell. A machine
-- that stands still for a second can blur times all the same: such a comparison, and nothing else, is made anew.
package.path = package.path .. ";./lua/?.lua" -- policies are read here for their models

local cjson = require "cjson"
local signalbox = require "spec.support.signalbox"
local traffic = require "spec.support.traffic"

local function converse(index)
  return signalbox.call("chat", index % 2 == 0 and "converse" or "converse-stream")
end

-- What `share` of the clients don't wait longer for.
local function waited(share)
  return function(side)
    return traffic.percentile(side.responses, share, function(response) return response.latency_ms end)
  end
end

-- The same of what models say they took, which no stranger to the scenario can slow down.
local function took(share)
  return function(side)
    return traffic.percentile(side.responses, share, function(response)
      return tonumber(response.body:match('"latencyMs":(%d+)'))
    end)
  end
end

-- The models of a policy as somebody states them who knows nothing of it but ids and weights.
local function plain(models)
  local list = {}
  for index, model in ipairs(models) do
    list[index] = { id = model.id, region = model.region, weight = model.weight, fallback = model.fallback }
  end
  return list
end

-- The two sides, weighted first; `by_weight` may say more of its policy than the models.
local function sides_of(scene, name, by_weight)
  local scenario = dofile("examples/scenarios/" .. name .. ".lua")
  local path = os.getenv("PWD") .. "/policies/" .. name .. ".lua"
  local models = dofile(path).models
  by_weight = by_weight or {}
  by_weight.models = by_weight.models or plain(models)
  local sides = {}
  for index, options in ipairs { { policy = by_weight }, { settings = { policy = path } } } do
    local emulator = scene:emulator(scenario)
    sides[index] = { emulator = emulator, gateway = scene:gateway(emulator, options), models = models }
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
  if after * times > before then
    error { blurred = ("%s: %s by weight, %s by the policy"):format(title, before, after) }
  end
end

local TRIES = 4

-- A test: show(scene), again where all that failed is a comparison of times.
local function shows(title, show)
  it(title, function()
    for try = 1, TRIES do
      local scene = signalbox.scene()
      local ok, problem = pcall(show, scene)
      scene:close()
      if ok then return end
      local blurred = type(problem) == "table" and problem.blurred
      if not blurred then error(problem, 0) end
      assert.is_true(try < TRIES, blurred)
    end
  end)
end

describe("policies/", function()
  shows("strict.lua has nothing done twice", function(scene)
    local weighted, own = sides_of(scene, "strict")
    meet(weighted, own, 80, 80)
    local function repeated(side)
      return traffic.count(side.responses, function(response)
        return tonumber(response.headers["x-signalbox-attempts"]) > 1
      end)
    end
    tell("strict: asked for twice", repeated(weighted), repeated(own))
    assert.equal(0, repeated(own))
    assert.is_true(repeated(weighted) >= 5)
    assert.is_true(answered(weighted) > answered(own), "which is the price")
  end)

  shows("least_inflight.lua gives a model with few slots what it can carry", function(scene)
    local weighted, own = sides_of(scene, "least_inflight")
    meet(weighted, own, 250, 100)
    assert.equal(250, answered(own))
    assert_less("least_inflight: p90 ms", waited(0.9), weighted, own, 3)
  end)

  shows("latency.lua keeps away from a model that has become slow", function(scene)
    local weighted, own = sides_of(scene, "latency")
    meet(weighted, own, 200, 70)
    assert.equal(200, answered(own))
    assert_less("latency: p90 ms", took(0.9), weighted, own, 3)
  end)

  shows("sticky.lua has every prompt learnt once", function(scene)
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
    assert_less("sticky: p75 ms", took(0.75), weighted, own, 2)
  end)

  shows("regions.lua stays near, and goes as far as it must", function(scene)
    local weighted, own = sides_of(scene, "regions")
    local near, next_one = own.models[1].id, own.models[2].id
    meet(weighted, own, 100, 70)
    assert.equal(1, share_of(own, near))
    tell("regions: share of the near one", share_of(weighted, near), share_of(own, near))
    assert_less("regions: p50 ms", took(0.5), weighted, own, 3)
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

  -- A thousand tokens and a little.
  local text = ("word "):rep(800)
  local function long_converse()
    return signalbox.call("chat", "converse", cjson.encode {
      messages = { { role = "user", content = { { text = text } } } }, inferenceConfig = { maxTokens = 100 },
    })
  end

  shows("quota.lua overruns no account where nobody else knows of quotas", function(scene)
    local weighted, own = sides_of(scene, "quota")
    meet(weighted, own, 350, 120, long_converse)
    assert.equal(350, answered(own))
    tell("quota: throttled upstream", throttled(weighted), throttled(own))
    assert.equal(0, throttled(own))
    assert.is_true(throttled(weighted) >= 4)
  end)

  shows("quota.lua keeps room in every account, for requests that no other can take", function(scene)
    local weighted, own = sides_of(scene, "quota", { models = dofile("policies/quota.lua").models })
    meet(weighted, own, 300, 150, long_converse)
    assert.equal(300, answered(own))
    local small = own.models[2].id
    meet(weighted, own, 10, 50, function()
      return signalbox.call(small, "invoke", cjson.encode {
        anthropic_version = "bedrock-2023-05-31", max_tokens = 100, messages = { { role = "user", content = text } },
      })
    end)
    tell("quota: for the small one, answered", answered(weighted), answered(own))
    assert.equal(10, answered(own))
    assert.is_true(answered(weighted) <= 3) -- what was reserved and not used comes back
  end)

  shows("tiers.lua loses nothing where the default tier is throttled", function(scene)
    local weighted, own = sides_of(scene, "tiers")
    meet(weighted, own, 100, 50)
    assert.equal(100, answered(own))
    tell("tiers: answered of 100", answered(weighted), answered(own))
    assert.is_true(answered(weighted) < 80)
  end)

  shows("hedged.lua cuts off what hangs", function(scene)
    local weighted, own = sides_of(scene, "hedged", { timeout_ms = 3000, ttft_ms = 3000 })
    for _, side in ipairs { weighted, own } do
      side.emulator.control("*", { fault = cjson.null }) -- until it is known how long answers take
    end
    meet(weighted, own, 150, 120)
    for _, side in ipairs { weighted, own } do side.emulator.reset() end
    meet(weighted, own, 240, 120)
    assert.equal(240, answered(own))
    assert_less("hedged: p99 ms", waited(0.99), weighted, own, 2)
  end)
end)
