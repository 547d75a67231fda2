-- SPDX-License-Identifier: Apache-2.0
-- When a client leaves, the gateway cancels its upstream request: the emulator counts it as cancelled. Nothing else
-- would end these requests before the test's timeout.
local cjson = require "cjson"
local curl = require "spec.support.curl"
local faults = require "spec.support.faults"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local transports = require "spec.support.transports"

local NOVA = signalbox.NOVA
local COUNT_BODY = '{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}}}'

-- When the client leaves: before the response, or within it.
local MOMENTS = {
  { title = "before the response", latency_ms = 300000, tokens_per_second = 1 },
  { title = "within a stream", latency_ms = 1, tokens_per_second = 40, streams_only = true },
}

for _, transport in ipairs(transports.list) do
  describe("a client that leaves over " .. transport.title, function()
    local scene, emulator, gateway, opened
    lazy_setup(function()
      scene = signalbox.scene()
      emulator = scene:emulator({ seed = 1, traffic = { output_tokens = { 1600, 1600 } },
        models = { [NOVA] = signalbox.PROMPT } })
      gateway = scene:gateway(emulator, { settings = transports.settings(transport, scene),
        policy = { timeout_ms = 300000, ttft_ms = 300000, stream_idle_ms = 600000, models = { { id = NOVA } } } })
      opened = transports.open(transport, scene, gateway)
    end)
    lazy_teardown(function() scene:close() end)

    local function upstream_count(name)
      return emulator.requests().total[name]
    end

    local function cancelled_count()
      local _, stats = gateway.admin("/stats")
      return stats.total.cancelled
    end

    local function leave(operation, moment)
      emulator.control(NOVA, { latency_ms = moment.latency_ms, tokens_per_second = moment.tokens_per_second })
      local received, given_up, cancelled = upstream_count("received"), upstream_count("cancelled"), cancelled_count()
      local lines = #gateway.access()
      local body = operation == "count-tokens" and COUNT_BODY or nil
      local client = curl.start(opened, signalbox.call(NOVA, operation, body), scene.folder)
      process.wait_for("the request at the upstream", function() return upstream_count("received") == received + 1 end)
      if moment.streams_only then
        process.wait_for("the beginning of the stream", function()
          return #process.contents(scene.folder .. "/curl/1.body") > 0
        end)
      end
      client:signal("KILL")
      process.wait_for("the upstream request to be cancelled", function()
        return upstream_count("cancelled") == given_up + 1
      end)
      process.wait_for("its line in the access log", function() return #gateway.access() == lines + 1 end)
      local entry = gateway.access()[lines + 1]
      assert.equal("cancelled", entry.outcome, cjson.encode(entry))
      assert.equal(cancelled + 1, cancelled_count())
      assert.equal(received + 1, upstream_count("received"))
    end

    for _, operation in ipairs(faults.OPERATIONS) do
      for _, moment in ipairs(MOMENTS) do
        if faults.STREAMS[operation] or not moment.streams_only then
          it(("cancels %s, %s"):format(operation, moment.title), function() leave(operation, moment) end)
        end
      end
    end

    it("leaves nothing behind", function()
      local _, stats = gateway.admin("/stats")
      assert.equal(7, stats.total.cancelled)
      assert.equal(0, stats.total.fail_fast + stats.total.success)
    end)
  end)
end
