-- SPDX-License-Identifier: Apache-2.0
-- Hashes of what requests have in common, as keys for select.rendezvous. The same bytes give the same number in every
-- worker and every gateway.
--
-- Inside Signalbox the second argument of this file has the core's own functions, which read the request's bytes in one
-- pass. Outside, as under a test runner, the functions below stand in for them; their numbers differ from the core's.

local _, core = ...

local hash = {}

--- The hash of a string (FNV-1a).
function hash.text(text)
  local sum = 0xcbf29ce484222325
  for i = 1, #text do
    sum = (sum ~ text:byte(i)) * 0x100000001b3
  end
  return sum
end

-- A value as text; equal values have equal texts.
local function to_text(value)
  if type(value) ~= "table" then
    return tostring(value)
  end
  local parts = {}
  for key, item in pairs(value) do
    parts[#parts + 1] = tostring(key) .. "=" .. to_text(item)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

local function first_message(body)
  return body.messages and body.messages[1] and to_text(body.messages[1])
end

local function instructions(body)
  local parts = {}
  for _, name in ipairs { "system", "tools", "toolConfig" } do
    local value = body[name]
    if value and value ~= "" and (type(value) ~= "table" or next(value) ~= nil) then
      parts[#parts + 1] = to_text(value)
    end
  end
  return #parts > 0 and table.concat(parts, "\n") or nil
end

--- The hash of the system prompt and the tools; without both, of the first message. Nil if there is nothing to hash.
function hash.prompt(request)
  local body = request:body() or {}
  local text = instructions(body) or first_message(body)
  return text and hash.text(text)
end

--- The hash of system prompt, tools and first message, with which all requests of a conversation begin. Nil if there is
--- nothing to hash.
function hash.conversation(request)
  local body = request:body() or {}
  local text = (instructions(body) or "") .. (first_message(body) or "")
  return text ~= "" and hash.text(text) or nil
end

if type(core) == "table" then
  hash.text, hash.prompt, hash.conversation = core.hash_text, core.hash_prompt, core.hash_conversation
end

return hash
