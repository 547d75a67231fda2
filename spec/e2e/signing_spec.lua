-- SPDX-License-Identifier: Apache-2.0
-- Signatures: an endpoint that verifies them accepts the gateway's, refuses wrong ones with the service's own 403s, and
-- no secret ever shows in a log.
local cjson = require "cjson"
local signalbox = require "spec.support.signalbox"

local NOVA = signalbox.NOVA
local KEYS = { "--access-key", "AKIDEXAMPLE", "--secret-key-env", "EMULATOR_SECRET" }

describe("signing", function()
  local scene, emulator

  setup(function()
    scene = signalbox.scene()
    emulator = scene:emulator(nil, KEYS, { environment = { EMULATOR_SECRET = signalbox.SECRET } })
  end)
  teardown(function() scene:close() end)

  local bodies = {
    ["a short body"] = signalbox.converse_body("Hi"),
    ["bytes beyond ASCII"] = signalbox.converse_body("Gr\195\188\195\159e \226\130\172"),
    ["an empty body"] = "",
    ["a long body"] = signalbox.converse_body(("word "):rep(20000)),
  }
  for name, body in pairs(bodies) do
    for _, operation in ipairs { "converse", "converse-stream" } do
      it(("of %s with %s is accepted"):format(operation, name), function()
        local gateway = scene:gateway(emulator)
        local response = gateway.request(signalbox.call(NOVA, operation, body))
        assert.not_equal(403, response.status)
        if body ~= "" then assert.equal(200, response.status) end
        scene:stop(gateway)
      end)
    end
  end

  it("of a model id that is an ARN is accepted", function()
    local arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab:c+d=e@f"
    local gateway = scene:gateway(emulator, { policy = { models = { { id = arn } } } })
    assert.not_equal(403, gateway.request(signalbox.call(arn, "converse")).status)
    scene:stop(gateway)
  end)

  it("with credentials from the environment is accepted", function()
    local gateway = scene:gateway(emulator, {
      settings = { credentials = false }, environment = {
        AWS_ACCESS_KEY_ID = "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY = signalbox.SECRET, AWS_REGION = "eu-central-1" },
    })
    assert.equal(200, gateway.request(signalbox.call(NOVA, "converse")).status)
    scene:stop(gateway)
  end)

  local wrong = {
    { "a wrong secret", { access_key_id = "AKIDEXAMPLE", secret_access_key = "another" }, "InvalidSignatureException" },
    { "an unknown key", { access_key_id = "AKIDUNKNOWN", secret_access_key = "another" },
      "UnrecognizedClientException" },
  }
  for _, case in ipairs(wrong) do
    it("with " .. case[1] .. " has the service's 403 passed on", function()
      local gateway = scene:gateway(emulator, { settings = { credentials = case[2] } })
      local response = gateway.request(signalbox.call(NOVA, "converse"))
      assert.equal(403, response.status)
      assert.equal(case[3], response.headers["x-amzn-errortype"]:match("^[^:]*"))
      assert.is_string(cjson.decode(response.body).message)
      scene:stop(gateway)
    end)
  end

  it("by bearer token sends the token", function()
    local upstream = scene:upstream("answer:json(200, '{}')")
    local gateway = scene:gateway(upstream, { settings = { credentials = { bearer_token = "token-of-the-tests" } } })
    assert.equal(200, gateway.request(signalbox.call(NOVA, "converse")).status)
    assert.equal("Bearer token-of-the-tests", upstream.recorded()[1].headers.authorization)
    assert.is_nil(gateway:log():find("token-of-the-tests", 1, true))
    scene:stop(gateway)
  end)

  it("uses the credential set that a model names", function()
    local upstream = scene:upstream("answer:json(200, '{}')")
    local gateway = scene:gateway(upstream, {
      settings = { credential_sets = { other = { access_key_id = "AKIDOTHER", secret_access_key = "s" } } },
      policy = { models = { { id = NOVA, credentials = "other", region = "eu-west-1" } } },
    })
    assert.equal(200, gateway.request(signalbox.call(NOVA, "converse")).status)
    assert.matches("Credential=AKIDOTHER/%d+/eu%-west%-1/bedrock/aws4_request",
      upstream.recorded()[1].headers.authorization)
    scene:stop(gateway)
  end)

  it("is accepted at a second model after a throttle", function()
    local gateway = scene:gateway(emulator, { policy = {
      models = { { id = NOVA }, { id = "us.amazon.nova-pro-v1:0", fallback = true } } } })
    emulator.control(NOVA, { fault = "ThrottlingException", share = 1.0 })
    local response = gateway.request(signalbox.call(NOVA, "converse"))
    emulator.control(NOVA, { fault = cjson.null })
    assert.equal(200, response.status)
    assert.equal("2", response.headers["x-signalbox-attempts"])
    scene:stop(gateway)
  end)

  it("by keys is accepted at a second model after a bearer token at the first", function()
    local gateway = scene:gateway(emulator, {
      settings = { credential_sets = { token = { bearer_token = "nobody-knows-it" } } },
      policy = { models = {
        { id = NOVA, name = "by-token", credentials = "token" }, { id = NOVA, name = "by-keys", fallback = true } } },
    })
    local response = gateway.request(signalbox.call(NOVA, "converse"))
    assert.equal(200, response.status)
    assert.equal("by-keys", response.headers["x-signalbox-model"])
    assert.equal("2", response.headers["x-signalbox-attempts"])
    scene:stop(gateway)
  end)

  it("never shows secrets, prompts or responses in logs", function()
    local gateway = scene:gateway(emulator, { settings = signalbox.DEBUG })
    local prompt = "a confidential prompt"
    local response = gateway.request(signalbox.call(NOVA, "converse", signalbox.converse_body(prompt)))
    local text = cjson.decode(response.body).output.message.content[1].text
    gateway.request(signalbox.call("unheard-of", "unheard-of", prompt))
    local log = gateway:log()
    for _, secret in ipairs { signalbox.SECRET, prompt, text, "AWS4-HMAC", "client-key" } do
      assert.is_nil(log:find(secret, 1, true), secret)
    end
    scene:stop(gateway)
  end)
end)
