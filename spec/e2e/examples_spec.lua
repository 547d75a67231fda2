-- SPDX-License-Identifier: Apache-2.0
-- The examples work: the demo runs to its end, and the emulator plays every scenario.
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local function files(pattern)
  local listing, list = assert(io.popen("ls " .. pattern)), {}
  for path in listing:lines() do list[#list + 1] = path end
  listing:close()
  return list
end

describe("the examples", function()
  it("demo loses no request and says so", function()
    local status, out, log = process.run { "lua5.4", "examples/demo.lua", signalbox.program }
    assert.equal(0, status, out .. log)
    assert.matches("not one was lost", out, 1, true)
    assert.matches("open -> half_open -> closed", out, 1, true)
    assert.matches("the 20 streams went to nova-pro, the other 40 to nova-lite", out, 1, true)
    assert.matches("wieght: expected a known key (did you mean weight?)", out, 1, true)
    for _, kind in ipairs { "boto3", "JavaScript", "curl" } do assert.matches("\n  " .. kind, out, 1, true) end
  end)

  for _, path in ipairs(files("examples/scenarios/*.lua")) do
    it("scenario " .. path .. " is played", function()
      local scene = signalbox.scene()
      local child = scene:start { "emulate", "--scenario", path, "--listen", "127.0.0.1:0", "--speed", "1000" }
      local port = tonumber(child:wait_for_log("127%.0%.0%.1:(%d+)"))
      local response = http.request(port, signalbox.call(signalbox.NOVA, "converse"))
      assert.is_truthy(response)
      scene:close()
    end)
  end
end)
