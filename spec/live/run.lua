-- SPDX-License-Identifier: Apache-2.0
-- A dozen real calls through the gateway to Bedrock itself, with the credentials and the region of the environment,
-- printed as a table. They cost a fraction of a cent. LIVE_MODEL is the model, by default Amazon's cheapest in the
-- region. Without credentials or a region the exit status is 2.
package.path = "./?.lua;" .. package.path
local cjson = require "cjson"
local curl = require "spec.support.curl"
local eventstream = require "spec.support.eventstream"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"

local PASSED_ON = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK",
  "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "HTTPS_PROXY",
  "https_proxy" }

local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local region = environment "AWS_REGION" or environment "AWS_DEFAULT_REGION"
local has_keys = environment "AWS_ACCESS_KEY_ID" and environment "AWS_SECRET_ACCESS_KEY"
if not region or not (has_keys or environment "AWS_BEARER_TOKEN_BEDROCK") then
  io.stderr:write("live: wants AWS_REGION, and AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY or ",
    "AWS_BEARER_TOKEN_BEDROCK; nothing was called\n")
  os.exit(2)
end

-- Names of inference profiles begin with the part of the world.
local PROFILES = { us = "us.", eu = "eu.", ap = "apac." }
local MODEL = environment "LIVE_MODEL" or (PROFILES[region:match("^%a+")] or "") .. "amazon.nova-micro-v1:0"
local MISSING = "amazon.no-such-model-v1:0"

local function conversation(text, more)
  local body = { messages = { { role = "user", content = { { text = text or "Say hello in one word." } } } },
    inferenceConfig = { maxTokens = 20 } }
  for key, value in pairs(more or {}) do body[key] = value end
  return cjson.encode(body)
end

local function text_of(response)
  return cjson.decode(response.body).output.message.content[1].text
end

local function frames_of(response)
  local frames = eventstream.decode(response.body)
  return frames, eventstream.names(frames)
end

-- The calls. `check` raises an error, or returns the text to show.
local calls = {
  { "Converse", "converse", check = text_of },
  { "Converse, a logical name", "converse", model = "chat", check = text_of },
  { "Converse, HTTP/2", "converse", version = "http2", check = text_of },
  { "Converse, one token", "converse", body = conversation(nil, { inferenceConfig = { maxTokens = 1 } }),
    check = function(response)
      local reason = cjson.decode(response.body).stopReason
      return assert(reason == "max_tokens" and reason, reason)
    end },
  { "Converse, first endpoint refuses", "converse", model = "spare", attempts = 2, check = text_of },
  { "ConverseStream", "converse-stream", check = function(response)
    local _, names = frames_of(response)
    return assert(names[#names] == "metadata" and #names .. " events", names[#names])
  end },
  { "ConverseStream, HTTP/2", "converse-stream", version = "http2", check = function(response)
    local _, names = frames_of(response)
    return assert(names[#names] == "metadata" and #names .. " events", names[#names])
  end },
  { "InvokeModel", "invoke", check = function(response)
    return ("%d bytes"):format(#assert(cjson.decode(response.body) and response.body))
  end },
  { "InvokeModel, a stream", "invoke-with-response-stream", check = function(response)
    local _, names = frames_of(response)
    return assert(names[#names] == "chunk" and #names .. " chunks", names[#names])
  end },
  { "CountTokens", "count-tokens", statuses = { [200] = true, [400] = true },
    body = ('{"input":{"converse":%s}}'):format(conversation(nil, { inferenceConfig = nil })),
    check = function(response)
      local body = cjson.decode(response.body)
      return body.inputTokens and ("%d tokens"):format(body.inputTokens) or "not for this model: " .. body.message
    end },
  { "Converse, a broken body", "converse", body = "{", statuses = { [400] = true },
    check = function(response) return response.headers["x-amzn-errortype"] end },
  { "Converse, a model that doesn't exist", "converse", model = MISSING,
    statuses = { [400] = true, [403] = true, [404] = true },
    check = function(response) return response.headers["x-amzn-errortype"] end },
  { "Converse, a name that isn't served", "converse", model = "unheard-of", statuses = { [404] = true }, attempts = 0,
    check = function(response) return response.headers["x-amzn-errortype"] end },
}

local function start(scene)
  local passed_on = {}
  for _, name in ipairs(PASSED_ON) do passed_on[name] = environment(name) end
  return scene:gateway(nil, { environment = passed_on, settings = { credentials = false }, policy = { models = {
    { id = MODEL, name = "first", family = "own", serves = { MODEL, "chat" } },
    { id = MODEL, name = "refusing", serves = { "spare" }, endpoint = "http://127.0.0.1:1" },
    { id = MODEL, name = "behind it", serves = { "spare" }, fallback = true },
    { id = MISSING, serves = { MISSING } },
  } } })
end

local function send(gateway, call)
  local asked = signalbox.call(call.model or "first", call[2], call.body or conversation())
  if call.version then
    return curl.load({ version = call.version, scheme = "http", port = gateway.port }, { asked })[1]
  end
  return http.request(gateway.port, asked)
end

local function row(...)
  print(("  %-36s %6s %9s %8s  %s"):format(...))
end

-- Makes one call and prints its row. Returns whether the result is as expected.
local function run_call(gateway, call)
  local began = socket.gettime()
  local response = assert(send(gateway, call))
  local took_ms = (socket.gettime() - began) * 1000 // 1
  local statuses = call.statuses or { [200] = true }
  local attempts = response.headers["x-signalbox-attempts"]
  local ok, shown = pcall(call.check, response)
  ok = ok and response.complete and statuses[response.status] and attempts == tostring(call.attempts or 1)
  if not ok then shown = "FAILED: " .. response.body:sub(1, 160):gsub("%c", ".") end
  row(call[1], response.status, attempts, ("%d ms"):format(took_ms), tostring(shown):gsub("%s+", " "):sub(1, 60))
  return ok
end

-- Checks that the upstream's stream is cancelled when the client leaves its own.
local function run_leaving(gateway)
  local client = assert(http.connect(gateway.port))
  client:send(http.format(signalbox.call("first", "converse-stream", conversation("Count from 1 to 200 in words.",
    { inferenceConfig = { maxTokens = 400 } }))))
  local head = assert(client:read_head())
  client:close()
  local ok = head.status == 200 and pcall(process.wait_for, "the attempt to end", function()
    local _, stats = gateway.admin("/stats")
    return stats.models.first.cancelled == 1
  end)
  row("ConverseStream, its client leaves", head.status, 1, "", ok and "cancelled upstream" or "FAILED: not cancelled")
  return ok
end

local scene = signalbox.scene()
local passed, failed = 0, 0
local ok, problem = pcall(function()
  local gateway = start(scene)
  print(("Bedrock in %s, %s"):format(region, MODEL))
  row("call", "status", "attempts", "time", "")
  for _, call in ipairs(calls) do
    if run_call(gateway, call) then passed = passed + 1 else failed = failed + 1 end
  end
  if run_leaving(gateway) then passed = passed + 1 else failed = failed + 1 end
end)
local closed, complaint = pcall(scene.close, scene)
if not ok or not closed then
  failed = failed + 1
  print("  FAILED: " .. tostring(not ok and problem or complaint))
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
