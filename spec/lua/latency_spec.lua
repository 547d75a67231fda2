-- SPDX-License-Identifier: Apache-2.0
-- What is known of models' latencies, second by second. The module keeps its knowledge for as long as it is loaded, so
-- each test speaks of models of its own.
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

-- Seconds pass, and another model answers so often.
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

  it("is unknown before the first answer", function()
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

  it("knows streams, by their first content, apart from other answers", function()
    latency.observe(STREAM, answer(model, 9000, { ttft_ms = 300 }))
    assert.equal(300, latency.estimate(model, STREAM))
    assert.is_nil(latency.estimate(model, WHOLE))
  end)

  it("learns nothing from failures, from a second attempt, and from streams without content", function()
    latency.observe(WHOLE, answer(model, 100, { outcome = "fail_fast" }))
    latency.observe(WHOLE, answer(model, 100, { attempts = 2 }))
    latency.observe(WHOLE, { outcome = "cancelled", attempts = 0, latency_ms = 5 })
    latency.observe(STREAM, answer(model, 100))
    assert.is_nil(latency.estimate(model, WHOLE))
    assert.is_nil(latency.estimate(model, STREAM))
  end)

  it("is put to the test by one request when ten seconds and twenty answers have passed, again and again", function()
    latency.observe(WHOLE, answer(model, 5000))
    for _ = 1, 3 do
      pass(9, 19)
      assert.equal(5000, latency.estimate(model, WHOLE))
      pass(1, 1)
      assert.is_nil(latency.estimate(model, WHOLE))
      assert.equal(5000, latency.estimate(model, WHOLE))
    end
  end)

  it("isn't put to the test while there are few answers, or little time", function()
    latency.observe(WHOLE, answer(model, 5000))
    pass(1000, 19)
    assert.equal(5000, latency.estimate(model, WHOLE))
    latency.observe(WHOLE, answer(model, 5000))
    pass(9, 1000)
    assert.equal(5000, latency.estimate(model, WHOLE))
  end)

  it("is replaced by what the test found", function()
    latency.observe(WHOLE, answer(model, 5000))
    pass(10, 20)
    latency.estimate(model, WHOLE)
    latency.observe(WHOLE, answer(model, 40))
    assert.equal(40, latency.estimate(model, WHOLE))
    latency.observe(WHOLE, answer(model, 80))
    assert.equal(60, latency.estimate(model, WHOLE))
  end)

  it("stays young while answers come", function()
    for _ = 1, 30 do
      latency.observe(WHOLE, answer(model, 100))
      pass(9, 100)
      assert.equal(100, latency.estimate(model, WHOLE))
    end
  end)
end)
