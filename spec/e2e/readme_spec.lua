-- SPDX-License-Identifier: Apache-2.0
-- README.md's "Change a rule", step by step: the spec runs its commands (on ports that the system picks), makes its
-- edits, and compares the output with the page's, except for times and hashes.
local cjson = require "cjson"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local SECTION = process.contents("README.md"):match("\n## Change a rule\n(.-)\n## ")

-- The section's blocks of code.
local function blocks()
  local list = {}
  for source in SECTION:gmatch("\n```%w*\n(.-)\n```") do list[#list + 1] = source end
  return list
end

local function block_with(text)
  for _, source in ipairs(blocks()) do
    if source:find(text, 1, true) then return source end
  end
  error("no block with " .. text)
end

-- A command's words, without the program and its environment.
local function words_of(command)
  local words = {}
  for word in command:match("build/signalbox (.*)"):gsub("%s*&$", ""):gmatch("%S+") do words[#words + 1] = word end
  return words
end

describe("README.md", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function shell(command)
    local status, out, log = process.run { "sh", "-c", ("cd %s && %s"):format(scene.folder, command) }
    assert.equal(0, status, log)
    return out
  end

  local function save(text)
    process.write(scene.folder .. "/my.lua.new", text)
    assert(os.rename(scene.folder .. "/my.lua.new", scene.folder .. "/my.lua"))
  end

  it("changes a rule as described", function()
    local root = os.getenv("PWD")
    shell(("ln -s %s/policies policies && mkdir build && ln -s %s build/signalbox"):format(root, signalbox.program))
    local copy, emulate, serve = block_with("cp policies"):match("([^\n]+)\n([^\n]+)\n([^\n]+)")
    shell(copy)

    local words = words_of(emulate)
    words[#words + 1], words[#words + 2] = "--listen", "127.0.0.1:0"
    local emulator = scene:start(words, { directory = scene.folder })
    local address = emulator:wait_for_log("127%.0%.0%.1:%d+")

    words = words_of((serve:gsub("127%.0%.0%.1:8081", address)))
    for _, word in ipairs { "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--core-dumps" } do
      words[#words + 1] = word
    end
    local gateway = scene:start(words, {
      directory = scene.folder, environment = { [serve:match("^([%w_]+)=")] = serve:match("^[%w_]+=(%S+)") },
    })
    local port = gateway:wait_for_log("surface=data address=127%.0%.0%.1:(%d+)")
    local admin_port = gateway:wait_for_log("surface=admin address=127%.0%.0%.1:(%d+)")

    local former = process.contents(scene.folder .. "/my.lua")
    local start, stop = former:find("  select = function.-\n  end,\n")
    local changed = former:sub(1, start - 1) .. block_with("a long prompt\" end") .. former:sub(stop)
    save(changed)

    local report = shell(SECTION:match("`(build/signalbox check [^`]+)`"))
    for line in block_with("a sound policy"):gmatch("[^\n]+") do
      local shown = line:gsub("at most.*", "at most ")
      if shown ~= "   ..." then assert.is_truthy(report:find(shown, 1, true), line) end
    end

    local entry = block_with("policy reloaded"):match(" (info .*)"):gsub("%p", "%%%0")
    gateway:wait_for_log((entry:gsub("hash%%=%x+[%%%.]+", "hash=%%x+")))

    local command, output = block_with("curl"):match("^%$ ([^\n]+)\n(.*)$")
    assert.equal(output, (shell((command:gsub(":8080", ":" .. port))):gsub("%s+$", "")))

    save((changed:gsub("weight = 30", SECTION:match("Write `([^`]+)`"))))
    gateway:wait_for_log((block_with("policy rejected"):gsub("%p", "%%%0")))
    local look = SECTION:match("`(curl [^`]+/policy)`"):gsub("curl ", "curl -s "):gsub(":9090", ":" .. admin_port)
    assert.equal(2, #cjson.decode(shell(look)).history)

    command, output = block_with("reload --to"):match("^%$ ([^\n]+)\n(.*)$")
    local printed = shell(("%s --admin 127.0.0.1:%s"):format(command, admin_port))
    assert.equal((output:gsub("%x+$", "")), (printed:gsub("%x+\n$", "")))
  end)
end)
