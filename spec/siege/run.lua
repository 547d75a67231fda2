-- SPDX-License-Identifier: Apache-2.0
-- `make siege`: for SECONDS (60 by default), attackers of all kinds besiege a gateway of one worker, while good clients
-- send 500 requests a second over TLS. None of these may fail, 99 of 100 may take at most three times as long as
-- without the attack, and memory stays flat. Attackers keep to rates, so that the figures speak of the gateway and not
-- of who gets the machine's processors. SEED picks another sequence.
package.path = "./?.lua;" .. package.path
local attacks = require "spec.siege.attacks"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"
local http = require "spec.support.http"

local SECONDS = tonumber(os.getenv("SECONDS") or "60")
local SEED = tonumber(os.getenv("SEED") or os.time())
local RATE = 500
local CALM_S = math.min(20, SECONDS)
local SLOWER_MAX = 3
local WARM_UP = 0.3 -- of the time, until memory is as large as it gets
local GROWTH_KB = 32768 -- a body of the greatest size more or less

local build = os.getenv("BUILD") or "build/release"
local passed, failed = 0, 0

local function check(title, is_right, detail)
  passed, failed = passed + (is_right and 1 or 0), failed + (is_right and 0 or 1)
  print(("  %s %s: %s"):format(is_right and "ok    " or "FAILED", title, detail))
end

-- Under sanitizers speed and memory mean nothing.
local function check_figure(title, is_right, detail)
  if signalbox.is_sanitized then return print(("         %s: not held here; %s"):format(title, detail)) end
  check(title, is_right, detail)
end

-- Starts the good clients for so many seconds.
local function start_good_clients(siege, seconds)
  local path = siege.scene:write("good", http.format(signalbox.call("good", "converse")))
  return process.start({ build .. "/spec/siege/steady", siege.gateway.port, siege.gateway.pid, siege.emulator.pid,
    seconds, RATE, path }, { folder = siege.scene.folder })
end

local function figures_of(child)
  child:wait(60)
  local names, found = { "sent", "failed", "p50", "p99", "longest", "wall_p99" }, {}
  local numbers = process.contents(child.out_path):gmatch("%S+")
  for _, name in ipairs(names) do found[name] = assert(tonumber(numbers()), "no figures of the good clients") end
  return found
end

local function show(title, found)
  print(("  %-10s %7d sent, %d failed; p50 %.2f ms, p99 %.2f ms (%.2f on the wall), longest %.1f ms"):format(title,
    found.sent, found.failed, found.p50, found.p99, found.wall_p99, found.longest))
end

local function calm(siege)
  local found = figures_of(start_good_clients(siege, CALM_S))
  show("calm", found)
  return found
end

-- Attacks until the good clients have sent all. Returns their figures, and samples of the gateway's memory.
local function besiege(siege)
  local good = start_good_clients(siege, SECONDS)
  local started, samples, shown = socket.gettime(), {}, 0
  while not good:status() do
    attacks.step(siege)
    local elapsed = socket.gettime() - started
    if elapsed - (#samples > 0 and samples[#samples].at or -1) >= 1 then
      samples[#samples + 1] = { at = elapsed, kb = siege.gateway:resident_kb() }
    end
    if elapsed - shown >= SECONDS / 10 then
      shown = elapsed
      print(("  %7d s: %.0f MB"):format(elapsed // 1, siege.gateway:resident_kb() / 1024))
    end
    socket.sleep(0.02)
  end
  local found = figures_of(good)
  show("besieged", found)
  if found.failed > 0 then print(good:log():sub(1, 2000)) end
  return found, samples
end

local function most_kb(samples, from, to)
  local most = 0
  for _, sample in ipairs(samples) do
    if sample.at >= from * SECONDS and sample.at < to * SECONDS then most = math.max(most, sample.kb) end
  end
  return most
end

local function check_memory(samples)
  local early, late = most_kb(samples, 0, 0.5 + WARM_UP / 2), most_kb(samples, 0.5 + WARM_UP / 2, 2)
  check_figure("memory is flat", late <= early + GROWTH_KB,
    ("at most %.0f MB in the first two thirds, %.0f MB in the last"):format(early / 1024, late / 1024))
end

math.randomseed(SEED)
print(("Siege of %d seconds, SEED=%d"):format(SECONDS, SEED))
local scene = signalbox.scene()
local ok, problem = pcall(function()
  local siege = attacks.open(scene)
  local before = calm(siege)
  local found, samples = besiege(siege)
  attacks.close(siege)
  for _, line in ipairs(attacks.counts(siege)) do print("  " .. line) end
  check("no good request failed", before.failed + found.failed == 0, found.failed .. " of " .. found.sent)
  check_figure("p99 is at most three times that without the attack", found.p99 <= SLOWER_MAX * before.p99,
    ("%.1f times"):format(found.p99 / before.p99))
  check_memory(samples)
end)
if not ok then check("the siege ran to its end", false, tostring(problem)) end
ok, problem = pcall(scene.close, scene)
check("every program ended with status 0", ok, ok and "gateway, emulator and upstreams" or tostring(problem))
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
