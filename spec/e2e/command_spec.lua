-- SPDX-License-Identifier: Apache-2.0
-- The command line: each command's help and misuse, check, ask, version.
local cjson = require "cjson"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local function one_line(text)
  return select(2, text:gsub("\n", "\n")) <= 2
end

describe("the command line", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  for _, command in ipairs { "serve", "emulate", "ask", "check", "reload", "version" } do
    it(command .. " explains itself", function()
      local status, out = signalbox.run { command, "--help" }
      assert.equal(0, status)
      assert.matches("signalbox " .. command, out, 1, true)
      local _, whole = signalbox.run { "--help" }
      assert.matches(command, whole, 1, true)
    end)

    it(command .. " is misused with status 2 and a hint", function()
      local status, _, log = signalbox.run { command, "--no-such-flag" }
      assert.equal(2, status)
      assert.matches("--help", log, 1, true)
      assert.is_true(one_line(log), log)
    end)
  end

  for _, command in ipairs { "serve", "emulate", "ask", "check", "reload", "version" } do
    it("help " .. command .. " is " .. command .. " --help", function()
      local _, expected = signalbox.run { command, "--help" }
      local status, out, log = signalbox.run { "help", command }
      assert.equal(0, status)
      assert.equal(expected, out)
      assert.equal("", log)
    end)
  end

  it("helps with help itself, and with no more than one command", function()
    local _, expected = signalbox.run { "--help" }
    for _, arguments in ipairs { { "help" }, { "help", "help" }, { "help", "--help" }, { "help", "-h" }, { "-h" } } do
      local status, out = signalbox.run(arguments)
      assert.equal(0, status)
      assert.equal(expected, out)
    end
    assert.equal(2, (signalbox.run { "help", "serve", "check" }))
    assert.equal(2, (signalbox.run { "help", "unheard-of" }))
  end)

  it("names the command or the option that may have been meant", function()
    for _, row in ipairs {
      { { "serv" }, 'unknown command "serv" (did you mean serve?)' },
      { { "help", "chekc" }, 'unknown command "chekc" (did you mean check?)' },
      { { "--hlep" }, 'unknown command "--hlep" (did you mean help?)' },
      { { "serve", "--polcy", "x" }, "unknown option --polcy (did you mean --policy?)" },
      { { "serve", "--polcy=x" }, "unknown option --polcy (did you mean --policy?)" },
      { { "serve", "-policy", "x" }, "unknown option -policy (did you mean --policy?)" },
      { { "version", "--hepl" }, "unknown option --hepl (did you mean --help?)" },
      { { "serve", "--nothing-near" }, "unknown option --nothing-near; see" },
    } do
      local status, _, log = signalbox.run(row[1])
      assert.equal(2, status)
      assert.matches(row[2], log, 1, true)
      assert.is_true(one_line(log), log)
    end
  end)

  it("ends with status 2 for every misuse of a flag, which it names", function()
    for _, row in ipairs {
      { { "serve", "--config" }, "--config needs a value" },
      { { "serve", "extra" }, 'unexpected argument "extra"' },
      { { "serve", "--core-dumps=yes" }, "--core-dumps takes no value" },
      { { "serve", "--help=1" }, "--help takes no value" },
      { { "serve", "--workers", "many" }, '--workers: expected a whole number from 1 to 1024, or "auto"' },
      { { "serve", "--workers", "1025" }, "--workers: expected" },
      { { "serve", "--listen", "127.0.0.1:0", "--listen", "nowhere" }, "--listen: expected" },
      { { "serve", "--admin", "0.0.0.0:1" }, "--admin: expected a loopback address" },
      { { "serve", "--region", "US East" }, "--region: expected" },
      { { "serve", "--endpoint", "nowhere" }, "--endpoint: expected" },
      { { "serve", "--log-level", "loud" }, "--log-level: expected" },
      { { "serve", "--log-format", "xml" }, "--log-format: expected" },
      { { "serve", "--listen", "0.0.0.0:28888" }, "--listen: expected a loopback address or a Unix socket" },
      { { "serve", "--listen", "127.0.0.1:1", "--listen", "127.0.0.1:1" }, "--listen: expected each address once" },
      { { "serve", "--listen", "127.0.0.1:1", "--admin", "127.0.0.1:1" }, "--admin: expected another address" },
      { { "serve", "--listen", "127.0.0.1:9090" }, "--listen: expected other addresses than that of admin" },
      { { "serve", "--endpoint", "http://10.0.0.1:1" }, "--endpoint: expected https://" },
      { { "serve", "--endpoint", "http://127.0.0.1:8080" }, "--endpoint: expected another server than this one" },
      { { "serve", "--listen", "127.0.0.1:1", "--endpoint", "http://127.0.0.1:1" }, "--endpoint: expected another" },
      { { "ask", "--endpoint", "http://10.0.0.1", "hello" }, "--endpoint: expected https://" },
      { { "ask", "--region", "US East", "hello" }, "--region: expected" },
      { { "ask", "--max-tokens", "0", "hello" }, "--max-tokens takes" },
      { { "ask" }, "a prompt is missing" },
      { { "ask", "two", "prompts" }, 'unexpected argument "prompts"' },
      { { "check" }, "a file is missing" },
      { { "reload", "--to", "0" }, "--to takes" },
      { { "reload", "--admin", "nowhere" }, "--admin: expected" },
      { { "emulate", "--speed", "fast" }, "--speed: expected" },
      { { "version", "extra" }, 'unexpected argument "extra"' },
    } do
      local command = row[1][1]
      local status, out, log = signalbox.run(row[1])
      assert.equal(2, status, log)
      assert.equal("", out)
      assert.matches(row[2], log, 1, true)
      assert.matches("see signalbox " .. command .. " --help", log, 1, true)
      assert.is_true(one_line(log), log)
    end
  end)

  it("ends with status 2 for what a flag brings in, with status 1 for what the settings file says", function()
    local address, url = "127.0.0.1:1", "http://127.0.0.1:1"
    for _, row in ipairs {
      { { endpoint = url }, { "--listen", address }, 2, "--listen: expected another server than this one" },
      { { endpoint = url }, { "--admin", address }, 2, "--admin: expected another server than this one" },
      { { listen = address }, { "--endpoint", url }, 2, "--endpoint: expected another server than this one" },
      { { listen = address }, { "--admin", address }, 2, "--admin: expected another address" },
      { { admin = address }, { "--listen", address }, 2, "--listen: expected other addresses" },
      { { listen = "0.0.0.0:1" }, { "--region", "eu-west-1" }, 1, "s.lua: listen: expected a loopback address" },
      { { listen = address, endpoint = url }, { "--region", "eu-west-1" }, 1, "endpoint: expected another server" },
      { { endpoint = "http://10.0.0.1" }, { "--admin", address }, 1, "s.lua: endpoint: expected https://" },
      { { listen = address, admin = address }, { "--region", "eu-west-1" }, 1, "s.lua: admin: expected another" },
      { { workers = "many" }, { "--workers", "2" }, 1, "s.lua:1: workers: expected" },
    } do
      local settings = scene:write("s.lua", "return " .. signalbox.literal(row[1]))
      local status, _, log = signalbox.run { "serve", "--config", settings, table.unpack(row[2]) }
      assert.equal(row[3], status, log)
      assert.matches(row[4], log, 1, true)
      assert.is_true(one_line(log), log)
    end
    local both = scene:write("s.lua", "return { nothing = 1 }")
    local status, _, log = signalbox.run { "serve", "--config", both, "--workers", "many" }
    assert.equal(2, status)
    assert.matches("s.lua:1: nothing: expected", log, 1, true)
    assert.matches("--workers: expected", log, 1, true)
  end)

  it("refuses unknown commands, and none at all", function()
    for _, arguments in ipairs { { "unheard-of" }, {} } do
      local status, _, log = signalbox.run(arguments)
      assert.equal(2, status)
      assert.matches("--help", log, 1, true)
    end
  end)

  it("says why a file can't be read, and what it should be where it is no Lua", function()
    local json = scene:write("settings.json", '{ "listen": "127.0.0.1:0" }')
    local yaml = scene:write("settings.yaml", "listen: 127.0.0.1:0\n")
    local assignment = scene:write("settings.lua", 'listen = "127.0.0.1:0"\n')
    local missing = scene.folder .. "/missing"
    for _, row in ipairs {
      { missing, "missing: cannot be read: No such file or directory\n" },
      { scene.folder, "cannot be read: Is a directory\n" },
      { json, "settings.json: expected a Lua file with `return { ... }`, found JSON\n" },
      { assignment, "settings.lua: expected a Lua file with `return { ... }`, found an assignment without `return`\n" },
      { yaml, "settings.yaml: expected a Lua file with `return { ... }`, found YAML\n" },
    } do
      for _, words in ipairs { { "serve", "--config" }, { "serve", "--policy" }, { "emulate", "--scenario" },
        { "reload", "--config" }, { "ask", "hello", "--config" }, { "check" } } do
        words[#words + 1] = row[1]
        local status, _, log = signalbox.run(words)
        assert.equal(1, status)
        assert.matches(row[2], log, 1, true)
        assert.is_true(one_line(log), log)
      end
    end
  end)

  it("skips a byte order mark in settings, policies, modules and scenarios", function()
    local mark = "\xef\xbb\xbf"
    scene:write("pool.lua", mark .. "return { { id = 'a' } }")
    local policy = scene:write("policy.lua", mark .. "return { models = require 'pool' }")
    local settings = scene:write("settings.lua", mark .. ("return { policy = %q }"):format(policy))
    local status, _, log = signalbox.run { "check", settings }
    assert.equal(0, status, log)
    scene:write("scenario.lua", mark .. "return { models = { ['*'] = {} } }")
    local child = scene:start { "emulate", "--listen", "127.0.0.1:0", "--scenario", scene.folder .. "/scenario.lua" }
    child:wait_for_log("listening")
  end)

  it("emulates on this machine only: whoever reaches the emulator can change its models", function()
    for _, address in ipairs { "0.0.0.0:0", "[::]:0", "192.0.2.1:8081", "nonsense" } do
      local status, _, log = signalbox.run { "emulate", "--listen", address }
      assert.equal(2, status)
      assert.matches("loopback", log, 1, true)
      assert.matches(address, log, 1, true)
    end
  end)

  it("tells its version", function()
    local status, out = signalbox.run { "version" }
    assert.equal(0, status)
    assert.matches("^signalbox %d+%.%d+", out)
  end)

  it("checks every policy that ships", function()
    for _, name in ipairs { "weighted", "strict" } do
      local status, _, log = signalbox.run { "check", "policies/" .. name .. ".lua" }
      assert.equal(0, status, log)
    end
  end)

  it("checks settings and policies, and lists what is wrong", function()
    local good = scene:write("settings.lua", "return { workers = 2, policy = 'policies/weighted.lua' }")
    assert.equal(0, (signalbox.run { "check", good }))
    local bad = scene:write("bad.lua", "return { models = { { id = 'a', wieght = 2 }, { } } }")
    local status, out, log = signalbox.run { "check", bad }
    assert.equal(1, status)
    assert.matches("wieght", out .. log, 1, true)
    assert.matches("weight", out .. log, 1, true)
    assert.matches("models%[2%]", out .. log)
  end)

  it("never shows a secret of a settings file that is wrong", function()
    local bad = scene:write("bad.lua", ([[return { credentials = { access_key_id = "A", secret_access_key = { %q } },
      credential_sets = { a = { bearer_token = { %q } } } }]]):format(signalbox.SECRET, signalbox.SECRET))
    local status, out, log = signalbox.run { "check", bad }
    assert.equal(1, status)
    assert.is_nil((out .. log):find(signalbox.SECRET, 1, true))
  end)

  local function ask(emulator, arguments)
    local policy = scene:write("policy.lua", "return " .. signalbox.literal { models = {
      { id = signalbox.NOVA }, { id = signalbox.CLAUDE, fallback = true } } })
    local words = { "ask", "--policy", policy, "--endpoint", emulator.url }
    for _, word in ipairs(arguments) do words[#words + 1] = word end
    return signalbox.run(words, { AWS_ACCESS_KEY_ID = "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY = signalbox.SECRET })
  end

  it("asks a model and prints the answer's text", function()
    local emulator = scene:emulator()
    local status, out, log = ask(emulator, { "What is an interlocking?" })
    assert.equal(0, status, log)
    assert.is_true(#out > 10, out)
    assert.matches(signalbox.NOVA, log, 1, true)
    emulator.control(signalbox.NOVA, { fault = "ThrottlingException", share = 1.0 })
    local second, _, second_log = ask(emulator, { "And \"now\"?\n\\" })
    assert.equal(0, second, second_log)
    assert.matches(signalbox.CLAUDE, second_log, 1, true)
  end)

  it("says in one line why there is no answer", function()
    local emulator = scene:emulator()
    emulator.control("*", { fault = "ValidationException", share = 1.0 })
    local status, out, log = ask(emulator, { "Hello" })
    assert.equal(1, status)
    assert.equal("", out)
    assert.matches("ValidationException", log, 1, true)
    assert.is_true(one_line(log), log)
  end)

  -- What a terminal gets of `ask`, and what a file gets; stdout and stderr in one.
  local function shown(upstream)
    local policy = scene:write("policy.lua", 'return { models = { { id = "a" } }, max_retries = 0 }')
    local command = ("AWS_BEARER_TOKEN_BEDROCK=any %s ask --policy %s --endpoint %s Hello"):format(signalbox.program,
      policy, upstream.url)
    local _, on_terminal = process.run({ "script", "-qec", command, "/dev/null" })
    local _, in_file = process.run({ "sh", "-c", command .. " 2>&1" })
    return on_terminal:gsub("\r\n", "\n"), in_file
  end

  it("shows a terminal no control characters of an answer or an error", function()
    local hostile = "red \27[31m\194\155text\127\7 caf\195\169\tend\n"
    local on_terminal, in_file = shown(scene:upstream(([[
      answer:stream_head()
      for _, event in ipairs(eventstream.conversation(%q)) do answer:chunk(event) end
      answer:stream_end()]]):format(cjson.encode(hostile):sub(2, -2))))
    assert.matches("red [31mtext caf\195\169\tend", on_terminal, 1, true)
    assert.is_nil(on_terminal:find("[%z\1-\8\11-\31\127]"))
    assert.matches(hostile, in_file, 1, true)
    on_terminal = shown(scene:upstream([[
      answer:json(400, '{"message":"no \\u001b[2J\\u009bway"}', "x-amzn-errortype: ValidationException\r\n")]]))
    assert.matches("ValidationException: no [2Jway", on_terminal, 1, true)
  end)
end)
