-- SPDX-License-Identifier: Apache-2.0
-- The policies in spec/fixtures/hostile, each loaded into a running gateway and asked for all its hooks, or refused.
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"

local FOLDER = "spec/fixtures/hostile"
local REQUESTS = 6 -- more than it takes to disable a hook
local TICK_S = 1.1
local FAILING = signalbox.prompt { faults = {
  { from_ms = 0, to_ms = 1e9, fault = "ServiceUnavailableException", share = 1 },
} }

local function names()
  local list = {}
  for name in io.popen("ls " .. FOLDER):lines() do list[#list + 1] = name end
  return list
end

local function attack(gateway, policy_file, name, text)
  process.write(policy_file, text)
  gateway.admin("/breakers/primary/reset", "POST")
  local status = gateway.admin("/reload", "POST")
  if status ~= 200 then return end
  for number = 1, REQUESTS do
    local response = gateway.request(signalbox.call("spare", number % 2 == 0 and "converse" or "invoke"))
    assert(response and response.status == 200, "no response")
  end
  if name:find("^tick_") then socket.sleep(TICK_S) end
end

local function open(scene)
  local emulator = scene:emulator({ seed = 1, models = { ["*"] = signalbox.PROMPT, primary = FAILING } })
  local gateway = scene:gateway(emulator, { policy = 'return { models = require "pool" }' })
  local policy_file = ("%s/policy-%d.lua"):format(scene.folder, #scene.children - 1)
  local rows = {}
  for _, name in ipairs(names()) do
    local text = process.contents(FOLDER .. "/" .. name)
    if text:find("^%-%- Tries: ") then
      rows[#rows + 1] = { name = "policy " .. name, attack = function() attack(gateway, policy_file, name, text) end }
    end
  end
  return gateway, rows
end

local function open_with_modules(scene)
  for _, name in ipairs(names()) do scene:write(name, process.contents(FOLDER .. "/" .. name)) end
  return open(scene)
end

return { { title = "hostile policies", open = open_with_modules } }
