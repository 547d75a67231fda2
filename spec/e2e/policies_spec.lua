-- SPDX-License-Identifier: Apache-2.0
-- Each shipped policy in the scenario made for it, beside a gateway that routes to the same models by weight. Both get
-- the same traffic at the same time, each in front of its own emulator. The scenarios separate the two by many times
-- the required margin, and wherever possible the specs compare counts or the models' own times. A machine that stalls
-- for a second can still distort times: only such a comparison is repeated.
package.path = package.path .. ";./lua/?.lua" -- policies are read here for their models

local cjson = require "cjson"
local signalbox = require "spec.support.signalbox"
local traffic = require "spec.support.traffic"

local function converse(index)
  return signalbox.call("chat", index % 2 == 0 and "converse" or "converse-stream")
end

-- A percentile of the clients' latencies.
local function client_ms(share)
  return function(side)
    return traffic.percentile(side.responses, share, function(response) return response.latency_ms end)
  end
end

-- A percentile of the latencies that the models report, which do not depend on the machine's load.
local function model_ms(share)
  return function(side)
    return traffic.percentile(side.responses, share, function(response)
      return tonumber(response.body:match('"latencyMs":(%d+)'))
    end)
  end
end

-- The models of a policy, with only the keys that routing by weight needs.
local function plain_models(models)
  local list = {}
  for index, model in ipairs(models) do
    list[index] = { id = model.id, region = model.region, weight = model.weight, fallback = model.fallback }
  end
  return list
end

-- The two sides, the weighted one first; `by_weight` may have further keys for its policy.
local function sides_of(scene, name, by_weight)
  local scenario = dofile("examples/scenarios/" .. name .. ".lua")
  local path = os.getenv("PWD") .. "/policies/" .. name .. ".lua"
  local models = dofile(path).models
  by_weight = by_weight or {}
  by_weight.models = by_weight.models or plain_models(models)
  local sides = {}
  for index, options in ipairs { { policy = by_weight }, { settings = { policy = path } } } do
    local emulator = scene:emulator(scenario)
    sides[index] = { emulator = emulator, gateway = scene:gateway(emulator, options), models = models }
  end
  return sides[1], sides[2]
end

-- Sends the same requests to both sides at once; each side then has its `responses`.
local function send_to_both(weighted, own, count, rate, make)
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

-- The share of the responses that came from this model.
local function share_of(side, model)
  return traffic.count(side.responses, function(response)
    return response.headers["x-signalbox-model"] == model
  end) / #side.responses
end

local function print_figures(title, before, after)
  if os.getenv("SIGNALBOX_VERBOSE") then io.stderr:write(("%-40s %10.2f %10.2f\n"):format(title, before, after)) end
end

-- Asserts that measure(side) is at least `times` less on the policy's side.
local function assert_less(title, measure, weighted, own, times)
  local before, after = measure(weighted), measure(own)
  print_figures(title, before, after)
  if after * times > before then
    error { inconclusive = ("%s: %s by weight, %s by the policy"):format(title, before, after) }
  end
end

local TRIES = 4

-- A test that runs show(scene), and repeats it if only a comparison failed.
local function shows(title, show)
  it(title, function()
    for try = 1, TRIES do
      local scene = signalbox.scene()
      local ok, problem = pcall(show, scene)
      scene:close()
      if ok then return end
      local inconclusive = type(problem) == "table" and problem.inconclusive
      if not inconclusive then error(problem, 0) end
      assert.is_true(try < TRIES, inconclusive)
    end
  end)
end

describe("policies/", function()
  shows("strict.lua repeats no work", function(scene)
    local weighted, own = sides_of(scene, "strict")
    send_to_both(weighted, own, 80, 80)
    local function repeated(side)
      return traffic.count(side.responses, function(response)
        return tonumber(response.headers["x-signalbox-attempts"]) > 1
      end)
    end
    print_figures("strict: asked for twice", repeated(weighted), repeated(own))
    assert.equal(0, repeated(own))
    assert.is_true(repeated(weighted) >= 5)
    assert.is_true(answered(weighted) > answered(own), "strict has to pass on more failures")
  end)

  shows("least_inflight.lua gives a model with few slots no more than it can carry", function(scene)
    local weighted, own = sides_of(scene, "least_inflight")
    send_to_both(weighted, own, 250, 100)
    assert.equal(250, answered(own))
    assert_less("least_inflight: p90 ms", client_ms(0.9), weighted, own, 3)
  end)

  shows("latency.lua avoids a slow model", function(scene)
    local weighted, own = sides_of(scene, "latency")
    send_to_both(weighted, own, 200, 70)
    assert.equal(200, answered(own))
    assert_less("latency: p90 ms", model_ms(0.9), weighted, own, 3)
  end)

  shows("sticky.lua has every prompt cached once", function(scene)
    local weighted, own = sides_of(scene, "sticky")
    local prompts = 15
    send_to_both(weighted, own, prompts * 7, 45, function(index)
      local system = ("You are signaller number %d. "):format(index % prompts):rep(100)
      return signalbox.call("chat", "converse", cjson.encode {
        system = { { text = system }, { cachePoint = { type = "default" } } },
        messages = { { role = "user", content = { { text = "Question " .. index } } } },
      })
    end)
    local function cache_writes(side)
      return traffic.count(side.responses, function(response)
        return cjson.decode(response.body).usage.cacheWriteInputTokens > 0
      end)
    end
    assert.equal(prompts, cache_writes(own))
    assert_less("sticky: cache writes", cache_writes, weighted, own, 1.5)
    assert_less("sticky: p75 ms", model_ms(0.75), weighted, own, 2)
  end)

  shows("regions.lua stays at the nearest region, and goes to the next one when that throttles", function(scene)
    local weighted, own = sides_of(scene, "regions")
    local near, next_one = own.models[1].id, own.models[2].id
    send_to_both(weighted, own, 100, 70)
    assert.equal(1, share_of(own, near))
    print_figures("regions: share of the near one", share_of(weighted, near), share_of(own, near))
    assert_less("regions: p50 ms", model_ms(0.5), weighted, own, 3)
    own.emulator.control(near, { fault = "ThrottlingException" })
    weighted.emulator.control(near, { fault = "ThrottlingException" })
    send_to_both(weighted, own, 50, 70)
    assert.equal(50, answered(own))
    assert.equal(1, share_of(own, next_one))
  end)

  -- The throttles that the emulator sent, over all models.
  local function throttled(side)
    local count = 0
    for _, operations in pairs(side.emulator.requests().models) do
      for _, counter in pairs(operations) do count = count + counter.throttled end
    end
    return count
  end

  -- A little more than a thousand tokens.
  local text = ("word "):rep(800)
  local function long_converse()
    return signalbox.call("chat", "converse", cjson.encode {
      messages = { { role = "user", content = { { text = text } } } }, inferenceConfig = { maxTokens = 100 },
    })
  end

  shows("quota.lua overruns no account, compared with a policy without quotas", function(scene)
    local weighted, own = sides_of(scene, "quota")
    send_to_both(weighted, own, 350, 120, long_converse)
    assert.equal(350, answered(own))
    print_figures("quota: throttled upstream", throttled(weighted), throttled(own))
    assert.equal(0, throttled(own))
    assert.is_true(throttled(weighted) >= 4)
  end)

  shows("quota.lua keeps room in every account, compared with weights and the same quotas", function(scene)
    local weighted, own = sides_of(scene, "quota", { models = dofile("policies/quota.lua").models })
    send_to_both(weighted, own, 300, 150, long_converse)
    assert.equal(300, answered(own))
    local small = own.models[2].id
    send_to_both(weighted, own, 10, 50, function()
      return signalbox.call(small, "invoke", cjson.encode {
        anthropic_version = "bedrock-2023-05-31", max_tokens = 100, messages = { { role = "user", content = text } },
      })
    end)
    print_figures("quota: for the small one, answered", answered(weighted), answered(own))
    assert.equal(10, answered(own))
    assert.is_true(answered(weighted) <= 3) -- a few fit, since unused reservations come back
  end)

  shows("tiers.lua loses nothing while the default tier is throttled", function(scene)
    local weighted, own = sides_of(scene, "tiers")
    send_to_both(weighted, own, 100, 50)
    assert.equal(100, answered(own))
    print_figures("tiers: answered of 100", answered(weighted), answered(own))
    assert.is_true(answered(weighted) < 80)
  end)

  shows("hedged.lua shortens requests that hang", function(scene)
    local weighted, own = sides_of(scene, "hedged", { timeout_ms = 3000, ttft_ms = 3000 })
    for _, side in ipairs { weighted, own } do
      side.emulator.control("*", { fault = cjson.null }) -- while the gateways measure latencies
    end
    send_to_both(weighted, own, 150, 120)
    for _, side in ipairs { weighted, own } do side.emulator.reset() end
    send_to_both(weighted, own, 240, 120)
    assert.equal(240, answered(own))
    assert_less("hedged: p99 ms", client_ms(0.99), weighted, own, 2)
  end)
end)
