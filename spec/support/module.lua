-- SPDX-License-Identifier: Apache-2.0
-- Hosts of the Lua module: short programs, each run by a plain lua5.4 in its own process. In a sanitized build, the
-- sanitizer's runtime is preloaded into the host, so that its exit status also reports leaks.
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"

local module = {}

-- The path of the sanitizer's runtime, which has to be loaded before the module; nil without a sanitizer.
local function sanitizer_runtime()
  local listing = assert(io.popen("ldd " .. process.quoted(signalbox.program .. ".so")))
  local text = listing:read("a")
  listing:close()
  return text:match("(/%S+/lib[at]san%.so%S*)")
end

local environment = {
  LUA_CPATH = signalbox.program:match("^.*/") .. "?.so;;", LD_PRELOAD = sanitizer_runtime() or false,
}
for _, name in ipairs { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK",
  "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "HTTP_PROXY",
  "HTTPS_PROXY", "http_proxy", "https_proxy" } do
  environment[name] = false
end

local PREAMBLE = [[
local signalbox = require "signalbox"
local settings = %s
local function open(more)
  local all = {}
  for key, value in pairs(settings) do all[key] = value end
  for key, value in pairs(more or {}) do all[key] = value end
  return assert(signalbox.new(all))
end
local function hello(more)
  local request = { messages = { { role = "user", content = { { text = "Hello" } } } } }
  for key, value in pairs(more or {}) do request[key] = value end
  return request
end
-- Calls a function that has to raise misuse, and returns its message.
local function misuse(...)
  local ok, message = pcall(...)
  assert(not ok and type(message) == "string", "no misuse")
  return message
end
]]

-- Starts `code` in its own host, after PREAMBLE, whose `open` makes a mux in front of `upstream`. Both `upstream` and
-- `policy` (a table, or source text) may be nil.
function module.start(scene, upstream, policy, code)
  local name = ("%s/host-%d"):format(scene.folder, math.random(1 << 30))
  local settings = {
    policy = policy and process.write(name .. "-policy.lua",
      type(policy) == "string" and policy or "return " .. signalbox.literal(policy)),
    endpoint = upstream and upstream.url,
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = signalbox.SECRET },
  }
  process.write(name .. ".lua", PREAMBLE:format(signalbox.literal(settings)) .. code)
  return process.start({ "lua5.4", name .. ".lua" }, { folder = scene.folder, environment = environment })
end

-- Runs `code` to its end, which must have status 0. Returns stdout and the log.
function module.run(...)
  local host = module.start(...)
  local status = host:wait()
  local out = process.contents(host.out_path)
  assert(status == 0, ("status %d\n%s%s"):format(status, out, host:log()))
  return out, host:log()
end

module.environment = environment

return module
