-- SPDX-License-Identifier: Apache-2.0
-- A hook that guards something: when it fails, and while it is disabled, no request gets past it.
local signalbox = require "spec.support.signalbox"

local SECRET = "what the guard did not look at"

describe("on_error", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function start(hook, body, mode)
    local upstream = scene:upstream(("answer:json(200, '{\"output\":\"%s\"}')"):format(SECRET))
    local gateway = scene:gateway(upstream, { settings = signalbox.DEBUG, policy = ([[
      return {
        models = { { id = "x", name = "one" }, { id = "y", name = "two" } },
        %s = function(first, second) %s end,
        on_error = { %s = "%s" },
      }]]):format(hook, body, hook, mode) })
    return gateway, upstream
  end

  local function check_refused(gateway)
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(503, response.status)
    assert.equal("ServiceUnavailableException", response.headers["x-amzn-errortype"])
    assert.equal("POLICY_FAILED", response.headers["x-signalbox-error"])
    assert.is_nil(response.body:find(SECRET, 1, true))
  end

  for hook, sent in pairs { select = 0, prepare = 0, accept = 1 } do
    it("refuses the request when " .. hook .. " fails", function()
      local gateway, upstream = start(hook, "error('broken')", "refuse")
      check_refused(gateway)
      assert.equal(sent, #upstream.recorded())
      assert.equal(hook, gateway.entries("policy-error")[1].hook)
      local entry = gateway.access(1)[1]
      assert.equal(503, entry.status)
    end)

    it("lets the default decide when " .. hook .. " fails, unless it is told otherwise", function()
      local gateway, upstream = start(hook, "error('broken')", "default")
      local response = gateway.request(signalbox.call("chat", "converse"))
      assert.equal(200, response.status)
      assert.is_truthy(response.body:find(SECRET, 1, true))
      assert.equal(1, #upstream.recorded())
    end)
  end

  it("asks no other model when classify fails", function()
    local upstream = scene:upstream("answer:json(503, '{\"message\":\"busy\"}')")
    local gateway = scene:gateway(upstream, { policy = [[
      return {
        models = { { id = "x" }, { id = "y" } },
        classify = function() return "perhaps" end,
        on_error = { classify = "refuse" },
      }]] })
    check_refused(gateway)
    assert.equal(1, #upstream.recorded())
  end)

  it("refuses while the hook is disabled, which /health/detail shows", function()
    local gateway, upstream = start("prepare", "while true do end", "refuse")
    for _ = 1, 7 do check_refused(gateway) end
    assert.equal(5, #gateway.entries("policy-error"))
    assert.equal(1, #gateway.entries("policy-benched"))
    assert.equal(0, #upstream.recorded())
    local _, health = gateway.admin("/health/detail")
    assert.same({ degraded = true, benched = { "prepare" }, refusing = { "prepare" } }, health.policy)
  end)

  it("is no way for one client to have the hook disabled", function()
    local gateway, upstream = start("prepare", [[
      local text = first:text()
      while text:find("loop", 1, true) do end
      return { max_tokens = 5 }
    ]], "refuse")
    local hostile = signalbox.call("chat", "converse", '{"messages":[{"role":"user","content":[{"text":"loop"}]}]}')
    for _ = 1, 8 do assert.equal(503, gateway.request(hostile).status) end
    assert.equal(0, #gateway.entries("policy-benched"))
    local response = gateway.request(signalbox.call("chat", "converse"))
    assert.equal(200, response.status)
    assert.is_truthy(upstream.recorded()[1].body:find('"maxTokens":5', 1, true))
  end)
end)
