-- SPDX-License-Identifier: Apache-2.0
-- The policy of policy_result.c: each hook builds its result from the bytes of the request's header "x-bytes".
local WORDS = {
  "timeout_ms", "ttft_ms", "tier", "headers", "hedge_after_ms", "outcome", "counts", "cooldown_ms", "after_ms",
  "service_tier", "guardrail", "max_tokens", "identifier", "version", "trace", "default", "flex", "priority",
  "reserved",
  "rate_limit", "fail_fast", "success", "failover", "retry", "fail", "escalate", "enabled", "enabled_full", "host",
  "content-length", "x-team", "X-Team", "", "weight", "a\r\nb", "a\0b", ("long"):rep(200),
}
local NUMBERS = {
  0, 1, -1, 0.5, 100, 999, 1000, 5000, 5000.5, 60000, 60001, 300000, 300001, 1e300, 0 / 0, 1 / 0, -1 / 0, -0.0,
  math.maxinteger, math.mininteger,
}
local DEPTH_MAX = 4
local text, at = "", 0

local function take()
  at = at + 1
  return text:byte(at) or 0
end

local function take_text()
  local count = take() % 64
  at = at + count
  return text:sub(at - count + 1, at)
end

local build

local function build_table(depth, things)
  local built = {}
  for i = 1, depth < DEPTH_MAX and take() % 6 or 0 do
    local key = take() % 2 == 0 and i or build(depth + 1, things)
    if key ~= nil and key == key then built[key] = build(depth + 1, things) end
  end
  return built
end

local function refuse() error("a metamethod ran") end

local BUILDERS = {
  function() return nil end,
  function() return take() % 2 == 0 end,
  function() return NUMBERS[take() % #NUMBERS + 1] end,
  function() return take() * 256 + take() end,
  function() return WORDS[take() % #WORDS + 1] end,
  take_text,
  function(_, things) return things[take() % #things + 1] end,
  build_table,
  -- A known name with any value.
  function(depth, things) return { [WORDS[take() % #WORDS + 1]] = build(depth + 1, things) } end,
  function(depth, things)
    return setmetatable(build_table(depth, things), { __index = refuse, __pairs = refuse, __len = refuse })
  end,
}

function build(depth, things)
  return BUILDERS[take() % #BUILDERS + 1](depth, things)
end

local function results(request, things)
  text, at = request.headers["x-bytes"] or "", 0
  local all, count = {}, take() % 5
  for i = 1, count do all[i] = build(0, things) end
  return table.unpack(all, 1, count)
end

return {
  models = {
    { id = "a", tags = { deep = { 1 } } }, { id = "b" }, { id = "c", fallback = true, weight = 0 },
  },
  select = function(request, models)
    return results(request, { models[1], models[2], models[1], models, request, error, string, math.pi })
  end,
  classify = function(failure, request, model) return results(request, { failure, request, model, error, string }) end,
  accept = function(response, request, model) return results(request, { response, request, model, error, string }) end,
  prepare = function(request, model) return results(request, { request, model, error, string }) end,
  finish = function(request, result) return results(request, { request, result, error, string }) end,
  tick = function(_, models)
    at = 0
    for i = 1, take() % 4 do
      local model, value = models[i], build(0, { models, models[1], error })
      if model then model.weight = value end
    end
  end,
}
