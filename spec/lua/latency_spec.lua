-- SPDX-License-Identifier: Apache-2.0
-- Estimates of models' latencies, second by second. The module keeps its estimates while it is loaded, so each test
-- uses other models.
local latency = require "signalbox.latency"

local names = 0
local function new_model()
  names = names + 1
  return { name = "model " .. names, inflight = 0 }
end

local WHOLE, STREAM = { streaming = false }, { streaming = true }

local function answer(model, ms, more)
  local result = { outcome = "success", model = model, attempts = 1, latency_ms = ms }
  for key, value in pairs(more or {}) do
    result[key] = value
  end
  return result
end

local busy = new_model()

-- Lets seconds pass, with so many responses of another model.
local function pass(seconds, answers)
  for _ = 1, seconds do
    latency.tick()
  end
  for _ = 1, answers or 0 do
    latency.observe(WHOLE, answer(busy, 10))
  end
end

describe("latency.estimate", function()
  local model

  before_each(function()
    model = new_model()
  end)

  it("is unknown before the first response", function()
    assert.is_nil(latency.estimate(model, WHOLE))
    latency.observe(WHOLE, answer(model, 100))
    assert.equal(100, latency.estimate(model, WHOLE))
  end)

  it("rises faster than it falls", function()
    latency.observe(WHOLE, answer(model, 100))
    latency.observe(WHOLE, answer(model, 200))
    assert.equal(150, latency.estimate(model, WHOLE))
    latency.observe(WHOLE, answer(model, 50))
    assert.equal(130, latency.estimate(model, WHOLE))
  end)

  it("measures streams, by their first content, apart from other responses", function()
    latency.observe(STREAM, answer(model, 9000, { ttft_ms = 300 }))
    assert.equal(300, latency.estimate(model, STREAM))
    assert.is_nil(latency.estimate(model, WHOLE))
  end)

  it("ignores failures, second attempts, and streams without content", function()
    latency.observe(WHOLE, answer(model, 100, { outcome = "fail_fast" }))
    latency.observe(WHOLE, answer(model, 100, { attempts = 2 }))
    latency.observe(WHOLE, { outcome = "cancelled", attempts = 0, latency_ms = 5 })
    latency.observe(STREAM, answer(model, 100))
    assert.is_nil(latency.estimate(model, WHOLE))
    assert.is_nil(latency.estimate(model, STREAM))
  end)

  it("is tested by one request after ten seconds and twenty responses, again and again", function()
    latency.observe(WHOLE, answer(model, 5000))
    for _ = 1, 3 do
      pass(9, 19)
      assert.equal(5000, latency.estimate(model, WHOLE))
      pass(1, 1)
      assert.is_nil(latency.estimate(model, WHOLE))
      assert.equal(5000, latency.estimate(model, WHOLE))
    end
  end)

  it("is not tested after few responses, or a short time", function()
    latency.observe(WHOLE, answer(model, 5000))
    pass(1000, 19)
    assert.equal(5000, latency.estimate(model, WHOLE))
    latency.observe(WHOLE, answer(model, 5000))
    pass(9, 1000)
    assert.equal(5000, latency.estimate(model, WHOLE))
  end)

  it("is replaced by the result of the test", function()
    latency.observe(WHOLE, answer(model, 5000))
    pass(10, 20)
    latency.estimate(model, WHOLE)
    latency.observe(WHOLE, answer(model, 40))
    assert.equal(40, latency.estimate(model, WHOLE))
    latency.observe(WHOLE, answer(model, 80))
    assert.equal(60, latency.estimate(model, WHOLE))
  end)

  it("stays fresh while responses come", function()
    for _ = 1, 30 do
      latency.observe(WHOLE, answer(model, 100))
      pass(9, 100)
      assert.equal(100, latency.estimate(model, WHOLE))
    end
  end)
end)
