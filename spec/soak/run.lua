-- SPDX-License-Identifier: Apache-2.0
-- The soak: for SECONDS (60 by default), clients of every operation send what they can while models go wrong at random,
-- change what goes wrong every moment, some clients leave before their answer has ended, and the policy is reloaded now
-- and then. At the end every request has to be accounted for, every descriptor back, and memory as it was. SEED picks
-- another course of events.
package.path = "./?.lua;" .. package.path
local cjson = require "cjson"
local curl = require "spec.support.curl"
local faults = require "spec.support.faults"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"

local SECONDS = tonumber(os.getenv("SECONDS") or "60")
local SEED = tonumber(os.getenv("SEED") or os.time())
local CONNECTIONS, BATCH, HTTP2_BATCH = 24, 240, 40
local RELOAD_EVERY = 5 -- batches
local WARM_UP = 0.1 -- of the time; what is resident by then is not looked at
local LEAVING = 0.05 -- of the streams
local TOLERANCE = 0.02
local LOG_KEPT = 64 << 20
local NOISE_KB = 256 -- of a small process that is a share already, and no leak

local NOVA, CLAUDE, THIRD = signalbox.NOVA, "us.amazon.nova-pro-v1:0", "us.amazon.nova-premier-v1:0"
local FAULTS = { "ThrottlingException", "ModelNotReadyException", "ServiceUnavailableException",
  "InternalServerException", "ModelErrorException", "ModelTimeoutException", "ValidationException",
  "AccessDeniedException", "hang", "reset", "truncate", "corrupt", "stall", "silent_end", "close_early", "garbage",
  "html", "lying_length", { exception = "ThrottlingException", after = 0 },
  { exception = "ModelStreamErrorException", after = 1 }, { exception = "InternalServerException", after = 5 } }
local BODIES = {
  ["count-tokens"] = '{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}}}',
}

local soak = { sent = 0, answered = 0, left = 0, lost = 0, statuses = {}, samples = {}, passed = 0, failed = 0,
  log_offset = 0, log_freed = 0, lines = 0, attempts = 0 }

local function policy()
  return { timeout_ms = 1000, ttft_ms = 500, stream_idle_ms = 1000, breaker = { recovery_time_ms = 1000 }, models = {
    { id = NOVA, family = "nova" }, { id = CLAUDE, family = "nova" }, { id = THIRD, family = "nova", fallback = true },
  } }
end

-- Counts what the gateway's log got since the last time, and gives the disk back what was counted: an hour's lines are
-- no file to keep.
local function read_log()
  local file = assert(io.open(soak.gateway.log_path, "rb"))
  file:seek("set", soak.log_offset)
  for line in file:lines("L") do
    if line:sub(-1) ~= "\n" then break end
    soak.log_offset = soak.log_offset + #line
    if line:find('"message":"request"', 1, true) then
      soak.lines = soak.lines + 1
      soak.attempts = soak.attempts + tonumber(line:match('"attempts":(%d+)'))
    end
  end
  file:close()
  if soak.log_offset - soak.log_freed > LOG_KEPT then
    soak.log_freed = soak.log_offset
    os.execute(("fallocate --punch-hole --length %d %s 2>/dev/null"):format(soak.log_freed, soak.gateway.log_path))
  end
end

local function start()
  soak.scene = signalbox.scene()
  soak.emulator = soak.scene:emulator({ seed = SEED, traffic = { output_tokens = { 20, 200 } },
    models = { ["*"] = signalbox.PROMPT } })
  soak.gateway = soak.scene:gateway(soak.emulator, { policy = policy(),
    settings = { timeouts = { client_idle_ms = 2000, pool_idle_ms = 2000 } } })
end

local function change_faults()
  for _, model in ipairs { NOVA, CLAUDE } do
    local fault = FAULTS[math.random(#FAULTS)]
    soak.emulator.control(model, { fault = fault, share = math.random() * 0.4 })
  end
  soak.emulator.control(THIRD, math.random() < 0.2 and { fault = FAULTS[math.random(#FAULTS)], share = 0.2 }
    or { fault = cjson.null })
end

local function make_request()
  local operation = faults.OPERATIONS[math.random(#faults.OPERATIONS)]
  local asked = math.random() < 0.5 and NOVA or CLAUDE
  local request = signalbox.call(asked, operation, BODIES[operation])
  request.leaves = faults.STREAMS[operation] and math.random() < LEAVING
  soak.sent = soak.sent + 1
  return request
end

local function take(_, response, problem)
  local is_whole = response and (response.left or response.complete)
  if not is_whole then
    soak.lost = soak.lost + 1
    io.stderr:write("lost: ", tostring(response and response.status or problem), "\n")
    return
  end
  soak.statuses[response.status] = (soak.statuses[response.status] or 0) + 1
  if response.left then soak.left = soak.left + 1 else soak.answered = soak.answered + 1 end
end

local function send_batch()
  http.load(soak.gateway.port, { count = BATCH, connections = CONNECTIONS, make = make_request, on_response = take })
  local requests = {}
  for index = 1, HTTP2_BATCH do
    requests[index] = make_request()
    requests[index].leaves = nil
  end
  local transport = { version = "http2", scheme = "http", port = soak.gateway.port }
  for index, response in ipairs(curl.load(transport, requests, CONNECTIONS)) do take(index, response) end
end

local function row(...)
  print(("  %8s %10s %10s %8s %6s %12s %12s"):format(...))
end

local function show(elapsed)
  row(("%d s"):format(elapsed // 1), soak.sent, soak.answered, soak.left, soak.lost,
    ("%.1f MB"):format(soak.gateway:resident_kb() / 1024), soak.gateway:descriptors())
end

local function run()
  local started, shown = socket.gettime(), 0
  soak.descriptors = soak.gateway:descriptors()
  row("elapsed", "sent", "answered", "left", "lost", "resident", "descriptors")
  while socket.gettime() - started < SECONDS do
    change_faults()
    send_batch()
    if #soak.samples % RELOAD_EVERY == 0 then assert(soak.gateway.admin("/reload", "POST") == 200, "no reload") end
    local elapsed = socket.gettime() - started
    read_log()
    soak.samples[#soak.samples + 1] = { at = elapsed / SECONDS, kb = soak.gateway:resident_kb() }
    if elapsed - shown >= SECONDS / 12 then
      shown = elapsed
      show(elapsed)
    end
  end
end

local function check(title, is_right, detail)
  soak[is_right and "passed" or "failed"] = soak[is_right and "passed" or "failed"] + 1
  print(("  %s %s: %s"):format(is_right and "ok    " or "FAILED", title, detail))
end

-- The median of what was resident in a part of the time.
local function median_kb(from, to)
  local list = {}
  for _, sample in ipairs(soak.samples) do
    if sample.at >= from and sample.at <= to then list[#list + 1] = sample.kb end
  end
  table.sort(list)
  return list[(#list + 1) // 2]
end

local function check_memory()
  local early, late = median_kb(WARM_UP, 1 / 3), median_kb(0.9, 2)
  if not early or not late then return check("memory is flat", false, "too few samples; try more SECONDS") end
  local change = late / early - 1
  local is_flat = signalbox.is_sanitized or late <= early * (1 + TOLERANCE) or late - early <= NOISE_KB
  check("memory is flat", is_flat, ("%d KB in the first third, %d KB at the end, %+.1f %%"):format(early, late,
    change * 100))
end

local function check_descriptors()
  local came_back = pcall(process.wait_for, "the descriptors", function()
    return soak.gateway:descriptors() <= soak.descriptors
  end)
  check("no descriptor is lost", came_back, ("%d before, %d after"):format(soak.descriptors,
    soak.gateway:descriptors()))
end

local function counted_attempts()
  local _, stats = soak.gateway.admin("/stats")
  local total = stats.total
  return total.success + total.rate_limit + total.fail_fast + total.refusal + total.cancelled, total
end

local function check_accounts()
  local counted, total = counted_attempts()
  soak.scene:stop(soak.gateway)
  read_log()
  check("every request was answered or given up by its client", soak.sent == soak.answered + soak.left,
    ("%d sent, %d answered, %d left, %d lost"):format(soak.sent, soak.answered, soak.left, soak.lost))
  check("every request has its line in the access log", soak.lines == soak.sent,
    ("%d lines"):format(soak.lines))
  check("every attempt of those lines is counted in /stats", soak.attempts == counted,
    ("%d in the log; %d success, %d rate_limit, %d fail_fast, %d refusal, %d cancelled"):format(soak.attempts,
      total.success, total.rate_limit, total.fail_fast, total.refusal, total.cancelled))
end

local function show_statuses()
  local parts = {}
  for status, count in pairs(soak.statuses) do parts[#parts + 1] = ("%d: %d"):format(status, count) end
  table.sort(parts)
  print("  statuses: " .. table.concat(parts, ", "))
end

math.randomseed(SEED)
print(("Soak of %d seconds, SEED=%d"):format(SECONDS, SEED))
local ok, problem = pcall(function()
  start()
  run()
  show_statuses()
  check_memory()
  check_descriptors()
  check_accounts()
end)
if not ok then check("the soak ran to its end", false, tostring(problem)) end
if soak.scene then
  ok, problem = pcall(soak.scene.close, soak.scene)
  check("every program ended with status 0", ok, ok and "gateway and emulator" or tostring(problem))
end
print(("%d passed, %d failed"):format(soak.passed, soak.failed))
os.exit(soak.failed == 0)
