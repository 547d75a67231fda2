-- SPDX-License-Identifier: Apache-2.0
-- The log goes to whatever stderr is: a pipe that nobody reads costs lines only, and no stray signal ends a gateway.
local cjson = require "cjson"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

-- So that a few thousand lines of the access log are more than the queue holds.
local LONG_NAME = ("x"):rep(2000)

describe("a gateway's log", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  -- A gateway whose log is a pipe. Returns the child with its ports, and the reader's end.
  local function piped()
    local path = scene.folder .. "/log"
    local policy = scene:write("policy.lua", ("return { models = { { id = %q } } }"):format(LONG_NAME))
    local emulator = scene:emulator()
    assert(os.execute("mkfifo " .. path))
    local child = process.start({ "sh", "-c", 'exec "$@" 2>' .. path, "sh", signalbox.program, "serve", "--listen",
      "127.0.0.1:0", "--admin", "127.0.0.1:0", "--policy", policy, "--endpoint", emulator.url,
      "--core-dumps" },
      { folder = scene.folder, environment = { AWS_BEARER_TOKEN_BEDROCK = "any" } })
    table.insert(scene.children, 1, child)
    local reader = assert(io.open(path, "r"))
    for line in reader:lines() do
      child.port = child.port or tonumber(line:match("surface=data address=127%.0%.0%.1:(%d+)"))
      child.admin_port = tonumber(line:match("surface=admin address=127%.0%.0%.1:(%d+)"))
      if child.admin_port then return child, reader end
    end
    error("no listeners: " .. child:log())
  end

  local function fill(child, count)
    http.load(child.port, { count = count, connections = 8,
      make = function() return signalbox.call("chat", "converse") end,
      on_response = function(_, response, problem) assert(response and response.status == 200, problem) end })
  end

  it("stops nothing when nobody reads it: clients, operators, SIGTERM", function()
    local child, reader = piped()
    fill(child, 3000)
    local detail = cjson.decode(http.request(child.admin_port, { path = "/health/detail" }).body)
    assert.is_true(detail.log.lost_lines > 0)
    scene:stop(child)
    reader:close()
  end)

  it("tells what was lost once it is read again", function()
    local child, reader = piped()
    fill(child, 3000)
    local lost
    repeat
      local line = assert(reader:read("L"))
      assert.matches("^%d+%-%d+%-%d+T[%d:.]+Z %l+ .*\n$", line)
      lost = line:match(" warn lines of the log were lost: nobody read them lines=(%d+)\n$")
    until lost
    local detail = cjson.decode(http.request(child.admin_port, { path = "/health/detail" }).body)
    assert.equal(tonumber(lost), detail.log.lost_lines)
    scene:stop(child)
    reader:close()
  end)

  it("ends nothing when its reader goes away, nor does a stray signal", function()
    local child, reader = piped()
    reader:close()
    for _, name in ipairs { "USR1", "USR2", "PIPE" } do child:signal(name) end
    fill(child, 10)
    assert.is_nil(child:status())
    scene:stop(child)
  end)

  it("has what is wrong at the start, in order, before the exit", function()
    local status, _, log = signalbox.run({ "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--policy",
      scene:write("policy.lua", "return { models = 1, nonsense = 2 }") }, { AWS_BEARER_TOKEN_BEDROCK = "any" })
    assert.equal(1, status)
    assert.matches("policy%.lua.-models.-\n.-nonsense", log)
  end)
end)
