-- SPDX-License-Identifier: Apache-2.0
-- The Lua module: a question answered whole, one answered as a stream, and what the pool learnt meanwhile.
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
  -- The emulator takes any; nil leaves it to the environment.
  credentials = endpoint and { access_key_id = "AKIDEXAMPLE", secret_access_key = "example" } or nil,
})

local conversation = { { role = "user", content = { { text = "What does a signal box do?" } } } }
local limits = { maxTokens = 40 }

-- Whole: what the service answers, and in `signalbox` how the request went.
local reply, err = mux:converse { messages = conversation, inferenceConfig = limits }
if not reply then
  io.stderr:write(tostring(err), "\n")
  for _, suggestion in ipairs(err.suggestions) do io.stderr:write("  ", suggestion, "\n") end
  os.exit(1, true)
end
print(reply.output.message.content[1].text)
print(("-- %s, %d attempt(s), %d tokens"):format(reply.signalbox.model, reply.signalbox.attempts,
  reply.usage.outputTokens))

-- The answer can go back as it came.
table.insert(conversation, reply.output.message)
table.insert(conversation, { role = "user", content = { { text = "And at night?" } } })

-- As a stream: the loop raises an error object where the stream fails. A loop over the call itself would cancel the
-- request where it is left early; over a variable, it is the variable's end that does.
local stream <close> = mux:converse_stream { messages = conversation, inferenceConfig = limits }
for event in stream do
  if event.type == "contentBlockDelta" then io.write(event.data.delta.text or "") end
end
print(("\n-- %s"):format(stream.signalbox.model))

local total = mux:stats().total
print(("-- %d answered, %d failed, healthy: %s"):format(total.success, total.fail_fast + total.rate_limit,
  mux:health().healthy))
