-- SPDX-License-Identifier: Apache-2.0
-- `make stalls`: nobody holds up everybody. Each row is something hostile that clients, upstreams, policies or the
-- operator's own files can do; while it runs, a probe asks the same worker for /health. SPEC=bodies runs one file,
-- SIGNALBOX_VERBOSE=1 prints every row.
package.path = "./?.lua;" .. package.path
local measure = require "spec.stalls.measure"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"

local FILES = { "policies", "heads", "frames", "handshakes", "bodies", "upstreams", "operator" }
local BOUND_MS = 50
local WORST = 5

local is_verbose = os.getenv("SIGNALBOX_VERBOSE") == "1"
local only = os.getenv("SPEC") or ""
local passed, failed, found_waits = 0, 0, {}

local function show(row, found, is_right)
  print(("  %-6s %-58s %8.1f ms %8.1f ms on the wall"):format(is_right and "ok" or "FAILED", row.name, found.wait_ms,
    found.wall_ms))
  if found.problem then print("         " .. found.problem) end
end

local function run_row(probe, row)
  local found = measure.row(probe, row)
  local is_right = not found.problem and found.wait_ms <= row.bound_ms
  passed, failed = passed + (is_right and 1 or 0), failed + (is_right and 0 or 1)
  found.row = row
  found_waits[#found_waits + 1] = found
  if is_verbose or not is_right then show(row, found, is_right) end
  if found.lost > 0 then error("the gateway doesn't respond any more", 0) end
end

-- A group is { title, bound_ms, open }; open(scene) starts the gateway, and returns it with the rows.
local function run_group(group)
  local scene = signalbox.scene()
  local started = socket.gettime()
  local before = passed + failed
  local ok, problem = pcall(function()
    local gateway, rows = group.open(scene)
    local probe = measure.probe(scene, gateway, group.is_tls)
    local calm = measure.row(probe, { bound_ms = BOUND_MS, attack = function() socket.sleep(0.3) end })
    for _, row in ipairs(rows) do
      row.bound_ms = row.bound_ms or group.bound_ms or BOUND_MS
      run_row(probe, row)
    end
    probe:close()
    print(("%-52s %3d rows, %5.1f s; calm %4.1f ms"):format(group.title, passed + failed - before,
      socket.gettime() - started, calm.wait_ms))
  end)
  local is_closed, end_problem = pcall(scene.close, scene)
  for _, text in ipairs { ok and "" or tostring(problem), is_closed and "" or tostring(end_problem) } do
    if text ~= "" then
      failed = failed + 1
      print(("  FAILED %s: %s"):format(group.title, text))
    end
  end
end

local function show_worst()
  table.sort(found_waits, function(one, other) return one.wait_ms > other.wait_ms end)
  print("The longest waits:")
  for index = 1, math.min(WORST, #found_waits) do
    local found = found_waits[index]
    print(("  %8.1f ms of %2d  %s"):format(found.wait_ms, found.row.bound_ms, found.row.name))
  end
end

for _, name in ipairs(only ~= "" and { only } or FILES) do
  for _, group in ipairs(require("spec.stalls." .. name)) do run_group(group) end
end
show_worst()
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
