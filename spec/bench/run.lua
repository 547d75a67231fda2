-- SPDX-License-Identifier: Apache-2.0
-- The benchmark: the pure rooms against their budgets, then the gateway against a direct connection and against nginx
-- as a reverse proxy, all to the same upstream (an nginx with one canned response). Rounds of the subjects alternate in
-- one run, so that all have the same conditions. The gateway signs every request, and Lua chooses every model. The
-- subject runs on one core, the load and the upstream on another. It prints medians, then ratios; then a profile, the
-- cost of thousands of upstream connections and of TLS, memory, streams and workers. `run.lua profile` prints only the
-- profile.
package.path = "./?.lua;" .. package.path
local http = require "spec.support.http"
local process = require "spec.support.process"
local profile = require "spec.bench.profile"
local reloads = require "spec.bench.reloads"
local streams = require "spec.bench.streams"
local subjects = require "spec.bench.subjects"

local ROUNDS, SECONDS = 5, 3
local BODY = ('{"messages":[{"role":"user","content":[{"text":"%s"}]}]}'):format(("word "):rep(190))
local RESPONSE = ('{"output":{"message":{"role":"assistant","content":[{"text":"%s"}]}},"stopReason":"end_turn",' ..
  '"usage":{"inputTokens":200,"outputTokens":180,"totalTokens":380},"metrics":{"latencyMs":5}}'):format(
  ("text "):rep(175))

local gateway, proxy, median, row, number = subjects.gateway, subjects.proxy, subjects.median, subjects.row,
  subjects.number

-- Starts an nginx with one canned response; `limit` is the most requests a second, `files` are a certificate's.
local function upstream(core, name, limit, files)
  local child = subjects.nginx(core, name, ([[%s
    server { listen 127.0.0.1:@PORT@ %s location / { %s return 200 '%s'; } }]]):format(
    limit and "limit_req_zone $server_name zone=all:1m rate=" .. limit .. "r/s;" or "",
    files and ("ssl backlog=8192; ssl_certificate %s; ssl_certificate_key %s;"):format(files.cert, files.key)
      or "backlog=8192;",
    limit and "limit_req zone=all burst=8000; try_files /none @canned; } location @canned {" or "", RESPONSE))
  child.url = (files and "https" or "http") .. "://127.0.0.1:" .. child.port
  child.authority = files and files.cert
  return child
end

local function load(core, child, connections, seconds)
  return subjects.load(core, child, { path = "/model/chat/converse", body = BODY, connections = connections,
    seconds = seconds })
end

-- Loads the subjects in turn, `rounds` times. Returns for each the medians of what `load` measures.
local function compare(list, connections, rounds, seconds)
  local all = {}
  for _ = 1, rounds do
    for name, subject in pairs(list) do
      all[name] = all[name] or { rate = {}, p50_us = {}, cpu_us = {}, kernel_us = {} }
      local found = load(subject.load_core, subject.child, connections, seconds)
      for key, values in pairs(all[name]) do table.insert(values, found[key]) end
    end
  end
  for _, entry in pairs(all) do
    for key, values in pairs(entry) do entry[key] = median(values) end
  end
  return all
end

local function print_pure()
  print("Pure rooms (budgets: spec/bench/README.md)")
  local listing = assert(io.popen(("ls %s/spec/bench/*_bench 2>/dev/null"):format(subjects.build)))
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

-- Returns whether there was a profile.
local function print_profile(child, data)
  local path = assert(io.popen(("readlink -f %s/signalbox"):format(subjects.build))):read("l")
  local shares, why = profile.of(child, path, subjects.folder, data, function() load(0, child, 64, SECONDS) end)
  local texts = {}
  print()
  if not shares then
    print("  no profile: " .. why)
    return false
  end
  for _, entry in ipairs(shares) do texts[#texts + 1] = ("%s %.1f %%"):format(entry[1], entry[2] * 100) end
  print("  where signalbox spends its time, 64 connections:")
  for index = 1, #texts, 5 do print("    " .. table.concat(texts, ", ", index, math.min(index + 4, #texts))) end
  return true
end

-- An upstream that delays every request keeps as many connections busy as there are clients.
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

-- Connections to the real service use TLS.
local function print_secure()
  local secure = upstream(0, "secure", nil, subjects.certificate())
  local found = compare({ nginx = { child = proxy(1, "secure-proxy", secure), load_core = 0 },
    gateway = { child = gateway(1, "secure-gateway", secure), load_core = 0 } }, 64, 3, SECONDS)
  row("CPU us a request, TLS upstream", "", number("%.1f", found.nginx.cpu_us), number("%.1f", found.gateway.cpu_us))
end

-- The gateway's memory in KB for each of `count` clients, each prepared by `prepare`.
local function kb_each(child, count, prepare)
  local before, clients = child:resident_kb(), {}
  for index = 1, count do
    clients[index] = assert(http.connect(child.port))
    prepare(clients[index])
  end
  local each = (child:resident_kb() - before) / count
  for _, client in ipairs(clients) do client:close() end
  return each
end

local function print_memory(fast)
  local idle = gateway(1, "memory", fast)
  local resident = idle:resident_kb() / 1024
  local each_idle = kb_each(idle, 900, function(client)
    client:send(http.format { path = "/model/chat/converse", body = BODY })
    assert(client:read_response().status == 200)
  end)
  print()
  print(("  resident, idle: %.1f MB; %.1f KB more for each idle connection"):format(resident, each_idle))
end

-- A policy whose select takes a few hundred microseconds, within the default budget of instructions.
local SLOW_SELECT = [[return {
  models = { { id = "us.amazon.nova-2-lite-v1:0" } },
  select = function(_, models)
    local sum = 0
    for step = 1, 20000 do sum = sum + step % 7 end
    return sum > 0 and models[1]
  end,
}]]

-- Compares requests a second of one worker and of two, with every program on both cores.
local function compare_workers(name, fast, policy)
  local list = {}
  for _, workers in ipairs { 1, 2 } do
    local child = gateway("0,1", name .. workers, fast, ("workers = %d, policy = %q,"):format(workers, policy))
    list[workers] = { child = child, load_core = "0,1" }
  end
  local found = compare(list, 64, 3, 2)
  row(name, ("%.0f"):format(found[1].rate), ("%.0f"):format(found[2].rate), ("%.2f"):format(
    found[2].rate / found[1].rate))
end

-- The upstream and the load run on the same two cores. With cheap requests they use as much CPU as the gateway, so that
-- a second worker finds no idle core. With a slow `select` the gateway is the bottleneck, and a second worker helps.
local function print_workers(fast)
  local slow_select = process.write(subjects.folder .. "/slow_select.lua", SLOW_SELECT)
  print()
  row("requests a second, workers:", "1", "2", "ratio")
  compare_workers("plain requests", fast, "policies/weighted.lua")
  compare_workers("each choice a long loop in Lua", fast, slow_select)
end

-- Only the profile, for `make profile`; the samples stay for perf's own reports.
local function run_profile()
  local data = subjects.build:match("^[^/]+") .. "/profile.data"
  local child = gateway(1, "gateway", upstream(0, "upstream"))
  load(0, child, 64, 1)
  if not print_profile(child, data) then error("no profile was taken", 0) end
  print(("  by function: perf report -i %s"):format(data))
end

local function run_all()
  print_pure()
  local fast = upstream(0, "upstream")
  print_profile(print_throughput(fast).gateway.child, subjects.folder .. "/perf.data")
  print_wide()
  print_secure()
  print_memory(fast)
  streams.print()
  print_workers(fast)
  reloads.print(fast)
end

local ok, problem = pcall(arg[1] == "profile" and run_profile or run_all)
subjects.stop()
if not ok then
  io.stderr:write("bench: ", tostring(problem), "\n")
  os.exit(1)
end
