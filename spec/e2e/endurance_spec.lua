-- SPDX-License-Identifier: Apache-2.0
-- Ten thousand requests with random faults: each gets a response, the number of descriptors goes back to what it was,
-- and (under the sanitizers) nothing leaks.
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NOVA, CLAUDE = signalbox.NOVA, signalbox.CLAUDE
local FAULTS = { "ThrottlingException", "ServiceUnavailableException", "InternalServerException", "ModelErrorException",
  "ValidationException", "reset", "truncate", "corrupt", "silent_end" }
local KNOWN = { [200] = true, [400] = true, [408] = true, [424] = true, [429] = true, [500] = true, [503] = true }
local OPERATIONS = { "converse", "converse-stream", "count-tokens", "converse-stream" }

describe("ten thousand requests with random faults", function()
  it("all get a response, and nothing is lost", function()
    local scene = signalbox.scene()
    local emulator = scene:emulator({ seed = 11, models = { ["*"] = signalbox.PROMPT } })
    local gateway = scene:gateway(emulator, {
      settings = { timeouts = { pool_idle_ms = 1000 }, log = { level = "warn", format = "json" } },
      policy = {
        breaker = { recovery_time_ms = 1000 }, stream_idle_ms = 1000, ttft_ms = 1000,
        models = { { id = NOVA }, { id = CLAUDE }, { id = "third", fallback = true } },
      },
      arguments = { "--log-level", "info" },
    })
    local random = 20090103
    local function draw(below)
      random = (random * 1103515245 + 12345) % 2147483648
      return random // 65536 % below + 1
    end
    http.request(gateway.port, { path = "/health" })
    local before = gateway:descriptors()
    local unknown, sent, answered = {}, 0, 0
    for _ = 1, 100 do
      emulator.control(NOVA, { fault = FAULTS[draw(#FAULTS)], share = 0.5 })
      emulator.control(CLAUDE, { fault = FAULTS[draw(#FAULTS)], share = 0.3 })
      http.load(gateway.port, {
        count = 98, connections = 20,
        make = function()
          sent = sent + 1
          return signalbox.call("chat", OPERATIONS[draw(#OPERATIONS)])
        end,
        on_response = function(_, response, problem)
          answered = answered + 1
          local is_known = response and KNOWN[response.status] and response.complete
          if not is_known then unknown[#unknown + 1] = response and response.status or problem end
        end,
      })
      -- Two clients that leave in the middle, one of them with a reset.
      for number = 1, 2 do
        local client = http.connect(gateway.port)
        client:send(http.format(signalbox.call("chat", "converse-stream")))
        sent, answered = sent + 1, answered + 1
        if number == 1 then client:close() else client:reset() end
      end
    end
    assert.equal(10000, sent)
    assert.equal(10000, answered)
    assert.same({}, unknown)
    process.wait_for("the descriptors to come back to " .. before, function()
      return gateway:descriptors() <= before
    end)
    scene:close()
  end)
end)
