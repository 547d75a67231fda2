-- SPDX-License-Identifier: Apache-2.0
-- The benchmark: the pure rooms against their budgets, then the gateway against a direct connection and against nginx
-- as a reverse proxy, all to the same upstream (an nginx with one canned answer) and in the same run, round by round in
-- turns, so that what is compared has met the same machine. The gateway signs every request and asks Lua for every
-- model. What is measured runs on one core; the load and the upstream on another. Medians are printed, then ratios;
-- then where the gateway's time goes, what thousands of upstream connections cost, and memory.
package.path = "./?.lua;" .. package.path
local socket = require "socket"
local http = require "spec.support.http"
local process = require "spec.support.process"
local profile = require "spec.bench.profile"

local build = os.getenv("BUILD") or "build/release"
local ROUNDS, SECONDS = 5, 3
local TICKS = 100 -- a second, in /proc/PID/stat
local BODY = ('{"messages":[{"role":"user","content":[{"text":"%s"}]}]}'):format(("word "):rep(190))
local ANSWER = ('{"output":{"message":{"role":"assistant","content":[{"text":"%s"}]}},"stopReason":"end_turn",' ..
  '"usage":{"inputTokens":200,"outputTokens":180,"totalTokens":380},"metrics":{"latencyMs":5}}'):format(
  ("text "):rep(175))

local folder = process.folder()
local children = {}

local function median(list)
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

-- Starts a program on one core.
local function start(core, words)
  local child = process.start({ "sh", "-c", 'ulimit -n 20000 2>/dev/null; exec "$@"', "sh", "taskset", "-c",
    tostring(core), table.unpack(words) }, { folder = folder })
  children[#children + 1] = child
  return child
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

-- An nginx of one process; `servers` is the inside of its http block.
local function nginx(core, name, port, servers)
  local home = folder .. "/" .. name
  os.execute("mkdir -p " .. home)
  local paths = {}
  for _, kind in ipairs { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" } do
    paths[#paths + 1] = ("%s_temp_path %s/%s;"):format(kind, home, kind)
  end
  local file = process.write(home .. "/nginx.conf", ([[
    daemon off; master_process off; pid %s/pid; error_log stderr crit;
    events { worker_connections 16384; }
    http {
      access_log off; default_type application/json; %s
      keepalive_requests 100000000; keepalive_timeout 300s; client_body_buffer_size 64k;
      %s
    }]]):format(home, table.concat(paths, " "), servers))
  return wait_for_port(start(core, { "/usr/sbin/nginx", "-p", home, "-c", file }), port)
end

local function upstream(core, name, limit)
  local port = free_port()
  return nginx(core, name, port, ([[%s
    server { listen 127.0.0.1:%d backlog=8192; location / { %s return 200 '%s'; } }]]):format(
    limit and "limit_req_zone $server_name zone=all:1m rate=" .. limit .. "r/s;" or "", port,
    limit and "limit_req zone=all burst=8000; try_files /none @answer; } location @answer {" or "", ANSWER))
end

local function proxy(core, name, target)
  local port = free_port()
  return nginx(core, name, port, ([[
    upstream models { server 127.0.0.1:%d; keepalive 8192; keepalive_requests 100000000; }
    server { listen 127.0.0.1:%d backlog=8192;
      location / { proxy_pass http://models; proxy_http_version 1.1; proxy_set_header Connection ""; } }]]):format(
    target.port, port))
end

local function gateway(core, name, target)
  local settings = process.write(("%s/%s.lua"):format(folder, name), ([[return {
    listen = "127.0.0.1:0", admin = "127.0.0.1:0", policy = "policies/weighted.lua",
    endpoint = "http://127.0.0.1:%d", log = { access = false },
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "not-a-secret" },
  }]]):format(target.port))
  local child = start(core, { build .. "/signalbox", "serve", "--config", settings })
  child.port = tonumber(child:wait_for_log("surface=data[^\n]-:(%d+)"))
  return child
end

-- CPU time of a process so far, in seconds: in all, and in the kernel.
local function cpu_seconds(child)
  local fields = process.contents(("/proc/%d/stat"):format(child.pid)):match("%) (.*)")
  local user, system = fields:match(("%S+ "):rep(11) .. "(%d+) (%d+)")
  return (user + system) / TICKS, system / TICKS
end

local function resident_kb(child)
  return tonumber(process.contents(("/proc/%d/status"):format(child.pid)):match("VmRSS:%s*(%d+)"))
end

local UNITS = { us = 1, ms = 1000, s = 1000000 }

-- Runs wrk against `child`: requests a second, p50 in microseconds, CPU microseconds a request of `child` in all and in
-- the kernel.
local function load(core, child, connections, seconds)
  local script = process.write(folder .. "/wrk.lua", ('wrk.method = "POST"\nwrk.body = %q\n' ..
    'wrk.headers["Content-Type"] = "application/json"'):format(BODY))
  local before, kernel_before = cpu_seconds(child)
  local status, out, log = process.run { "sh", "-c", 'ulimit -n 20000 2>/dev/null; exec "$@"', "sh", "taskset", "-c",
    tostring(core), "wrk", "-t1", "-c" .. connections, "-d" .. seconds .. "s", "--timeout", "10s", "--latency", "-s",
    script, ("http://127.0.0.1:%d/model/chat/converse"):format(child.port) }
  local requests = tonumber(out:match("(%d+) requests in"))
  local p50, unit = out:match("50%%%s+([%d.]+)(%a+)")
  if status ~= 0 or not requests or requests == 0 or out:find("Non-2xx", 1, true) then
    error("the load met errors:\n" .. out .. log, 0)
  end
  local after, kernel_after = cpu_seconds(child)
  return { rate = tonumber(out:match("Requests/sec:%s*([%d.]+)")), p50_us = tonumber(p50) * UNITS[unit],
    cpu_us = (after - before) / requests * 1e6, kernel_us = (kernel_after - kernel_before) / requests * 1e6 }
end

local function row(...)
  print(("  %-34s %14s %14s %14s"):format(...))
end

local function number(format, value)
  return value and format:format(value) or "-"
end

-- Every subject in turns, `rounds` times; for each the medians of what load measures.
local function compare(subjects, connections, rounds, seconds)
  local all = {}
  for _ = 1, rounds do
    for name, subject in pairs(subjects) do
      all[name] = all[name] or { rate = {}, p50_us = {}, cpu_us = {}, kernel_us = {} }
      for key, value in pairs(load(subject.load_core, subject.child, connections, seconds)) do
        table.insert(all[name][key], value)
      end
    end
  end
  for _, entry in pairs(all) do
    for key, list in pairs(entry) do entry[key] = median(list) end
  end
  return all
end

local function print_pure()
  print("Pure rooms (budgets: see the design's section 8)")
  local listing = assert(io.popen(("ls %s/spec/bench/*_bench 2>/dev/null"):format(build)))
  for path in listing:lines() do
    local status, out, log = process.run { "taskset", "-c", "1", path }
    io.write("  ", (out:gsub("\n(.)", "\n  %1")))
    if status ~= 0 then error(path .. " failed: " .. log, 0) end
  end
  listing:close()
end

local function print_throughput(fast)
  local through = {
    direct = { child = fast, load_core = 1 },
    nginx = { child = proxy(1, "proxy", fast), load_core = 0 },
    gateway = { child = gateway(1, "gateway", fast), load_core = 0 },
  }
  load(0, through.gateway.child, 64, 1)
  local many, one = compare(through, 64, ROUNDS, SECONDS), compare(through, 1, ROUNDS, 1)
  print()
  row("through", "direct", "nginx", "signalbox")
  local function line(title, format, from, key)
    row(title, number(format, from.direct[key]), number(format, from.nginx[key]), number(format, from.gateway[key]))
  end
  line("requests a second, 64 connections", "%.0f", many, "rate")
  line("CPU us a request, 64 connections", "%.1f", many, "cpu_us")
  line("  of these in the kernel", "%.1f", many, "kernel_us")
  line("p50 us, 1 connection", "%.0f", one, "p50_us")
  line("CPU us a request, 1 connection", "%.1f", one, "cpu_us")
  print()
  print(("  signalbox / nginx, requests a second: %.2f"):format(many.gateway.rate / many.nginx.rate))
  print(("  signalbox / direct, requests a second: %.2f"):format(many.gateway.rate / many.direct.rate))
  print(("  added p50 at one connection: nginx %.0f us, signalbox %.0f us"):format(
    one.nginx.p50_us - one.direct.p50_us, one.gateway.p50_us - one.direct.p50_us))
  return through
end

local function print_profile(child)
  local path = assert(io.popen(("readlink -f %s/signalbox"):format(build))):read("l")
  local shares, why = profile.of(child, path, folder, function() load(0, child, 64, SECONDS) end)
  local texts = {}
  print()
  if not shares then return print("  no profile: " .. why) end
  for _, entry in ipairs(shares) do texts[#texts + 1] = ("%s %.1f %%"):format(entry[1], entry[2] * 100) end
  print("  where signalbox spends its time, 64 connections:")
  for index = 1, #texts, 5 do print("    " .. table.concat(texts, ", ", index, math.min(index + 4, #texts))) end
end

-- An upstream that makes every request wait its turn keeps as many connections busy as there are clients.
local function print_wide()
  local slow = upstream(0, "slow", 8000)
  local through = { nginx = { child = proxy(1, "wide-proxy", slow), load_core = 0 },
    gateway = { child = gateway(1, "wide-gateway", slow), load_core = 0 } }
  print()
  row("CPU us a request, held at 8000/s", "", "nginx", "signalbox")
  for _, connections in ipairs { 500, 4000 } do
    for _, subject in pairs(through) do load(0, subject.child, connections, 2) end
    local found = compare(through, connections, 3, SECONDS)
    row(("%d upstream connections"):format(connections), "", number("%.1f", found.nginx.cpu_us),
      number("%.1f", found.gateway.cpu_us))
  end
end

-- KB that the gateway needs more for each of `count` clients, of which `ask` makes one.
local function kb_each(child, count, ask)
  local before, clients = resident_kb(child), {}
  for index = 1, count do
    clients[index] = assert(http.connect(child.port))
    ask(clients[index])
  end
  local each = (resident_kb(child) - before) / count
  for _, client in ipairs(clients) do client:close() end
  return each
end

-- An upstream whose streams begin and then go silent.
local function stalling(core)
  local scenario = process.write(folder .. "/stall.lua", [[return { models = { ["*"] = {
    ttft_ms = { p50 = 1, p99 = 2 }, tokens_per_second = { p50 = 9000, p99 = 8000 },
    faults = { { fault = "stall", after = 3 } } } } }]])
  local child = start(core, { build .. "/signalbox", "emulate", "--listen", "127.0.0.1:0", "--scenario", scenario })
  child.port = tonumber(child:wait_for_log("listening on http://127.0.0.1:(%d+)"))
  return child
end

local function print_memory(fast)
  local idle, streaming = gateway(1, "memory", fast), gateway(1, "streams", stalling(0))
  local function call(operation) return http.format { path = "/model/chat/" .. operation, body = BODY } end
  local resident = resident_kb(idle) / 1024
  local each_idle = kb_each(idle, 900, function(client)
    client:send(call("converse"))
    assert(client:read_response().status == 200)
  end)
  local each_stream = kb_each(streaming, 900, function(client)
    client:send(call("converse-stream"))
    assert(client:read_head().status == 200)
  end)
  print()
  print(("  resident, idle: %.1f MB; %.1f KB more for each idle connection, %.1f KB for each active stream"):format(
    resident, each_idle, each_stream))
end

local ok, problem = pcall(function()
  print_pure()
  local fast = upstream(0, "upstream")
  print_profile(print_throughput(fast).gateway.child)
  print_wide()
  print_memory(fast)
end)
for _, child in ipairs(children) do child:signal("TERM") end
for _, child in ipairs(children) do child:wait() end
process.remove(folder)
if not ok then
  io.stderr:write("bench: ", tostring(problem), "\n")
  os.exit(1)
end
