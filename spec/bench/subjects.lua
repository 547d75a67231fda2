-- SPDX-License-Identifier: Apache-2.0
-- The programs of the benchmarks: gateways, emulators, nginx as upstream and as reverse proxy, each bound to one core;
-- the load generator; and the kernel's counts of a process. `stop` stops everything that was started.
local socket = require "socket"
local http = require "spec.support.http"
local process = require "spec.support.process"

local subjects = { build = os.getenv("BUILD") or "build/release", folder = process.folder() }

local TICKS = 100 -- a second, in /proc/PID/stat
local UNITS = { us = 1, ms = 1000, s = 1000000 }
local children = {}

-- Raises the limit of open descriptors as far as possible.
local RAISED = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"'

function subjects.median(list)
  table.sort(list)
  local middle = (#list + 1) / 2
  return (list[math.floor(middle)] + list[math.ceil(middle)]) / 2
end

local function free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return port
end

local function bound(core, words)
  return { "sh", "-c", RAISED, "sh", "taskset", "-c", tostring(core), table.unpack(words) }
end

-- Starts a program on one core, or on a list of cores in taskset's notation.
function subjects.start(core, words, environment)
  local child = process.start(bound(core, words), { folder = subjects.folder, environment = environment })
  children[#children + 1] = child
  return child
end

-- Runs a program on one core to its end.
function subjects.run(core, words)
  return process.run(bound(core, words), {}, 120)
end

function subjects.stop()
  for _, child in ipairs(children) do child:signal("TERM") end
  for _, child in ipairs(children) do child:wait(60) end
  process.remove(subjects.folder)
end

local function wait_for_port(child, port)
  process.wait_for("port " .. port, function()
    if child:status() then error(child:log(), 0) end
    local client = http.connect(port)
    if client then client:close() end
    return client ~= nil
  end)
  child.port = port
  return child
end

-- Makes a certificate for loopback. Returns its files: { cert, key }.
function subjects.certificate()
  assert(process.run { "spec/support/certificate", subjects.folder } == 0, "no certificate could be made")
  return { cert = subjects.folder .. "/cert.pem", key = subjects.folder .. "/key.pem" }
end

-- Starts an nginx of one process; `servers` is the inside of its http block, with @PORT@ for its port.
function subjects.nginx(core, name, servers)
  local home, port = subjects.folder .. "/" .. name, free_port()
  os.execute("mkdir -p " .. home)
  local paths = {}
  for _, kind in ipairs { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" } do
    paths[#paths + 1] = ("%s_temp_path %s/%s;"):format(kind, home, kind)
  end
  local file = process.write(home .. "/nginx.conf", ([[
    daemon off; master_process off; pid %s/pid; error_log stderr crit;
    events { worker_connections 32768; }
    http {
      access_log off; default_type application/json; %s
      keepalive_requests 100000000; keepalive_timeout 300s; client_body_buffer_size 64k;
      %s
    }]]):format(home, table.concat(paths, " "), (servers:gsub("@PORT@", tostring(port)))))
  return wait_for_port(subjects.start(core, { "/usr/sbin/nginx", "-p", home, "-c", file }), port)
end

-- Starts an nginx that proxies to `target`; `more` has directives of its location, `protocol` of its listener.
function subjects.proxy(core, name, target, more, protocol)
  return subjects.nginx(core, name, ([[
    upstream models { server 127.0.0.1:%d; keepalive 8192; keepalive_requests 100000000; }
    server { listen 127.0.0.1:@PORT@ backlog=8192 %s;
      location / { proxy_pass %s://models; proxy_http_version 1.1; proxy_set_header Connection ""; %s } }]]):format(
    target.port, protocol or "", (target.url or "http:"):match("^%a+"), more or ""))
end

-- Starts a gateway in front of `target` ({ port } or { url, authority }); `more` is source text of further settings.
function subjects.gateway(core, name, target, more)
  local settings = process.write(("%s/%s.lua"):format(subjects.folder, name), ([[return {
    listen = "127.0.0.1:0", admin = "127.0.0.1:0", policy = "policies/weighted.lua",
    endpoint = "%s", log = { access = false },
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "not-a-secret" }, %s
  }]]):format(target.url or "http://127.0.0.1:" .. target.port, more or ""))
  local child = subjects.start(core, { subjects.build .. "/signalbox", "serve", "--config", settings },
    { SSL_CERT_FILE = target.authority })
  child.port = tonumber(child:wait_for_log("surface=data[^\n]-:(%d+)"))
  return child
end

-- Starts an emulator of `scenario`, source text of a table.
function subjects.emulator(core, name, scenario, arguments)
  local file = process.write(("%s/%s.lua"):format(subjects.folder, name), "return " .. scenario)
  local child = subjects.start(core, { subjects.build .. "/signalbox", "emulate", "--listen", "127.0.0.1:0",
    "--scenario", file, table.unpack(arguments or {}) })
  child.url = child:wait_for_log("listening on (https?://127.0.0.1:%d+)")
  child.port = tonumber(child.url:match(":(%d+)$"))
  return child
end

-- The CPU time of a process so far, in seconds: the total, and the part in the kernel.
function subjects.cpu_seconds(child)
  local fields = process.contents(("/proc/%d/stat"):format(child.pid)):match("%) (.*)")
  local user, system = fields:match(("%S+ "):rep(11) .. "(%d+) (%d+)")
  return (user + system) / TICKS, system / TICKS
end

-- Runs wrk against `child`; wanted = { path, body, connections, seconds }. Returns { requests, bytes, rate, p50_us,
-- p99_us, cpu_us, kernel_us, out }: cpu_us and kernel_us are the CPU time of `child` for each request, `out` is wrk's
-- output.
function subjects.load(core, child, wanted)
  local script = process.write(subjects.folder .. "/wrk.lua", ('wrk.method = "POST"\nwrk.body = %q\n' ..
    'wrk.headers["Content-Type"] = "application/json"\n' ..
    'done = function(summary) io.write(summary.bytes, " bytes were read\\n") end'):format(wanted.body))
  local before, kernel_before = subjects.cpu_seconds(child)
  local status, out, log = subjects.run(core, { "wrk", "-t1", "-c" .. wanted.connections, "-d" .. wanted.seconds .. "s",
    "--timeout", "30s", "--latency", "-s", script, ("http://127.0.0.1:%d%s"):format(child.port, wanted.path) })
  local requests = tonumber(out:match("(%d+) requests in"))
  local function percentile_us(share)
    local value, unit = out:match("%s" .. share .. "%%%s+([%d.]+)(%a+)")
    return tonumber(value) * UNITS[unit]
  end
  if status ~= 0 or not requests or requests == 0 or out:find("Non-2xx", 1, true) then
    error("the load met errors:\n" .. out .. log, 0)
  end
  local after, kernel_after = subjects.cpu_seconds(child)
  return { requests = requests, bytes = tonumber(out:match("(%d+) bytes were read")), out = out,
    rate = tonumber(out:match("Requests/sec:%s*([%d.]+)")), p50_us = percentile_us(50), p99_us = percentile_us(99),
    cpu_us = (after - before) / requests * 1e6, kernel_us = (kernel_after - kernel_before) / requests * 1e6 }
end

function subjects.row(...)
  print(("  %-34s %14s %14s %14s"):format(...))
end

function subjects.number(format, value)
  return value and format:format(value) or "-"
end

return subjects
