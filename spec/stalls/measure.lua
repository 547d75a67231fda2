-- SPDX-License-Identifier: Apache-2.0
-- How long a gateway lets its clients wait while something hostile runs: a probe in a process of its own asks for
-- /health all the while (probe.c), and its longest wait is held against a bound.
local process = require "spec.support.process"
local socket = require "socket"

local measure = {}

-- Another process may have held a processor where the probe can't see it, or the machine itself may have stood still:
-- that happens once. A stall of the loop happens each time.
local RUNS = 3
local ORDER_TIMEOUT_S = 20

local build = os.getenv("BUILD") or "build/release"

local probe = {}
probe.__index = probe

-- Starts a probe of `gateway` (of one worker, which is the process's first thread).
function measure.probe(scene, gateway, is_tls)
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  local child = process.start({ build .. "/spec/stalls/probe", port, gateway.port, gateway.pid,
    is_tls and "tls" or "clear" }, { folder = scene.folder })
  listener:settimeout(ORDER_TIMEOUT_S)
  local control = assert(listener:accept())
  control:settimeout(ORDER_TIMEOUT_S)
  listener:close()
  return setmetatable({ child = child, control = control }, probe)
end

function probe:begin()
  assert(self.control:send("begin\n"))
  assert(self.control:receive("*l"))
end

-- Ends what `begin` began: the longest wait, in ms; what a clock on the wall shows; requests, and lost ones.
function probe:finish()
  assert(self.control:send("end\n"))
  local line = assert(self.control:receive("*l"))
  local wait, wall, asked, lost = line:match("(%S+) (%S+) (%d+) (%d+)")
  return { wait_ms = tonumber(wait), wall_ms = tonumber(wall), asked = tonumber(asked), lost = tonumber(lost) }
end

function probe:close()
  self.control:close()
  self.child:wait()
end

-- Measures while `attack` runs; `before` is not measured.
local function run_once(one, row)
  if row.before then row.before() end
  one:begin()
  local ok, problem = pcall(row.attack)
  local found = one:finish()
  if row.after then row.after() end
  if not ok then found.problem = tostring(problem) end
  if found.lost > 0 then found.problem = found.lost .. " of the probe's requests got no response" end
  return found
end

-- Runs `row` until its waits are within its bound, at most RUNS times. Returns the run with the shortest longest wait;
-- with `problem` if it went wrong.
function measure.row(one, row)
  local best
  for _ = 1, RUNS do
    local found = run_once(one, row)
    if not best or not found.problem and (best.problem or found.wait_ms < best.wait_ms) then best = found end
    if found.lost > 0 or not best.problem and best.wait_ms <= row.bound_ms then break end
  end
  return best
end

return measure
