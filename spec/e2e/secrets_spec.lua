-- SPDX-License-Identifier: Apache-2.0
-- Credentials must not outlive the requests that they signed, or that clients sent with them: no copy stays in memory,
-- where a core dump would show it, and none ever gets into the log.
local curl = require "spec.support.curl"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local transports = require "spec.support.transports"

-- A random secret, so that no other process's memory or file has it.
local function secret(name)
  local parts = {}
  for i = 1, 24 do parts[i] = string.char(math.random(97, 122)) end
  return name .. table.concat(parts)
end

-- The bytes before each copy of `text` in the process's writable memory; nil if the kernel doesn't let us read it.
local function copies(pid, text)
  local found, memory = {}, io.open(("/proc/%d/mem"):format(pid), "rb")
  if not memory then return nil end
  for line in io.lines(("/proc/%d/maps"):format(pid)) do
    local first, last = line:match("^(%x+)%-(%x+) rw")
    local start = first and tonumber(first, 16)
    local bytes = start and memory:seek("set", start) and memory:read(tonumber(last, 16) - start) or ""
    local at = bytes:find(text, 1, true)
    while at do
      found[#found + 1] = bytes:sub(math.max(1, at - 40), at - 1)
      at = bytes:find(text, at + 1, true)
    end
  end
  memory:close()
  return found
end

local function cause_failures(emulator)
  emulator.control(signalbox.NOVA, { fault = "ThrottlingException", share = 0.3 })
  emulator.control(signalbox.CLAUDE, { fault = "truncate", share = 0.3 })
end

local CASES = {
  { name = "a session token", field = "session_token", wire = "x-amz-security-token: " },
  { name = "a secret key", field = "secret_access_key", wire = "AWS4" },
  { name = "a bearer token", field = "bearer_token", wire = "Bearer " },
}

describe("a secret", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  for _, case in ipairs(CASES) do
    it("leaves no copy behind: " .. case.name, function()
      -- The sanitizers keep freed memory unchanged, and map terabytes.
      if signalbox.is_sanitized then pending("the sanitizers keep freed memory") return end
      local emulator, text = scene:emulator(), secret(case.field)
      local credentials = { [case.field] = text }
      if case.field ~= "bearer_token" then
        credentials.access_key_id = "AKIDEXAMPLE"
        credentials.secret_access_key = credentials.secret_access_key or signalbox.SECRET
      end
      local gateway = scene:gateway(emulator, {
        settings = { credentials = credentials, log = { format = "json", level = "debug" } },
        policy = { models = { { id = signalbox.NOVA }, { id = signalbox.CLAUDE } } },
      })
      local before = copies(gateway.pid, text)
      if not before then pending("the kernel doesn't show the memory of other processes") return end
      assert.is_true(#before > 0)
      cause_failures(emulator)
      for number = 1, 40 do
        local operation = number % 2 == 0 and "converse" or "converse-stream"
        assert(http.request(gateway.port, signalbox.call("chat", operation)))
      end
      local function is_idle()
        for _, left in ipairs(copies(gateway.pid, text)) do
          if left:sub(-#case.wire) == case.wire then return false end
        end
        return true
      end
      process.wait_for("every copy made for a request to be wiped", is_idle, 5)
      assert.equal(#before, #copies(gateway.pid, text))
      assert.is_nil(gateway:log():find(text, 1, true))
    end)
  end

  -- What `serve` and `check` say of settings with a mistake in them.
  local MISTAKES = {
    ["a missing quote"] = [[return { credentials = { bearer_token = "%s } }]],
    ["no quotes"] = [[return { credentials = { bearer_token = %s/a } }]],
    ["a missing comma"] = [[return { credentials = { bearer_token = "a" "%s" } }]],
    ["an error with the secret in it"] = [[local bearer_token = "%s" error("bad token " .. bearer_token)]],
    ["an operation on it"] = [[local credentials = { bearer_token = "%s" } return { region = credentials + 1 }]],
    ["the secret as a key"] = [[return { credentials = { ["%s"] = "a" } }]],
    ["a password in the endpoint"] = [[return { endpoint = "https://user:%s@example.com" }]],
    ["a password in an endpoint that is misspelt"] = [[return { endpoint = "https://user:%s@example.com" } }]],
    ["an open quote before a password"] = [[return { endpoint = "https://user:%s@example.com }]],
    ["another language"] = "[default]\naws_secret_access_key = %s\n",
  }

  for name, text in pairs(MISTAKES) do
    it("stays out of what is said of settings with " .. name, function()
      local value = secret("S")
      local path = scene:write("settings.lua", text:format(value))
      for _, command in ipairs { { "serve", "--config", path }, { "check", path } } do
        local status, out, log = signalbox.run(command)
        assert.equal(1, status)
        assert.matches("settings%.lua", out .. log)
        assert.is_nil((out .. log):find(value, 1, true), out .. log)
        assert.is_nil((out .. log):find(value:sub(1, 12), 1, true), out .. log)
      end
    end)
  end

  it("stays out of what is said of the environment", function()
    for _, name in ipairs { "AWS_ENDPOINT_URL", "HTTPS_PROXY", "ALL_PROXY" } do
      local value = secret("s")
      local status, out, log = signalbox.run({ "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0" },
        { AWS_BEARER_TOKEN_BEDROCK = "any", [name] = ("https://user:%s@127.0.0.1:1"):format(value) })
      assert.equal(1, status)
      assert.is_nil((out .. log):find(value, 1, true), out .. log)
    end
  end)

  local function gateway_over(transport)
    local emulator = scene:emulator()
    cause_failures(emulator)
    return scene:gateway(emulator, { settings = transports.settings(transport, scene),
      policy = { models = { { id = signalbox.NOVA }, { id = signalbox.CLAUDE } } } })
  end

  -- What clients send to prove who they are, for them or for another gateway.
  local function client_secrets()
    return { authorization = "Bearer " .. secret "a", ["x-api-key"] = secret "k", cookie = "session=" .. secret "c",
      ["x-amz-security-token"] = secret("s"):rep(20), ["proxy-authorization"] = "Basic " .. secret "p" }
  end

  local function wait_for_wiping(gateway, secrets)
    local left
    local function is_wiped()
      left = {}
      for name, value in pairs(secrets) do
        for _, before in ipairs(copies(gateway.pid, value:sub(-20))) do
          left[#left + 1] = name .. " after " .. before
        end
      end
      return #left == 0
    end
    local done = pcall(process.wait_for, "clients' credentials to be wiped", is_wiped, 5)
    assert(done, table.concat(left, "\n"))
  end

  for _, transport in ipairs(transports.list) do
    it("of a client leaves no copy behind: " .. transport.title, function()
      if signalbox.is_sanitized then pending("the sanitizers keep freed memory") return end
      local gateway = gateway_over(transport)
      if not copies(gateway.pid, "x") then pending("the kernel doesn't show the memory of other processes") return end
      local secrets, requests = client_secrets(), {}
      for number = 1, 20 do
        local request = signalbox.call("chat", number % 2 == 0 and "converse" or "converse-stream")
        if number % 5 == 0 then request = { method = "GET", path = "/health" } end
        request.headers = request.headers or {}
        for name, value in pairs(secrets) do request.headers[name] = value end
        requests[number] = request
      end
      for _, response in ipairs(curl.load(transports.open(transport, scene, gateway), requests, 5)) do
        assert.is_true(response.complete)
      end
      wait_for_wiping(gateway, secrets)
    end)
  end

  it("of a client leaves no copy on a connection that stays open, nor by a head that is never whole", function()
    if signalbox.is_sanitized then pending("the sanitizers keep freed memory") return end
    local gateway, secrets, lines = gateway_over(transports.list[1]), client_secrets(), {}
    if not copies(gateway.pid, "x") then pending("the kernel doesn't show the memory of other processes") return end
    for name, value in pairs(secrets) do lines[#lines + 1] = name .. ": " .. value .. "\r\n" end
    local head = "GET /health HTTP/1.1\r\nhost: localhost\r\n" .. table.concat(lines)
    local open, pieces, half, malformed = http.connect(gateway.port), http.connect(gateway.port),
      http.connect(gateway.port), http.connect(gateway.port)
    open:send((head .. "\r\n"):rep(40))
    for _ = 1, 40 do assert.equal(200, open:read_response().status) end
    for at = 1, #head, 100 do pieces:send(head:sub(at, at + 99)) end
    pieces:send("\r\n")
    assert.equal(200, pieces:read_response().status)
    half:send(head)
    half:close()
    malformed:send(head .. "\1: x\r\n" .. table.concat(lines) .. "\r\n")
    assert.equal(400, malformed:read_response().status)
    wait_for_wiping(gateway, secrets)
    for _, client in ipairs { open, pieces, malformed } do client:close() end
  end)
end)
