-- SPDX-License-Identifier: Apache-2.0
-- The hashes of requests, without the C that computes them inside Signalbox.
local hash = require "signalbox.hash"

local function request(body)
  return { body = function() return body end }
end

local function message(text)
  return { { role = "user", content = { { text = text } } } }
end

describe("hash.text", function()
  it("is a whole number that differs for different texts", function()
    assert.equal("integer", math.type(hash.text("")))
    assert.equal(hash.text("signal"), hash.text("signal"))
    assert.are_not.equal(hash.text("signal"), hash.text("signals"))
    assert.are_not.equal(hash.text("ab"), hash.text("ba"))
  end)
end)

describe("hash.prompt", function()
  it("depends on system prompt and tools, not on messages", function()
    local one = { system = { { text = "Be brief." } }, messages = message("Hello") }
    local other = { system = { { text = "Be brief." } }, messages = message("Other") }
    assert.equal(hash.prompt(request(one)), hash.prompt(request(other)))
    other.toolConfig = { tools = { { toolSpec = { name = "look" } } } }
    assert.are_not.equal(hash.prompt(request(one)), hash.prompt(request(other)))
  end)

  it("depends on the first message if there is neither", function()
    local first = { system = {}, messages = message("Hello") }
    local later = { messages = { first.messages[1], { role = "assistant" } } }
    assert.equal(hash.prompt(request(first)), hash.prompt(request(later)))
    assert.are_not.equal(hash.prompt(request(first)), hash.prompt(request { messages = message("Other") }))
  end)

  it("is nil if there is nothing to hash", function()
    assert.is_nil(hash.prompt(request(nil)))
    assert.is_nil(hash.prompt(request {}))
    assert.is_nil(hash.prompt(request { messages = {} }))
  end)
end)

describe("hash.conversation", function()
  it("differs between conversations with the same system prompt, and is the same within one", function()
    local one = { system = { { text = "Be brief." } }, messages = message("Hello") }
    local later = { system = one.system, messages = { one.messages[1], { role = "assistant" } } }
    local other = { system = one.system, messages = message("Other") }
    assert.equal(hash.conversation(request(one)), hash.conversation(request(later)))
    assert.are_not.equal(hash.conversation(request(one)), hash.conversation(request(other)))
    assert.is_nil(hash.conversation(request {}))
  end)
end)
