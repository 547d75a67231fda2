-- SPDX-License-Identifier: Apache-2.0
-- `make live`, with the emulator in Bedrock's place: its table of calls, and its refusal without credentials.
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local NONE = { AWS_REGION = false, AWS_DEFAULT_REGION = false, AWS_ACCESS_KEY_ID = false,
  AWS_SECRET_ACCESS_KEY = false, AWS_SESSION_TOKEN = false, AWS_BEARER_TOKEN_BEDROCK = false, LIVE_MODEL = false,
  AWS_ENDPOINT_URL = false, AWS_ENDPOINT_URL_BEDROCK_RUNTIME = false, SIGNALBOX = signalbox.program }

local function live(more)
  local environment = {}
  for name, value in pairs(NONE) do environment[name] = value end
  for name, value in pairs(more) do environment[name] = value end
  return process.run({ "lua5.4", "spec/live/run.lua" }, environment, 60)
end

describe("make live", function()
  for title, given in pairs {
    ["anything"] = {},
    ["credentials"] = { AWS_REGION = "us-east-1" },
    ["the secret"] = { AWS_REGION = "us-east-1", AWS_ACCESS_KEY_ID = "AKIDEXAMPLE" },
    ["a region"] = { AWS_ACCESS_KEY_ID = "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY = "not-a-secret" },
  } do
    it("calls nothing without " .. title, function()
      local status, out, log = live(given)
      assert.equal(2, status)
      assert.equal("", out)
      assert.matches("^live: wants AWS_REGION[^\n]+\n$", log)
    end)
  end

  it("prints a table of its calls", function()
    local scene = signalbox.scene()
    local emulator = scene:emulator({ seed = 1, traffic = { output_tokens = { 200, 220 } },
      models = { ["eu.amazon.nova-micro-v1:0"] = {
        ttft_ms = { p50 = 1, p99 = 2 }, tokens_per_second = { p50 = 200, p99 = 190 } } } },
      { "--access-key", "AKIDEXAMPLE", "--secret-key-env", "LIVE_SECRET" },
      { environment = { LIVE_SECRET = "not-a-secret" } })
    local status, out, log = live { AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY = "not-a-secret", AWS_ENDPOINT_URL_BEDROCK_RUNTIME = emulator.url }
    assert.equal(0, status, out .. log)
    assert.matches("Bedrock in eu%-west%-1, eu%.amazon%.nova%-micro", out)
    assert.matches("\n14 passed, 0 failed\n$", out)
    assert.is_nil(out:find("not-a-secret", 1, true))
    scene:close()
  end)

  it("fails when Bedrock refuses the credentials", function()
    local scene = signalbox.scene()
    local emulator = scene:emulator(nil, { "--access-key", "AKIDEXAMPLE", "--secret-key-env", "LIVE_SECRET" },
      { environment = { LIVE_SECRET = "not-a-secret" } })
    local status, out = live { AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY = "another", AWS_ENDPOINT_URL_BEDROCK_RUNTIME = emulator.url }
    assert.equal(1, status, out)
    assert.matches("FAILED", out)
    scene:close()
  end)
end)
