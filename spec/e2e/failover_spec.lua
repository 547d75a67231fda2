-- SPDX-License-Identifier: Apache-2.0
-- The main job: when a model throttles, fails or dies, another one serves, and the client notices nothing.
local cjson = require "cjson"
local http = require "spec.support.http"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE
local TWO = { models = { { id = NOVA, weight = 50 }, { id = CLAUDE, weight = 50 } } }

local function both_prompt()
  return { seed = 7, models = { [NOVA] = signalbox.PROMPT, [CLAUDE] = signalbox.PROMPT } }
end

-- Sends `count` requests, round robin over `operations`; counts statuses, models and attempts.
local function send(gateway, count, connections, operations)
  local tally = { status = {}, model = {}, attempts = 0, broken = 0 }
  http.load(gateway.port, {
    count = count, connections = connections,
    make = function(index) return signalbox.call("chat", operations[index % #operations + 1]) end,
    on_response = function(_, response)
      if not response or not response.complete then
        tally.broken = tally.broken + 1
        return
      end
      local model = response.headers["x-signalbox-model"] or "none"
      tally.status[response.status] = (tally.status[response.status] or 0) + 1
      tally.model[model] = (tally.model[model] or 0) + 1
      tally.attempts = tally.attempts + tonumber(response.headers["x-signalbox-attempts"] or 0)
    end,
  })
  return tally
end

describe("failover", function()
  local scene

  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  it("serves 1000 of 1000 requests while one of two models throttles every call", function()
    local emulator = scene:emulator(both_prompt())
    local gateway = scene:gateway(emulator, { policy = TWO })
    emulator.control(NOVA, { fault = "ThrottlingException", share = 1.0 })
    local tally = send(gateway, 1000, 16, { "converse", "converse-stream" })
    assert.same({ [200] = 1000 }, tally.status)
    assert.same({ [CLAUDE] = 1000 }, tally.model)
    assert.equal(0, tally.broken)
    local _, stats = gateway.admin("/stats")
    assert.equal(1000, stats.models[CLAUDE].success)
    assert.is_true(stats.models[NOVA].rate_limit > 0)
    assert.equal(0, stats.models[NOVA].success)
    -- A throttle starts a cooldown and does not count at the breaker.
    local _, breakers = gateway.admin("/breakers")
    assert.equal("closed", breakers[NOVA].state)
  end)

  for _, fault in ipairs { "ServiceUnavailableException", "InternalServerException", "ModelNotReadyException",
    "ModelErrorException", "ModelTimeoutException", "AccessDeniedException", "reset" } do
    it("hides " .. fault .. " of one of two models", function()
      local emulator = scene:emulator(both_prompt())
      local gateway = scene:gateway(emulator, { policy = TWO })
      emulator.control(NOVA, { fault = fault, share = 1.0 })
      local tally = send(gateway, 60, 4, { "converse", "converse-stream" })
      assert.same({ [200] = 60 }, tally.status)
      assert.same({ [CLAUDE] = 60 }, tally.model)
      assert.is_true(tally.attempts > 60)
    end)
  end

  for name, case in pairs {
    ["only deprioritizes a model whose credentials are refused"] = { "", "deprioritized_until", "cooling_until" },
    ["starts a cooldown for refused credentials if a hook states one"] = {
      "classify = function() return 'failover', { cooldown_ms = 60000 } end", "cooling_until", "deprioritized_until" },
  } do
    it(name, function()
      local emulator = scene:emulator(both_prompt())
      local gateway = scene:gateway(emulator, { policy = ([[return {
        models = { { id = %q }, { id = %q, fallback = true } }, %s }]]):format(NOVA, CLAUDE, case[1]) })
      emulator.control(NOVA, { fault = "AccessDeniedException", share = 1.0 })
      for attempts = 2, 1, -1 do -- the second request does not try the model again
        local response = gateway.request(signalbox.call("chat", "converse"))
        assert.equal(200, response.status)
        assert.equal(tostring(attempts), response.headers["x-signalbox-attempts"])
      end
      local _, breakers = gateway.admin("/breakers")
      assert.is_string(breakers[NOVA][case[2]])
      assert.equal(cjson.null, breakers[NOVA][case[3]])
      -- Without the other model it is asked all the same, in a cooldown as the last resort: the client gets its error.
      gateway.admin("/breakers/" .. CLAUDE .. "/open", "POST")
      local response = gateway.request(signalbox.call("chat", "converse"))
      assert.equal(403, response.status)
    end)
  end

  it("asks no fallback until the primaries are in a cooldown", function()
    local emulator = scene:emulator(both_prompt())
    local models = { { id = NOVA }, { id = CLAUDE, fallback = true } }
    local gateway = scene:gateway(emulator, { policy = { models = models } })
    assert.same({ [NOVA] = 40 }, send(gateway, 40, 4, { "converse" }).model)
    emulator.control(NOVA, { fault = "ThrottlingException", share = 1.0 })
    assert.same({ [CLAUDE] = 40 }, send(gateway, 40, 4, { "converse" }).model)
  end)

  it("loses no request whose response had not begun when an upstream is killed", function()
    local slow = { seed = 3, models = { ["*"] = { ttft_ms = { p50 = 20, p99 = 60 },
      tokens_per_second = { p50 = 20000, p99 = 10000 } } } }
    local doomed, safe = scene:emulator(slow), scene:emulator(slow)
    local gateway = scene:gateway(nil, { policy = { models = {
      { id = NOVA, endpoint = doomed.url }, { id = CLAUDE, endpoint = safe.url },
    } } })
    local answered, lost = 0, {}
    http.load(gateway.port, {
      count = 600, connections = 16,
      make = function(index) return signalbox.call("chat", index % 2 == 0 and "converse" or "converse-stream") end,
      on_response = function(_, response, problem)
        answered = answered + 1
        if answered == 200 then scene:kill(doomed) end
        local is_whole = response and response.status == 200 and response.complete
        -- A stream that had begun at the killed upstream ends in the exception frame that SDKs raise.
        local had_begun = is_whole and response.body:find("modelStreamErrorException", 1, true)
        if not is_whole or (had_begun and response.headers["x-signalbox-model"] ~= NOVA) then
          lost[#lost + 1] = response and response.status .. " " .. response.body or problem
        end
      end,
    })
    assert.same({}, lost)
    local _, stats = gateway.admin("/stats")
    assert.is_true(stats.models[NOVA].success > 0, "the killed upstream had a share before")
    assert.is_true(stats.models[CLAUDE].success > 300)
  end)

  it("keeps InvokeModel within the family of the requested model", function()
    local emulator = scene:emulator({ seed = 7, models = { ["*"] = signalbox.PROMPT } })
    local other = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    local gateway = scene:gateway(emulator, { policy = { models = {
      { id = NOVA, family = "nova" }, { id = CLAUDE, family = "claude" }, { id = other, family = "claude" },
      { id = "amazon.titan-text-express-v1" },
    } } })
    local body = '{"anthropic_version":"bedrock-2023-05-31","max_tokens":16,"messages":[]}'
    emulator.control(CLAUDE, { fault = "ThrottlingException", share = 1.0 })
    for _, operation in ipairs { "invoke", "invoke-with-response-stream", "count-tokens" } do
      local response = gateway.request(signalbox.call(CLAUDE, operation, body))
      assert.equal(200, response.status)
      assert.equal(other, response.headers["x-signalbox-model"])
    end
    emulator.control("amazon.titan-text-express-v1", { fault = "ThrottlingException", share = 1.0 })
    local alone = gateway.request(signalbox.call("amazon.titan-text-express-v1", "invoke", '{"inputText":"Hi"}'))
    assert.equal(429, alone.status)
    assert.equal("1", alone.headers["x-signalbox-attempts"])
  end)

  it("replaces an idle connection that the upstream has closed, without another attempt", function()
    local upstream = scene:upstream([[
      answer:json(200, '{"n":' .. number .. '}')
      if number % 2 == 1 then answer:close() end
    ]])
    local gateway = scene:gateway(upstream)
    for number = 1, 6 do
      local response = gateway.request(signalbox.call(NOVA, "converse"))
      assert.equal(200, response.status)
      assert.equal(('{"n":%d}'):format(number), response.body)
      assert.equal("1", response.headers["x-signalbox-attempts"])
    end
  end)

  it("follows the policy's decisions", function()
    local emulator = scene:emulator(both_prompt())
    local gateway = scene:gateway(emulator, { policy = ([[
      return {
        models = { { id = %q }, { id = %q } },
        select = function(request, models)
          for _, model in ipairs(models) do
            if model.id == (request.streaming and %q or %q) then return model end
          end
        end,
        classify = function(failure) if failure.name == "ServiceUnavailableException" then return "fail" end end,
      }]]):format(NOVA, CLAUDE, NOVA, CLAUDE) })
    assert.same({ [CLAUDE] = 20 }, send(gateway, 20, 2, { "converse" }).model)
    assert.same({ [NOVA] = 20 }, send(gateway, 20, 2, { "converse-stream" }).model)
    emulator.control(CLAUDE, { fault = "ServiceUnavailableException", share = 1.0 })
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(503, response.status)
    assert.equal("1", response.headers["x-signalbox-attempts"])
    assert.is_string(cjson.decode(response.body).message)
  end)

  it("goes on when the policy errs at run time", function()
    local emulator = scene:emulator(both_prompt())
    local gateway = scene:gateway(emulator, { policy = ([[
      return { models = { { id = %q } }, select = function(request, models) return models.nothing.at_all end }
    ]]):format(NOVA) })
    assert.same({ [200] = 30 }, send(gateway, 30, 3, { "converse" }).status)
    assert.matches("policy", gateway:log())
  end)
end)
