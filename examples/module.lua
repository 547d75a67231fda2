-- SPDX-License-Identifier: Apache-2.0
-- The Lua module: a whole response, a stream, and then the counts and health of the models.
--
--   build/signalbox emulate --scenario examples/scenarios/healthy.lua --listen 127.0.0.1:8000 &
--   lua5.4 examples/module.lua http://127.0.0.1:8000
--
-- Without an address the requests go to Bedrock itself, signed with the credentials of the environment.
package.cpath = "build/?.so;" .. package.cpath
local signalbox = require "signalbox"

local endpoint = arg[1]
local mux <close> = assert(signalbox.new {
  policy = "policies/weighted.lua",
  endpoint = endpoint,
  -- The emulator takes any; nil means those of the environment.
  credentials = endpoint and { access_key_id = "AKIDEXAMPLE", secret_access_key = "example" } or nil,
})

local conversation = { { role = "user", content = { { text = "What does a signal box do?" } } } }
local limits = { maxTokens = 40 }

-- A whole response: the service's own, and in `signalbox` how the request went.
local response, err = mux:converse { messages = conversation, inferenceConfig = limits }
if not response then
  io.stderr:write(tostring(err), "\n")
  for _, suggestion in ipairs(err.suggestions) do io.stderr:write("  ", suggestion, "\n") end
  os.exit(1, true)
end
print(response.output.message.content[1].text)
print(("-- %s, %d attempt(s), %d tokens"):format(response.signalbox.model, response.signalbox.attempts,
  response.usage.outputTokens))

-- The message can go back into the conversation unchanged.
table.insert(conversation, response.output.message)
table.insert(conversation, { role = "user", content = { { text = "And at night?" } } })

-- A stream: the loop raises an error object if the stream fails. Leaving a loop over the call itself cancels the
-- request; a stream in a variable is cancelled at the end of the variable's scope (`<close>`).
local stream <close> = mux:converse_stream { messages = conversation, inferenceConfig = limits }
for event in stream do
  if event.type == "contentBlockDelta" then io.write(event.data.delta.text or "") end
end
print(("\n-- %s"):format(stream.signalbox.model))

local total = mux:stats().total
print(("-- %d served, %d failed, healthy: %s"):format(total.success, total.fail_fast + total.rate_limit,
  mux:health().healthy))
