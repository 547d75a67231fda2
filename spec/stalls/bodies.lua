-- SPDX-License-Identifier: Apache-2.0
-- Request bodies of the greatest size that the limits allow, of what is dear to read: small tokens of each kind,
-- nesting, escapes. Each goes to a policy that wants to know and change everything, over both protocols, in clear and
-- over TLS; and one of them to policies of one wish each.
local curl = require "spec.support.curl"
local signalbox = require "spec.support.signalbox"
local transports = require "spec.support.transports"

local BYTES = 26214400 - 4096 -- limits.body_bytes, less what an edit may add
local MESSAGE = '{"messages":[{"role":"user","content":[{"text":"Hello"}]}],'

-- `head`, as many of `part` as there is room for, and `tail`. A part with %d in it is numbered.
local function fill(head, part, tail)
  local room = BYTES - #head - #tail
  if not part:find("%d", 1, true) then return head .. part:rep(room // #part) .. tail end
  local parts, length = {}, 0
  for number = 1, room do
    local one = part:format(number)
    length = length + #one
    if length > room then break end
    parts[number] = one
  end
  return head .. table.concat(parts) .. tail
end

-- A field beside the messages: a list of many of `part`.
local function list_of(part)
  return function() return fill(MESSAGE .. '"x":[', part .. ",", "0]}") end
end

-- A field beside the messages: an object of many of `part`.
local function object_of(part)
  return function() return fill(MESSAGE .. '"x":{', part .. ",", '"last":0}}') end
end

local function filled(head, part, tail)
  return function() return fill(head, part, tail) end
end

local BODIES = {
  { "numbers of one digit", list_of "0" },
  { "numbers with exponents", list_of "-1.5e-300" },
  { "numbers of many digits", list_of(("9"):rep(1000)) },
  { "literals", list_of "null" },
  { "empty strings", list_of '""' },
  { "empty lists", list_of "[]" },
  { "empty objects", list_of "{}" },
  { "objects of one key", list_of '{"a":0}' },
  { "lists nested to 60", list_of(("["):rep(60) .. ("]"):rep(60)) },
  { "lists nested without an end", filled(MESSAGE .. '"x":', "[", "") },
  { "one key again and again", object_of '"a":0' },
  { "keys of their own", object_of '"%d":0' },
  { "keys with escapes", object_of '"\\u0061":0' },
  { "one text of escapes", filled('{"messages":[{"role":"user","content":[{"text":"', "\\u00e9", '"}]}]}') },
  { "one text of quotes", filled('{"messages":[{"role":"user","content":[{"text":"', '\\"', '"}]}]}') },
  { "one plain text", filled('{"messages":[{"role":"user","content":[{"text":"', "words ", '"}]}]}') },
  { "texts of one letter", filled('{"messages":[{"role":"user","content":[', '{"text":"a"},', '{"text":"b"}]}]}') },
  { "messages of one letter", filled('{"messages":[', '{"role":"user","content":[{"text":"a"}]},',
    '{"role":"user","content":[{"text":"b"}]}]}') },
  { "system prompts of one letter", filled(MESSAGE .. '"system":[', '{"text":"a"},', '{"text":"b"}]}') },
  { "tools of one letter", filled(MESSAGE .. '"toolConfig":{"tools":[', '{"toolSpec":{"name":"a"}},',
    '{"toolSpec":{"name":"b"}}]}}') },
  { "metadata", filled(MESSAGE .. '"requestMetadata":{', '"%d":"a",', '"last":"b"}}') },
  { "spaces", filled("{", " ", MESSAGE:sub(2, -2) .. "}") },
  { "no JSON at all", filled("", "\xff\0{", "") },
}

-- What a policy may want of a body, by the name of the model that is asked for it.
local WISHES = { "nothing", "quota", "tier", "guardrail", "max_tokens", "affinity", "text", "body", "metadata",
  "everything" }
-- These the core does by itself, so they are in any client's power.
local DONE_BY_CORE = { nothing = true, quota = true, tier = true, guardrail = true, max_tokens = true }
local CORE_MS = 10
local AT_ONCE = 16
local POLICY = [[
  local hash = require "signalbox.hash"
  local function wants(request, wish) return request.model == wish or request.model == "everything" end
  return {
    models = {
      { id = "quota", serves = {}, quota = { rpm = 1000000, tpm = 1000000000 } },
      { id = "tier", serves = {}, tier = "priority" },
      { id = "everything", serves = {}, tier = "priority", quota = { rpm = 1000000, tpm = 1000000000 } },
      %s
      { id = "other" },
    },
    select = function(request, models)
      if wants(request, "affinity") then hash.prompt(request) end
      if wants(request, "text") then pcall(request.text, request) end
      if wants(request, "body") then pcall(request.body, request) end
      if wants(request, "metadata") then pcall(function() return request.metadata.team end) end
      return models[1]
    end,
    prepare = function(request)
      return {
        guardrail = wants(request, "guardrail") and { identifier = "gr", version = "1" } or nil,
        max_tokens = wants(request, "max_tokens") and 100 or nil,
        service_tier = wants(request, "tier") and "priority" or nil,
      }
    end,
  }
]]

-- The policy, with these models (source text) before the one that serves any name.
local function policy(models)
  return POLICY:format(models)
end

local function row_of(way, title, make, wish)
  local request
  local row = { name = ("body of %s, %s is wanted, %s"):format(title, wish, way.version),
    bound_ms = DONE_BY_CORE[wish] and CORE_MS or nil }
  function row.before() request = request or signalbox.call(wish, "converse", make()) end
  function row.attack() curl.load(way, { request }, 1) end
  function row.after() collectgarbage() end
  return row
end

-- Several at once, of the kind that takes longest.
local function row_of_many(way)
  local row, list = { name = ("%d bodies at once of %s, %s"):format(AT_ONCE, BODIES[9][1], way.version) }, {}
  function row.before()
    local body = BODIES[9][2]()
    for index = 1, AT_ONCE do list[index] = signalbox.call("everything", "converse", body) end
  end
  function row.attack() curl.load(way, list, AT_ONCE) end
  return row
end

local function rows_of(way, wishes)
  local rows = {}
  for _, body in ipairs(BODIES) do rows[#rows + 1] = row_of(way, body[1], body[2], "everything") end
  for _, wish in ipairs(wishes) do rows[#rows + 1] = row_of(way, BODIES[1][1], BODIES[1][2], wish) end
  rows[#rows + 1] = row_of_many(way)
  return rows
end

local function group(title, transport, wishes)
  local function open(scene)
    local gateway = scene:gateway(scene:emulator(), { policy = policy "",
      settings = transports.settings(transport, scene) })
    return gateway, rows_of(transports.open(transport, scene, gateway), wishes)
  end
  return { title = title, is_tls = transport.is_tls, open = open }
end

return {
  list = BODIES, policy = policy,
  group("bodies over HTTP/1.1", transports.list[1], WISHES),
  group("bodies over HTTP/2 and TLS", transports.list[3], {}),
}
