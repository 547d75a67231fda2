-- SPDX-License-Identifier: Apache-2.0
-- Numbers that stand for what requests have in common, to be given to select.rendezvous. The same bytes give the same
-- number in every worker and every gateway.
--
-- Inside Signalbox the second argument of this file is the core's own functions, which read the request's bytes in one
-- pass. Outside, as under a test runner, these stand in for them, with numbers of their own.

local _, core = ...

local hash = {}

--- Of a string (FNV-1a).
function hash.text(text)
  local sum = 0xcbf29ce484222325
  for i = 1, #text do
    sum = (sum ~ text:byte(i)) * 0x100000001b3
  end
  return sum
end

-- A value as text, the same for equal values.
local function written(value)
  if type(value) ~= "table" then
    return tostring(value)
  end
  local parts = {}
  for key, item in pairs(value) do
    parts[#parts + 1] = tostring(key) .. "=" .. written(item)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

local function first_message(body)
  return body.messages and body.messages[1] and written(body.messages[1])
end

local function instructions(body)
  local parts = {}
  for _, name in ipairs { "system", "tools", "toolConfig" } do
    local value = body[name]
    if value and value ~= "" and (type(value) ~= "table" or next(value) ~= nil) then
      parts[#parts + 1] = written(value)
    end
  end
  return #parts > 0 and table.concat(parts, "\n") or nil
end

--- Of the system prompt and the tools; where there are neither, of the first message. Nil where there is nothing.
function hash.prompt(request)
  local body = request:body() or {}
  local text = instructions(body) or first_message(body)
  return text and hash.text(text)
end

--- Of system prompt, tools and first message: what all requests of one conversation begin with. Nil likewise.
function hash.conversation(request)
  local body = request:body() or {}
  local text = (instructions(body) or "") .. (first_message(body) or "")
  return text ~= "" and hash.text(text) or nil
end

if type(core) == "table" then
  hash.text, hash.prompt, hash.conversation = core.hash_text, core.hash_prompt, core.hash_conversation
end

return hash
