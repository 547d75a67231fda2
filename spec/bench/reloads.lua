-- SPDX-License-Identifier: Apache-2.0
-- What ten thousand reloads under full load cost: two good policies and a broken one in turn, as fast as they are
-- answered, in rounds that alternate with rounds without any. No request may fail; throughput, the 99th percentile and
-- memory are compared.
local http = require "spec.support.http"
local process = require "spec.support.process"
local subjects = require "spec.bench.subjects"

local reloads = {}

local WANTED, ROUNDS_MAX, SECONDS, CONNECTIONS = 10000, 8, 4, 64
local BODY = '{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}'
local UNITS = { us = 0.001, ms = 1, s = 1000 }

-- Reloads until a file appears, then prints how many there were and how many were refused.
local RELOADER = [[
  package.path = "./?.lua;" .. package.path
  local http = require "spec.support.http"
  local port, policy, stop = tonumber(arg[1]), arg[2], arg[3]
  local texts, count, refused = {}, 0, 0
  for _, name in ipairs { "weighted", "strict" } do
    local file = assert(io.open("policies/" .. name .. ".lua"))
    texts[#texts + 1] = file:read("a")
    file:close()
  end
  texts[3] = "return { models = {} }"
  local client = assert(http.connect(port))
  while not io.open(stop) do
    local file = assert(io.open(policy .. ".new", "w"))
    file:write(texts[count % 3 + 1])
    file:close()
    assert(os.rename(policy .. ".new", policy))
    client:send("POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    local status = client:read_response().status
    assert(status == (count % 3 == 2 and 422 or 200), status)
    count, refused = count + 1, refused + (status == 422 and 1 or 0)
  end
  print(count, refused)
]]

-- Requests a second and the 99th percentile in milliseconds.
local function load(child)
  local script = process.write(subjects.folder .. "/reloads-wrk.lua", ('wrk.method = "POST"\nwrk.body = %q\n' ..
    'wrk.headers["Content-Type"] = "application/json"\n'):format(BODY))
  local status, out, log = subjects.run(0, { "wrk", "-t1", "-c" .. CONNECTIONS, "-d" .. SECONDS .. "s", "--timeout",
    "30s", "--latency", "-s", script, ("http://127.0.0.1:%d/model/chat/converse"):format(child.port) })
  local p99, unit = out:match("99%%%s+([%d.]+)(%a+)")
  if status ~= 0 or not p99 or out:find("Non-2xx", 1, true) or out:find("Socket errors", 1, true) then
    error("the load met errors:\n" .. out .. log, 0)
  end
  return tonumber(out:match("Requests/sec:%s*([%d.]+)")), tonumber(p99) * UNITS[unit]
end

local function resident_kb(child)
  return tonumber(process.contents(("/proc/%d/status"):format(child.pid)):match("VmRSS:%s*(%d+)"))
end

local function load_with_reloads(child, admin_port, policy, round)
  local stop = ("%s/reloads-stop-%d"):format(subjects.folder, round)
  local script = process.write(subjects.folder .. "/reloader.lua", RELOADER)
  local reloader = subjects.start(0, { "lua5.4", script, tostring(admin_port), policy, stop })
  local rate, p99 = load(child)
  process.write(stop, "")
  if reloader:wait(60) ~= 0 then error(reloader:log(), 0) end
  return rate, p99, tonumber(process.contents(reloader.out_path):match("^(%d+)"))
end

-- `target` is the upstream.
function reloads.print(target)
  local policy = process.write(subjects.folder .. "/reloads-policy.lua", process.contents("policies/weighted.lua"))
  local child = subjects.gateway(1, "reloads", target, ("policy = %q,"):format(policy))
  local admin_port = tonumber(child:wait_for_log("surface=admin[^\n]-:(%d+)"))
  local plain, busy = { rate = {}, p99 = {} }, { rate = {}, p99 = {} }
  local total, round, before = 0, 0, nil
  load(child)
  repeat
    round = round + 1
    plain.rate[round], plain.p99[round] = load(child)
    local count
    busy.rate[round], busy.p99[round], count = load_with_reloads(child, admin_port, policy, round)
    total = total + count
    before = before or resident_kb(child)
  until total >= WANTED or round == ROUNDS_MAX
  local report = http.request(admin_port, { path = "/policy" }).body
  local rate, p99 = subjects.median(plain.rate), subjects.median(plain.p99)
  local busy_rate, busy_p99 = subjects.median(busy.rate), subjects.median(busy.p99)
  print()
  print(("  %d reloads under load, version %s in the end, no request failed"):format(total,
    report:match('"version":(%d+)')))
  subjects.row("", "without", "with reloads", "ratio")
  subjects.row("requests a second, 64 connections", ("%.0f"):format(rate), ("%.0f"):format(busy_rate),
    ("%.2f"):format(busy_rate / rate))
  subjects.row("99th percentile, ms", ("%.1f"):format(p99), ("%.1f"):format(busy_p99), ("%.2f"):format(busy_p99 / p99))
  print(("  resident: %.1f MB after the first round, %.1f MB after the last"):format(before / 1024,
    resident_kb(child) / 1024))
end

return reloads
