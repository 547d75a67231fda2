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

-- A model as hooks see it, with `more` of its own.
local function model_of(name, more)
  local model = {
    id = name, name = name, weight = 1, fallback = false, tags = {}, inflight = 0, headroom = 1, breaker = "closed",
    latency_ms = 0, p50_ms = 0, p95_ms = 0, ttft_ms = 0,
  }
  for key, value in pairs(more or {}) do
    model[key] = value
  end
  return model
end

local function request_of(more)
  local request = { streaming = false, metadata = {}, body = function() end }
  for key, value in pairs(more or {}) do
    request[key] = value
  end
  return request
end

-- How often each model is chosen in `draws` selections.
local function draw(policy, models, draws, request)
  local counts = {}
  for _ = 1, draws or 200 do
    local model = policy.select(request or request_of(), models)
    local name = model and model.name or "none"
    counts[name] = (counts[name] or 0) + 1
  end
  return counts
end

local NAMES = {
  "weighted", "strict", "least_inflight", "latency", "quota", "sticky", "regions", "tiers", "hedged",
}

for _, name in ipairs(NAMES) do
  describe("policies/" .. name .. ".lua", function()
    local policy = dofile("policies/" .. name .. ".lua")
    local primary, fallback = model_of("p"), model_of("f", { fallback = true })

    it("asks a primary while there is one", function()
      assert.same({ p = 50 }, draw(policy, eligible(fallback, primary), 50))
    end)

    it("asks a fallback when no primary is left", function()
      assert.same({ f = 50 }, draw(policy, eligible(fallback), 50))
    end)

    it("asks none when none is left", function()
      assert.is_nil(policy.select(request_of(), eligible()))
    end)

    it("never asks a model of weight 0", function()
      local idle = model_of("idle", { weight = 0 })
      assert.same({ p = 100 }, draw(policy, eligible(idle, primary, idle), 100))
      assert.same({ f = 50 }, draw(policy, eligible(idle, fallback), 50))
      assert.same({ none = 50 }, draw(policy, eligible(idle), 50))
    end)

    it("begins with when to use it and when not, and has at most sixty lines", function()
      local lines = {}
      for line in io.lines("policies/" .. name .. ".lua") do
        lines[#lines + 1] = line
      end
      local header = table.concat(lines, "\n"):match("^%-%- %u.-\n\n")
      assert.is_truthy(header:find "Use it")
      assert.is_truthy(header:find "Not w")
      assert.is_true(#lines <= 60)
    end)
  end)
end

describe("policies/least_inflight.lua", function()
  local policy = dofile("policies/least_inflight.lua")

  it("asks the less busy of two, and either where both are as busy", function()
    local busy, free = model_of("busy", { inflight = 3 }), model_of("free", { inflight = 2 })
    assert.same({ free = 100 }, draw(policy, eligible(busy, free), 100))
    busy.inflight = 2
    local counts = draw(policy, eligible(busy, free), 1000)
    assert.is_true(counts.busy > 400 and counts.free > 400)
  end)

  it("takes a weight as the capacity of a model", function()
    local large, small = model_of("large", { weight = 3, inflight = 5 }), model_of("small", { inflight = 2 })
    assert.same({ large = 100 }, draw(policy, eligible(small, large), 100))
    large.inflight = 9
    assert.same({ small = 100 }, draw(policy, eligible(small, large), 100))
  end)

  it("never asks the busiest of many", function()
    local models = {}
    for i = 1, 10 do
      models[i] = model_of("m" .. i, { inflight = i })
    end
    local counts = draw(policy, eligible(table.unpack(models)), 1000)
    assert.is_nil(counts.m10)
    assert.is_true(counts.m1 > 120)
  end)
end)

-- Policies that keep state are loaded anew, with the modules that keep it.
local function fresh(name)
  package.loaded["signalbox.latency"] = nil
  return dofile("policies/" .. name .. ".lua")
end

local function answer(policy, model, ms, request)
  local result = { outcome = "success", model = model, attempts = 1, latency_ms = ms, ttft_ms = ms }
  policy.finish(request or request_of(), result)
end

local function wait(policy, seconds)
  for _ = 1, seconds do
    policy.tick(0, {})
  end
end

describe("policies/latency.lua", function()
  local policy, fast, slow, models

  before_each(function()
    policy, fast, slow = fresh "latency", model_of "fast", model_of "slow"
    models = eligible(fast, slow)
  end)

  it("tries an unmeasured model at once, but not with a second request", function()
    answer(policy, fast, 10)
    assert.same({ slow = 50 }, draw(policy, models, 50))
    slow.inflight = 1
    assert.same({ fast = 50 }, draw(policy, models, 50))
  end)

  it("spreads by requests in flight while nothing is measured", function()
    fast.inflight = 1
    assert.same({ slow = 50 }, draw(policy, models, 50))
    slow.inflight = 2
    assert.same({ fast = 50 }, draw(policy, models, 50))
  end)

  it("asks the faster one until too much is in flight there", function()
    answer(policy, fast, 100)
    answer(policy, slow, 1000)
    fast.inflight = 8
    assert.same({ fast = 50 }, draw(policy, models, 50))
    fast.inflight = 10
    assert.same({ slow = 50 }, draw(policy, models, 50))
  end)

  it("estimates streams apart from other responses", function()
    local stream = request_of { streaming = true }
    answer(policy, fast, 100)
    answer(policy, slow, 1000)
    answer(policy, fast, 1000, stream)
    answer(policy, slow, 100, stream)
    assert.same({ fast = 50 }, draw(policy, models, 50))
    assert.same({ slow = 50 }, draw(policy, models, 50, stream))
  end)

  it("notices within ten seconds that a slow model has become fast, by one request", function()
    answer(policy, slow, 3000)
    for _ = 1, 30 do
      answer(policy, fast, 100)
    end
    assert.same({ fast = 50 }, draw(policy, models, 50))
    wait(policy, 10)
    answer(policy, fast, 100)
    assert.same({ fast = 49, slow = 1 }, draw(policy, models, 50))
    answer(policy, slow, 50)
    assert.same({ slow = 50 }, draw(policy, models, 50))
  end)

  it("tests a slow model by one request in ten seconds", function()
    answer(policy, slow, 3000)
    local probes = 0
    for _ = 1, 100 do
      wait(policy, 1)
      for _ = 1, 20 do
        local model = policy.select(request_of(), models)
        answer(policy, model, model == slow and 3000 or 100)
        probes = probes + (model == slow and 1 or 0)
      end
    end
    assert.is_true(probes >= 9 and probes <= 10, probes .. " probes")
  end)
end)

describe("policies/regions.lua", function()
  local policy, near, far, farther, models

  before_each(function()
    policy = fresh "regions"
    near, far = model_of("near", { tags = { distance = 1 } }), model_of("far", { tags = { distance = 2 } })
    farther = model_of("farther", { tags = { distance = 3 } })
    models = eligible(farther, near, far)
  end)

  it("stays at the nearest, however much is in flight", function()
    near.inflight = 100
    assert.same({ near = 50 }, draw(policy, models, 50))
  end)

  it("goes to the next nearest while the nearest isn't eligible", function()
    assert.same({ far = 50 }, draw(policy, eligible(farther, far), 50))
    assert.same({ farther = 50 }, draw(policy, eligible(farther), 50))
  end)

  it("shares by weight among models of one distance", function()
    local other = model_of("other", { weight = 3, tags = { distance = 1 } })
    local counts = draw(policy, eligible(far, near, other), 2000)
    assert.is_nil(counts.far)
    assert.is_true(math.abs(counts.other - 1500) < 120)
  end)

  it("passes over the nearest where its weight is 0", function()
    near.weight = 0
    assert.same({ far = 50 }, draw(policy, models, 50))
  end)

  it("takes a model without a distance as the nearest", function()
    assert.same({ here = 50 }, draw(policy, eligible(near, model_of "here"), 50))
  end)

  it("goes elsewhere while the nearest is slow, and comes back when one request finds it fast", function()
    answer(policy, near, 30000)
    assert.same({ far = 50 }, draw(policy, models, 50))
    wait(policy, 10)
    for _ = 1, 20 do
      answer(policy, far, 100)
    end
    assert.same({ near = 1, far = 49 }, draw(policy, models, 50))
    answer(policy, near, 100)
    assert.same({ near = 50 }, draw(policy, models, 50))
  end)

  it("asks the nearest if all are slow", function()
    for _, model in ipairs { near, far, farther } do
      answer(policy, model, 30000)
    end
    assert.same({ near = 50 }, draw(policy, models, 50))
  end)

  it("is less patient with streams", function()
    answer(policy, near, 5000)
    answer(policy, near, 5000, request_of { streaming = true })
    assert.same({ near = 50 }, draw(policy, models, 50))
    assert.same({ far = 50 }, draw(policy, models, 50, request_of { streaming = true }))
  end)
end)

describe("policies/quota.lua", function()
  local policy = dofile("policies/quota.lua")

  it("asks the model with the largest share of its quota left", function()
    local full, half = model_of("full", { headroom = 0.1 }), model_of("half", { headroom = 0.5, weight = 0.1 })
    assert.same({ half = 50 }, draw(policy, eligible(full, half), 50))
    half.headroom = 0.09
    assert.same({ full = 50 }, draw(policy, eligible(full, half), 50))
  end)

  it("asks a primary with nothing left before a fallback", function()
    local used_up, fallback = model_of("used up", { headroom = 0 }), model_of("fallback", { fallback = true })
    assert.same({ ["used up"] = 50 }, draw(policy, eligible(used_up, fallback), 50))
  end)
end)

describe("policies/sticky.lua", function()
  local policy = dofile("policies/sticky.lua")

  local function prompt(number)
    return request_of { body = function() return { system = { { text = "prompt " .. number } } } end }
  end

  it("keeps a prompt at its model, and moves only the prompts of a model that is not eligible", function()
    local a, b, c = model_of "a", model_of "b", model_of "c"
    local owners = {}
    for number = 1, 300 do
      local model = policy.select(prompt(number), eligible(a, b, c))
      owners[model.name] = (owners[model.name] or 0) + 1
      assert.equal(model, policy.select(prompt(number), eligible(c, b, a)))
      local without_b = policy.select(prompt(number), eligible(a, c))
      assert.is_true(model == b and without_b ~= b or without_b == model)
    end
    for _, name in ipairs { "a", "b", "c" } do
      assert.is_true(owners[name] > 60)
    end
  end)

  it("spreads requests without a beginning by weight", function()
    local counts = draw(policy, eligible(model_of "a", model_of("b", { weight = 3 })), 2000)
    assert.is_true(math.abs(counts.b - 1500) < 120)
  end)
end)

describe("policies/tiers.lua", function()
  local policy = dofile("policies/tiers.lua")
  local models = eligible(model_of "m")

  it("leaves requests at their own tier", function()
    local model, options = policy.select(request_of { caller = "web" }, models)
    assert.equal("m", model.name)
    assert.is_nil(options)
  end)

  it("starts at flex if the priority is low", function()
    for _, more in ipairs { { caller = "batch" }, { metadata = { priority = "low" } } } do
      local _, options, reason = policy.select(request_of(more), models)
      assert.same({ tier = "flex" }, options)
      assert.equal("low priority", reason)
    end
  end)

  it("escalates when a tier is throttled, and starts a cooldown when the last one is", function()
    for _, tier in ipairs { "flex", "default" } do
      local verdict, options = policy.classify { type = "throttling", tier = tier }
      assert.equal("escalate", verdict)
      assert.same({ cooldown_ms = 0 }, options)
    end
    assert.equal("escalate", (policy.classify { type = "throttling" }))
    assert.is_nil(policy.classify { type = "throttling", tier = "priority" })
    assert.is_nil(policy.classify { type = "model_unavailable", tier = "flex" })
  end)
end)

describe("policies/hedged.lua", function()
  local policy = dofile("policies/hedged.lua")

  local function patience(model, request)
    local _, options = policy.select(request_of(request), eligible(model_of("m", model)))
    return options.hedge_after_ms
  end

  it("waits for longer than nineteen of twenty responses take", function()
    assert.equal(1800, patience({ p95_ms = 1200, ttft_ms = 100 }))
    assert.equal(400, patience({ p95_ms = 1200, ttft_ms = 100 }, { streaming = true }))
  end)

  it("waits long if nothing is measured, and always within its bounds", function()
    assert.equal(60000, patience({ p95_ms = 250000 }))
    assert.equal(5000, patience({}))
    assert.equal(5000, patience({ p95_ms = 1200 }, { streaming = true }))
    assert.equal(50, patience({ p95_ms = 1, ttft_ms = 1 }))
    assert.equal(50, patience({ p95_ms = 1, ttft_ms = 1 }, { streaming = true }))
  end)
end)

describe("policies/strict.lua", function()
  local policy = dofile("policies/strict.lua")

  it("fails over for throttling, which counts and starts no cooldown", function()
    local verdict, options = policy.classify { type = "throttling", name = "ThrottlingException", status = 429 }
    assert.equal("failover", verdict)
    assert.same({ outcome = "rate_limit", counts = true, cooldown_ms = 0 }, options)
  end)

  it("passes every other error on", function()
    for _, kind in ipairs { "validation", "model_unavailable", "timeout", "network", "authentication", "internal" } do
      local verdict, options = policy.classify { type = kind }
      assert.equal("fail", verdict)
      assert.same({ outcome = "fail_fast", counts = true, cooldown_ms = 0 }, options)
    end
  end)
end)
