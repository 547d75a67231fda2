-- SPDX-License-Identifier: Apache-2.0
-- The cost of ten thousand reloads under full load. Two good policies and a broken one alternate, at a fixed rate.
-- Every other round is a control: the same program, at the same rate, writes the same files to an unwatched folder and
-- requests /health from the admin listener instead, so that only the reloads differ. The last rounds reload as fast as
-- the gateway responds. No request may fail; throughput, the 99th percentile and memory are compared.
local process = require "spec.support.process"
local subjects = require "spec.bench.subjects"

local reloads = {}

local WANTED, PACE, SECONDS, CONNECTIONS = 10000, 200, 5, 64
local BODY = '{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}'

-- Writes and requests until a file appears, then prints the number of requests, and the median and the 99th percentile
-- of their latency. A pace of 0 means no pause.
local RELOADER = [[
  package.path = "./?.lua;" .. package.path
  local socket = require "socket"
  local http = require "spec.support.http"
  local port, policy, stop, pace, does_reload = tonumber(arg[1]), arg[2], arg[3], tonumber(arg[4]), arg[5] == "reload"
  local request = (does_reload and "POST /reload" or "GET /health") ..
    " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
  local texts, times = {}, {}
  for _, name in ipairs { "weighted", "strict" } do
    local file = assert(io.open("policies/" .. name .. ".lua"))
    texts[#texts + 1] = file:read("a")
    file:close()
  end
  texts[3] = "return { models = {} }"
  local client = assert(http.connect(port))
  local start = socket.gettime()
  while not io.open(stop) do
    local turn = #times % 3 + 1
    local file = assert(io.open(policy .. ".new", "w"))
    file:write(texts[turn])
    file:close()
    assert(os.rename(policy .. ".new", policy))
    local asked = socket.gettime()
    client:send(request)
    local status = client:read_response().status
    assert(status == (does_reload and turn == 3 and 422 or 200), status)
    times[#times + 1] = socket.gettime() - asked
    local left = pace > 0 and start + #times / pace - socket.gettime() or 0
    if left > 0 then socket.sleep(left) end
  end
  table.sort(times)
  print(#times, times[math.ceil(#times / 2)] * 1000, times[math.ceil(#times * 0.99)] * 1000)
]]

-- Runs the load. Returns requests a second and the 99th percentile in milliseconds.
local function load(child)
  local found = subjects.load(0, child, { path = "/model/chat/converse", body = BODY, connections = CONNECTIONS,
    seconds = SECONDS })
  if found.out:find("Socket errors", 1, true) then error("the load met errors:\n" .. found.out, 0) end
  return found.rate, found.p99_us / 1000
end

-- Rounds of one kind, with the figures of each.
local function rounds_of(kind, pace, policy)
  return { kind = kind, pace = pace, policy = policy, rate = {}, p99 = {}, median_ms = {}, slow_ms = {}, count = 0 }
end

local function run_round(rounds, child, admin_port)
  local stop = subjects.folder .. "/reloads-stop"
  os.remove(stop)
  local script = process.write(subjects.folder .. "/reloader.lua", RELOADER)
  local reloader = subjects.start(0, { "lua5.4", script, tostring(admin_port), rounds.policy, stop,
    tostring(rounds.pace), rounds.kind })
  local number = #rounds.rate + 1
  rounds.rate[number], rounds.p99[number] = load(child)
  process.write(stop, "")
  if reloader:wait(60) ~= 0 then error(reloader:log(), 0) end
  local count, median_ms, slow_ms = process.contents(reloader.out_path):match("(%d+)%s+(%S+)%s+(%S+)")
  rounds.count = rounds.count + tonumber(count)
  rounds.median_ms[number], rounds.slow_ms[number] = tonumber(median_ms), tonumber(slow_ms)
end

local function least_of(list)
  return math.min(table.unpack(list))
end

local function print_rounds(plain, busy, hurried)
  local median = subjects.median
  local rate, p99 = median(plain.rate), median(plain.p99)
  subjects.row("median of rounds", "without", ("%d/s"):format(PACE), "as fast as can be")
  local function line(title, format, key)
    subjects.row(title, format:format(median(plain[key])), format:format(median(busy[key])),
      format:format(median(hurried[key])))
  end
  line("requests a second, 64 connections", "%.0f", "rate")
  subjects.row("  against those without", "", ("%.2f"):format(median(busy.rate) / rate),
    ("%.2f"):format(median(hurried.rate) / rate))
  line("99th percentile, ms", "%.2f", "p99")
  subjects.row("  against that without", "", ("%.2f"):format(median(busy.p99) / p99),
    ("%.2f"):format(median(hurried.p99) / p99))
  -- Other programs on the machine can only add to it, so the best round shows the gateway's own figure best.
  local least, paced, hasty = least_of(plain.p99), least_of(busy.p99), least_of(hurried.p99)
  subjects.row("  least of rounds", ("%.2f"):format(least), ("%.2f"):format(paced), ("%.2f"):format(hasty))
  subjects.row("  against that without", "", ("%.2f"):format(paced / least), ("%.2f"):format(hasty / least))
  line("asking admin, median ms", "%.1f", "median_ms")
  line("  99th percentile, ms", "%.1f", "slow_ms")
end

-- In memory, since a disk with two hundred writes a second would affect the figures.
local function folder_in_memory()
  local listing = assert(io.popen("mktemp -d -p /dev/shm 2>/dev/null || mktemp -d"))
  local path = assert(listing:read("l"))
  listing:close()
  return path
end

-- `target` is the upstream.
function reloads.print(target)
  local root = folder_in_memory()
  local folder, aside = root .. "/watched", root .. "/aside"
  os.execute(("mkdir %s %s"):format(folder, aside))
  local policy = process.write(folder .. "/policy.lua", process.contents("policies/weighted.lua"))
  local child = subjects.gateway(1, "reloads", target, ("policy = %q,"):format(policy))
  local admin_port = tonumber(child:wait_for_log("surface=admin[^\n]-:(%d+)"))
  local plain = rounds_of("ask", PACE, aside .. "/policy.lua")
  local busy, hurried = rounds_of("reload", PACE, policy), rounds_of("reload", 0, policy)
  load(child)
  local before
  repeat
    run_round(plain, child, admin_port)
    run_round(busy, child, admin_port)
    before = before or child:resident_kb()
  until busy.count >= WANTED or #busy.rate == 2 * WANTED / PACE / SECONDS
  local after = child:resident_kb()
  for _ = 1, 2 do run_round(hurried, child, admin_port) end
  print()
  print(("  %d reloads under load in %d rounds of %d s, then %.0f/s in %d more; no request failed"):format(busy.count,
    #busy.rate, SECONDS, hurried.count / #hurried.rate / SECONDS, #hurried.rate))
  print_rounds(plain, busy, hurried)
  print(("  resident: %.1f MB after the first round, %.1f MB after the last at that pace"):format(before / 1024,
    after / 1024))
  process.remove(root)
end

return reloads
