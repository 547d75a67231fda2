-- SPDX-License-Identifier: Apache-2.0
-- The program under test, in scenes: emulators, scripted upstreams and gateways on loopback ports that the system
-- picks. A scene's `close` stops every process that it started, and fails unless each ends with status 0.
local cjson = require "cjson"
local curl = require "spec.support.curl"
local http = require "spec.support.http"
local process = require "spec.support.process"

local signalbox = {}

local program = os.getenv("SIGNALBOX") or "build/signalbox"
signalbox.program = program:find("^/") and program or os.getenv("PWD") .. "/" .. program
-- Sanitizers keep freed memory, so resident sizes mean nothing under them.
local _, meant = process.run { "readlink", "-f", signalbox.program }
-- The thread sanitizer also makes C thirty times slower, too slow for the bounds on a hook's time.
signalbox.is_slow = meant:find("build/thread", 1, true) ~= nil
signalbox.is_sanitized = signalbox.is_slow or meant:find("build/address", 1, true) ~= nil
signalbox.NOVA = "us.amazon.nova-2-lite-v1:0"
signalbox.CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
signalbox.SECRET = "fake/secret/that/must/never/be/shown"

-- A Lua value as source text.
local function literal(value)
  if type(value) ~= "table" then return type(value) == "string" and ("%q"):format(value) or tostring(value) end
  local parts = {}
  for key, item in pairs(value) do parts[#parts + 1] = ("[%s] = %s"):format(literal(key), literal(item)) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end
signalbox.literal = literal

-- A model id as one path segment, as SDKs write it.
local function escaped(model)
  return (model:gsub("[^%w._~*-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- The environment of a child process: without AWS settings and proxies of the host, then `more`.
local function environment(more)
  local result = {
    AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false, AWS_SESSION_TOKEN = false,
    AWS_BEARER_TOKEN_BEDROCK = false, AWS_REGION = false, AWS_DEFAULT_REGION = false, AWS_PROFILE = false,
    AWS_ENDPOINT_URL = false, AWS_ENDPOINT_URL_BEDROCK_RUNTIME = false, HTTP_PROXY = false, HTTPS_PROXY = false,
    http_proxy = false, https_proxy = false,
  }
  for name, value in pairs(more or {}) do result[name] = value end
  return result
end

-- A scenario's model that responds at once: even its longest response takes a millisecond or two.
signalbox.PROMPT = { ttft_ms = { p50 = 1, p99 = 2 }, tokens_per_second = { p50 = 1000000, p99 = 500000 } }

-- The same with the keys of `more`.
function signalbox.prompt(more)
  for key, value in pairs(signalbox.PROMPT) do more[key] = value end
  return more
end

-- Settings with which events are logged.
signalbox.DEBUG = { log = { format = "json", level = "debug" } }

-- The operations' names in the API, by the last part of their paths.
signalbox.OPERATION_NAMES = { converse = "Converse", ["converse-stream"] = "ConverseStream", invoke = "InvokeModel",
  ["invoke-with-response-stream"] = "InvokeModelWithResponseStream", ["count-tokens"] = "CountTokens" }

local scene = {}
scene.__index = scene

function signalbox.scene()
  return setmetatable({ folder = process.folder(), children = {} }, scene)
end

function scene:write(name, text)
  return process.write(self.folder .. "/" .. name, text)
end

-- Starts the program with `arguments`; the scene's close stops it. options.descriptors is its limit (ulimit -n).
function scene:start(arguments, options)
  options = options or {}
  table.insert(arguments, 1, signalbox.program)
  if options.descriptors then
    local limited = ('ulimit -n %d && exec "$@"'):format(options.descriptors)
    table.move({ "sh", "-c", limited, "sh" }, 1, 4, 1, table.move(arguments, 1, #arguments, 5))
  end
  local child = process.start(arguments,
    { folder = self.folder, environment = environment(options.environment), directory = options.directory })
  table.insert(self.children, 1, child)
  return child
end

-- Runs the program to its end: status, stdout, stderr.
function signalbox.run(arguments, more)
  table.insert(arguments, 1, signalbox.program)
  return process.run(arguments, environment(more))
end

-- Starts an emulator of `scenario` (a table), with TLS if options.tls has a certificate's files. Returns a child with
-- `port`, `url`, `control`, `reset` and `requests`.
function scene:emulator(scenario, arguments, options)
  local tls = options and options.tls
  scenario = scenario or { seed = 1, models = { ["*"] = signalbox.PROMPT } }
  local path = self:write(("scenario-%d.lua"):format(#self.children), "return " .. literal(scenario))
  local words = { "emulate", "--scenario", path, "--listen", "127.0.0.1:0" }
  for _, word in ipairs(tls and { "--tls-cert", tls.cert, "--tls-key", tls.key } or {}) do words[#words + 1] = word end
  for _, word in ipairs(arguments or {}) do words[#words + 1] = word end
  local child = self:start(words, options)
  child.url = child:wait_for_log("https?://127%.0%.0%.1:%d+")
  child.port = tonumber(child.url:match("%d+$"))

  local function send(request)
    if not tls then return http.request(child.port, request) end
    local way = { version = "http1-tls", scheme = "https", port = child.port, authority = tls.cert }
    return curl.load(way, { request }, 1)[1]
  end

  -- Changes a model's behaviour; `change` is the body for the control path.
  function child.control(model, change)
    local response = send { path = "/_emulator/models/" .. escaped(model), body = cjson.encode(change) }
    assert(response and response.status == 200, response and response.body)
  end

  -- Goes back to the scenario.
  function child.reset()
    assert(send({ path = "/_emulator/reset", body = "" }).status == 200)
  end

  function child.requests()
    return cjson.decode(send({ path = "/_emulator/requests" }).body)
  end
  return child
end

-- Starts an upstream that runs `script` for each request: the body of a function(request, answer, number), see
-- upstream.lua. `recorded` returns the requests received so far.
function scene:upstream(script)
  local number = #self.children
  local path = self:write(("script-%d.lua"):format(number),
    'local eventstream = require "spec.support.eventstream"\nreturn function(request, answer, number)\n' ..
    script .. "\nend")
  local record_path = self:write(("record-%d"):format(number), "")
  local child = process.start({ "lua5.4", "spec/support/upstream.lua", path, record_path }, { folder = self.folder })
  table.insert(self.children, 1, child)
  child.has_no_good_end = true
  child.port = tonumber(child:wait_for_log("127%.0%.0%.1:(%d+)"))
  child.url = "http://127.0.0.1:" .. child.port

  function child.recorded()
    local requests = {}
    -- The last line may be incomplete yet.
    for line in process.contents(record_path):gmatch("([^\n]+)\n") do requests[#requests + 1] = cjson.decode(line) end
    return requests
  end
  return child
end

local function settings_text(settings, emulator, policy_path)
  local all = {
    listen = "127.0.0.1:0", admin = "127.0.0.1:0", policy = policy_path, endpoint = emulator and emulator.url,
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = signalbox.SECRET },
    log = { format = "json", level = "info" },
    timeouts = { header_ms = 60000 }, -- on a busy machine, the tests' clients are slow too
  }
  for key, value in pairs(settings or {}) do all[key] = value or nil end
  return "return " .. literal(all)
end

-- Starts a gateway in front of `emulator`. options: policy (a table, or source text), settings (override the tests'
-- own; false removes one), arguments, environment. Returns a child with `port`, `admin_port`, `request`, `admin`,
-- `entries` and `access`.
function scene:gateway(emulator, options)
  options = options or {}
  local policy = options.policy or { models = { { id = signalbox.NOVA } } }
  local number = #self.children
  local policy_path = self:write(("policy-%d.lua"):format(number),
    type(policy) == "string" and policy or "return " .. literal(policy))
  local settings_path = self:write(("settings-%d.lua"):format(number),
    settings_text(options.settings, emulator, policy_path))
  -- Without --core-dumps the kernel hides the process's descriptors, and the leak checker's view, from plain users.
  local words = { "serve", "--config", settings_path, "--core-dumps" }
  for _, word in ipairs(options.arguments or {}) do words[#words + 1] = word end
  local child = self:start(words, options)
  signalbox.find_listeners(child)

  function child.request(request)
    return http.request(child.port, request)
  end

  function child.admin(path, method)
    local response = http.request(child.admin_port, { path = path, method = method or "GET", body = method and "" })
    return response.status, response.body ~= "" and cjson.decode(response.body) or nil, response
  end

  -- The log so far. The gateway writes it behind its responses, so what it has to write is waited for.
  function child.log()
    local function is_written()
      local ok, _, detail = pcall(child.admin, "/health/detail")
      return not ok or not detail or detail.log.waiting_bytes == 0
    end
    if child.admin_port and not child:status() then process.wait_for("the log's lines", is_written) end
    return process.log(child)
  end

  -- The log's entries with that message so far, decoded. At level debug, each event is an entry named after it.
  function child.entries(message)
    local found = {}
    for line in child:log():gmatch("[^\n]+") do
      local ok, entry = pcall(cjson.decode, line)
      if ok and entry.message == message then found[#found + 1] = entry end
    end
    return found
  end

  -- The entries of the access log so far, decoded. With `count`, waits until there are so many: the gateway writes an
  -- entry after the response.
  function child.access(count)
    if count then
      process.wait_for(count .. " lines in the access log", function() return #child.access() >= count end)
    end
    local lines = {}
    for _, entry in ipairs(child.entries("request")) do
      if entry.request_id then lines[#lines + 1] = entry end
    end
    return lines
  end
  return child
end

-- Reads the ports of a gateway from its log.
function signalbox.find_listeners(child)
  local function port_of(kind)
    return process.wait_for("the " .. kind .. " listener", function()
      for line in child:log():gmatch("[^\n]+\n") do
        local ok, entry = pcall(cjson.decode, line)
        if ok and entry.message == "listening" and entry.surface == kind then
          return tonumber(entry.address:match(":(%d+)$"))
        end
      end
      if child:status() then error(("the gateway ended with status %d:\n%s"):format(child:status(), child:log()), 0) end
    end)
  end
  child.port, child.admin_port = port_of("data"), port_of("admin")
end

-- Kills a child, as a crash would.
function scene.kill(_, child)
  child:signal("KILL")
  child:wait()
  child.stopped = true
end

-- Stops a child by SIGTERM; its exit status must be 0.
function scene:stop(child)
  if child.has_no_good_end then return self:kill(child) end
  child:signal("TERM")
  local status = child:wait(60)
  child.stopped = true
  if status ~= 0 then error(("exit status %d; its log ends with:\n%s"):format(status, child:log():sub(-6000)), 0) end
end

function scene:close()
  local problems = {}
  for _, child in ipairs(self.children) do
    if not child.stopped then
      local ok, problem = pcall(scene.stop, self, child)
      if not ok then problems[#problems + 1] = tostring(problem) end
    end
  end
  process.remove(self.folder)
  assert(#problems == 0, table.concat(problems, "\n"))
end

-- A Converse body.
function signalbox.converse_body(text, more)
  local body = { messages = { { role = "user", content = { { text = text or "Hello" } } } } }
  for key, value in pairs(more or {}) do body[key] = value end
  return cjson.encode(body)
end

-- The path of an operation, with the model id escaped as SDKs do.
function signalbox.path(model, operation)
  return "/model/" .. escaped(model) .. "/" .. operation
end

-- A request as an SDK would send it. operation: the last part of the path.
function signalbox.call(model, operation, body, headers)
  local all = { ["Content-Type"] = "application/json", Authorization = "AWS4-HMAC-SHA256 Credential=client-key" }
  for name, value in pairs(headers or {}) do all[name] = value end
  return {
    method = "POST", path = signalbox.path(model, operation), headers = all, body = body or signalbox.converse_body(),
  }
end

return signalbox
