-- SPDX-License-Identifier: Apache-2.0
-- Defences that SECURITY.md lists and no other spec shows: core files, secrets on command lines, redirects, policies
-- that are no regular files, hostile text in logs.
local cjson = require "cjson"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

-- The sanitizers' options, except that they must not change the limit of core files.
local function with_core_files(name)
  return (os.getenv(name) or "") .. ":disable_coredump=0"
end

describe("the gateway", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  -- Starts a gateway with as large a limit of core files as the system allows. Returns its own soft limit.
  local function core_limit(...)
    local child = process.start({ "sh", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "sh", signalbox.program,
      "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", ... },
      { folder = scene.folder, directory = scene.folder, environment = { AWS_BEARER_TOKEN_BEDROCK = "any",
        ASAN_OPTIONS = with_core_files("ASAN_OPTIONS"), TSAN_OPTIONS = with_core_files("TSAN_OPTIONS") } })
    table.insert(scene.children, 1, child)
    child:wait_for_log("surface=admin")
    return process.contents(("/proc/%d/limits"):format(child.pid)):match("\nMax core file size +(%S+)")
  end

  it("writes core files only with --core-dumps", function()
    local limit = io.popen("ulimit -H -c"):read("l")
    if limit == "0" then pending("the system writes no core files at all") return end
    assert.equal("0", core_limit())
    assert.not_equal("0", core_limit("--core-dumps"))
  end)

  it("takes no secret on a command line", function()
    for _, command in ipairs { "serve", "emulate", "ask" } do
      for _, option in ipairs { "secret-key", "secret-access-key", "session-token", "bearer-token" } do
        local status, _, log = signalbox.run { command, "--" .. option, "text" }
        assert.equal(2, status)
        assert.matches(option, log, 1, true)
      end
    end
  end)

  it("follows no redirect with its credentials", function()
    local elsewhere = scene:upstream "answer:json(200, '{}')"
    local server = scene:upstream(([[answer:json(307, '{}', "location: %s/elsewhere\r\n")]]):format(elsewhere.url))
    local gateway = scene:gateway(server, { policy = { models = { { id = signalbox.NOVA } }, max_retries = 0 } })
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.not_equal(200, response.status)
    assert.equal(1, #server.recorded())
    assert.same({}, elsewhere.recorded())
  end)

  it("reads policies from regular files only", function()
    local pipe = scene.folder .. "/pipe.lua"
    assert(os.execute("mkfifo " .. pipe))
    for _, path in ipairs { pipe, "/dev/zero", scene.folder } do
      local status, _, log = signalbox.run({ "serve", "--policy", path, "--listen", "127.0.0.1:0", "--admin",
        "127.0.0.1:0" }, { AWS_BEARER_TOKEN_BEDROCK = "any" })
      assert.equal(1, status, path)
      assert.matches(path, log, 1, true)
    end
  end)

  for _, format in ipairs { "text", "json" } do
    it("logs hostile text as one entry: " .. format, function()
      local policy = scene:write("policy.lua", [[return { models = { { id = "a" } },
        select = function(request) error(request:text(), 0) end }]])
      local upstream = scene:upstream("answer:json(200, '{}')")
      local gateway = scene:start({ "serve", "--policy", policy, "--endpoint", upstream.url, "--listen", "127.0.0.1:0",
        "--admin", "127.0.0.1:0", "--log-format", format, "--core-dumps" },
        { environment = { AWS_BEARER_TOKEN_BEDROCK = "any" } })
      local port = gateway:wait_for_log('data"?[ ,]"?address"?[=:]"?127%.0%.0%.1:(%d+)')
      local hostile = "x\n2026-01-01T00:00:00.000Z error forged a=1\r\n{\"message\":\"forged\"}\27[2J\""
      assert(http.request(tonumber(port), signalbox.call("a", "converse", signalbox.converse_body(hostile))))
      gateway:wait_for_log("error forged")
      for line in gateway:log():gmatch("[^\n]+") do
        assert.is_nil(line:find("^2026%-01%-01"))
        assert.is_nil(line:find("[%z\1-\31\127]"), line)
        if format == "json" then assert.not_equal("forged", cjson.decode(line).message) end
      end
    end)
  end
end)
