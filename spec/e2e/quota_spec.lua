-- SPDX-License-Identifier: Apache-2.0
-- Quotas: the gateway never exceeds the quota that the policy states for a model, however many requests come in.
local cjson = require "cjson"
local http = require "spec.support.http"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE

-- Sends `count` requests over many connections; counts statuses and models.
local function send(gateway, count, body, headers)
  local tally = { models = {}, status = {}, retry_after = {} }
  http.load(gateway.port, {
    count = count, connections = 24,
    make = function(index)
      return signalbox.call("chat", index % 2 == 0 and "converse" or "converse-stream", body, headers)
    end,
    on_response = function(_, response, problem)
      assert(response and response.complete, problem)
      tally.status[response.status] = (tally.status[response.status] or 0) + 1
      local name = response.headers["x-signalbox-model"]
      if name and response.status == 200 then tally.models[name] = (tally.models[name] or 0) + 1 end
      if response.status == 429 then
        tally.retry_after[#tally.retry_after + 1] = tonumber(response.headers["x-amz-retry-after"])
      end
    end,
  })
  return tally
end

-- The emulator's counts for a model, over both operations.
local function counts(emulator, id)
  local total = { received = 0, answered = 0, throttled = 0 }
  for _, operation in pairs(emulator.requests().models[id] or {}) do
    for name in pairs(total) do total[name] = total[name] + operation[name] end
  end
  return total
end

describe("quotas", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  it("lets no more requests through than the account allows, over two workers", function()
    local emulator = scene:emulator { seed = 1, models = { [NOVA] = signalbox.prompt { quota = { rpm = 40 } } } }
    local gateway = scene:gateway(emulator, {
      policy = { models = { { id = NOVA, quota = { rpm = 40 } } } }, settings = { workers = 2 },
    })
    local tally = send(gateway, 300)
    assert.same({ [200] = 40, [429] = 260 }, tally.status)
    assert.same({ received = 40, answered = 40, throttled = 0 }, counts(emulator, NOVA))
    for _, wait_ms in ipairs(tally.retry_after) do assert.is_true(wait_ms > 0 and wait_ms <= 61000) end
    assert.equal(260, #tally.retry_after)
    -- A used-up quota is no failure of the model.
    local _, breakers = gateway.admin("/breakers")
    assert.equal("closed", breakers[NOVA].state)
    local _, stats = gateway.admin("/stats")
    assert.equal(0, stats.models[NOVA].rate_limit)
  end)

  it("sends requests over the quota to models that have room", function()
    local emulator = scene:emulator { seed = 1, models = {
      [NOVA] = signalbox.prompt { quota = { rpm = 25 } }, [CLAUDE] = signalbox.prompt { quota = { rpm = 500 } },
    } }
    local gateway = scene:gateway(emulator, {
      policy = { models = { { id = NOVA, quota = { rpm = 25 } }, { id = CLAUDE, fallback = true } } },
      settings = { workers = 2 },
    })
    local tally = send(gateway, 200)
    assert.same({ [200] = 200 }, tally.status)
    assert.same({ [NOVA] = 25, [CLAUDE] = 175 }, tally.models)
    assert.equal(0, counts(emulator, NOVA).throttled)
  end)

  -- The service counts the tokens of the response; the gateway has to reserve the most that it may have.
  it("keeps below the quota of tokens", function()
    local emulator = scene:emulator { seed = 1, traffic = { output_tokens = { 10, 200 } }, models = {
      [NOVA] = signalbox.prompt { quota = { tpm = 8000 } }, [CLAUDE] = signalbox.PROMPT,
    } }
    local gateway = scene:gateway(emulator, {
      policy = { models = { { id = NOVA, quota = { tpm = 8000 } }, { id = CLAUDE, fallback = true } } },
      settings = { workers = 2 },
    })
    local body = signalbox.converse_body(("word "):rep(40), { inferenceConfig = { maxTokens = 100 } })
    local tally = send(gateway, 200, body)
    assert.same({ [200] = 200 }, tally.status)
    assert.equal(0, counts(emulator, NOVA).throttled)
    -- Unused reservations came back, so that more got through than by reservations alone: 8000 / (50 + 100).
    assert.is_true(tally.models[NOVA] > 53, tally.models[NOVA])
  end)

  it("serves waiting requests when tokens come back, without another request", function()
    local emulator = scene:emulator { seed = 1, traffic = { output_tokens = { 10, 20 } },
      models = { [NOVA] = signalbox.PROMPT } }
    emulator.control(NOVA, { latency_ms = 100 })
    local gateway = scene:gateway(emulator, {
      policy = { max_wait_ms = 20000, models = { { id = NOVA, quota = { tpm = 1000 } } } },
    })
    local body = signalbox.converse_body("some words", { inferenceConfig = { maxTokens = 700 } })
    assert.same({ [200] = 4 }, send(gateway, 4, body).status)
    assert.equal(4, counts(emulator, NOVA).answered)
  end)

  it("learns from a throttle that others use the account too", function()
    for _, case in ipairs { { "rpm", 30 }, { "tpm", 6000 } } do
      local name, limit = table.unpack(case)
      local emulator = scene:emulator { seed = 1, models = {
        [NOVA] = signalbox.prompt { quota = { [name] = limit } }, [CLAUDE] = signalbox.PROMPT,
      } }
      -- The policy states ten times the real quota.
      local gateway = scene:gateway(emulator, {
        policy = { models = { { id = NOVA, quota = { [name] = 10 * limit } }, { id = CLAUDE, fallback = true } } },
      })
      local body = signalbox.converse_body(("word "):rep(40), { inferenceConfig = { maxTokens = 100 } })
      local tally = send(gateway, 100, body)
      assert.same({ [200] = 100 }, tally.status)
      local found = counts(emulator, NOVA)
      assert.is_true(found.throttled > 0 and found.throttled <= 24, cjson.encode(found))
    end
  end)
end)
