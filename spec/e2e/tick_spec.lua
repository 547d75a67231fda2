-- SPDX-License-Identifier: Apache-2.0
-- `tick`, once a second on each worker: the weights that it assigns, the models that it sees, and reloads.
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE

local function policy(hooks)
  return ([[
    local shared = require "signalbox.shared"
    return {
      models = { { id = "%s", weight = 1 }, { id = "%s", weight = 0 } },
      %s
    }]]):format(NOVA, CLAUDE, hooks or "")
end

-- Sends a request, and returns the model that served it.
local function model_of(gateway)
  local response = gateway.request(signalbox.call("chat", "converse"))
  assert.equal(200, response.status, response.body)
  return response.headers["x-signalbox-model"]
end

local function wait_for_model(gateway, model)
  process.wait_for("responses of " .. model, function() return model_of(gateway) == model end)
end

describe("tick", function()
  local scene, emulator
  before_each(function()
    scene = signalbox.scene()
    emulator = scene:emulator()
  end)
  after_each(function() scene:close() end)

  it("moves traffic by the weights that it assigns", function()
    local gateway = scene:gateway(emulator, { policy = policy [[
      tick = function(now_ms, models)
        for _, model in ipairs(models) do model.weight = model.name:find("claude") and 1 or 0 end
      end]] })
    assert.equal(NOVA, model_of(gateway))
    wait_for_model(gateway, CLAUDE)
    for _ = 1, 20 do assert.equal(CLAUDE, model_of(gateway)) end
  end)

  it("sees the models' health", function()
    local gateway = scene:gateway(emulator, { policy = policy [[
      tick = function(now_ms, models)
        local nova = models[1]
        if (nova.latency_ms or 0) > 0 and nova.requests_per_minute > 0 and nova.breaker == "closed" then
          models[2].weight, nova.weight = nova.weight, 0
        end
      end]] })
    assert.equal(NOVA, model_of(gateway))
    wait_for_model(gateway, CLAUDE)
  end)

  it("runs on each worker, again and again, without requests", function()
    -- A tick tells workers apart by a variable, of which each worker's VM has its own.
    local gateway = scene:gateway(emulator, { settings = { workers = 2 }, policy = policy [[
      tick = (function()
        local mine
        return function(now_ms)
          mine = mine or shared.incr("workers")
          shared.incr("ticks " .. mine)
        end
      end)(),
      select = function(_, models)
        local one, other = shared.get("ticks 1") or 0, shared.get("ticks 2") or 0
        if one >= 3 and other >= 3 and math.abs(one - other) <= 2 then return models[2] end
        return models[1]
      end]] })
    -- The test opens one connection at a time, so most requests reach one worker.
    wait_for_model(gateway, CLAUDE)
  end)

  it("belongs to the running version", function()
    local path = ("%s/policy-%d.lua"):format(scene.folder, #scene.children)
    local gateway = scene:gateway(emulator, { policy = policy() })
    local function reload(text)
      process.write(path, text)
      assert.equal(200, (gateway.admin("/reload", "POST")))
    end
    assert.equal(NOVA, model_of(gateway))
    reload(policy "tick = function(_, models) models[1].weight, models[2].weight = 0, 1 end")
    wait_for_model(gateway, CLAUDE)
    -- A new version begins with the weights of its file.
    reload(policy "tick = function() end")
    assert.equal(NOVA, model_of(gateway))
    reload(policy())
    assert.equal(NOVA, model_of(gateway))
    reload(policy "tick = function(_, models) models[1].weight, models[2].weight = 0, 1 end")
    wait_for_model(gateway, CLAUDE)
  end)

  it("begins with the version, whether or not a request comes", function()
    local path = ("%s/policy-%d.lua"):format(scene.folder, #scene.children)
    local gateway = scene:gateway(emulator, { policy = policy(), settings = signalbox.DEBUG })
    process.write(path, policy 'tick = function() error("out of order") end')
    assert.equal(200, (gateway.admin("/reload", "POST")))
    process.wait_for("a tick", function() return #gateway.entries("policy-error") > 0 end)
  end)

  it("may err without harm: the weights stay unchanged", function()
    local gateway = scene:gateway(emulator, {
      settings = signalbox.DEBUG,
      policy = policy [[
        tick = function(_, models)
          models[1].weight, models[2].weight = 0, 1
          error("out of order")
        end]],
    })
    process.wait_for("an error", function() return #gateway.entries("policy-error") > 0 end)
    assert.equal(NOVA, model_of(gateway))
  end)
end)
