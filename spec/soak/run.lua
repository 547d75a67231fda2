-- SPDX-License-Identifier: Apache-2.0
-- The soak: for SECONDS (60 by default), clients send requests of every operation over every transport, while models
-- fail at random and their faults keep changing, some clients leave before their response has ended, and the policy is
-- reloaded now and then. Two gateways run side by side: one in clear on both sides, and one of two workers with TLS on
-- both. At the end every request has to be accounted for, every descriptor closed, and memory as it was. SEED picks
-- another sequence of events.
package.path = "./?.lua;" .. package.path
local cjson = require "cjson"
local curl = require "spec.support.curl"
local faults = require "spec.support.faults"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"
local transports = require "spec.support.transports"

local SECONDS = tonumber(os.getenv("SECONDS") or "60")
local SEED = tonumber(os.getenv("SEED") or os.time())
local CONNECTIONS, BATCH, CURL_BATCH = 24, 240, 80
local RELOAD_EVERY = 5 -- batches
local WARM_UP = 0.1 -- of the time, during which resident memory is ignored
local LEAVING = 0.05 -- of the streams
local TOLERANCE = 0.02
local LOG_KEPT = 64 << 20
-- Idle upstream connections time out now and then; a busy machine may make clients slow.
local TIMEOUTS = { header_ms = 60000, client_idle_ms = 10000, pool_idle_ms = 2000 }
-- Streams take long enough for clients to leave within them.
local MODEL = { ttft_ms = { p50 = 1, p99 = 2 }, tokens_per_second = { p50 = 20000, p99 = 10000 } }
local NOISE_KB = 256 -- more than TOLERANCE of a small process, and no leak
local TERMINATED = 128 + 15 -- the shell's exit status after SIGTERM

local NOVA, CLAUDE, THIRD = signalbox.NOVA, "us.amazon.nova-pro-v1:0", "us.amazon.nova-premier-v1:0"
local FAULTS = { "ThrottlingException", "ModelNotReadyException", "ServiceUnavailableException",
  "InternalServerException", "ModelErrorException", "ModelTimeoutException", "ValidationException",
  "AccessDeniedException", "hang", "reset", "truncate", "corrupt", "stall", "silent_end", "close_early", "garbage",
  "html", "lying_length", { exception = "ThrottlingException", after = 0 },
  { exception = "ModelStreamErrorException", after = 1 }, { exception = "InternalServerException", after = 5 } }
local BODIES = {
  ["count-tokens"] = '{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}}}',
}

-- The two sides, each with its own gateway, upstream and counts.
local SIDES = {
  { title = "clear", transports = { transports.list[1], transports.list[2] } },
  { title = "TLS", is_tls = true, transports = { transports.list[3], transports.list[4] } },
}

local scene
local checks = { passed = 0, failed = 0 }

local function policy()
  return { timeout_ms = 1000, ttft_ms = 500, stream_idle_ms = 1000, breaker = { recovery_time_ms = 1000 }, models = {
    { id = NOVA, family = "nova" }, { id = CLAUDE, family = "nova" }, { id = THIRD, family = "nova", fallback = true },
  } }
end

local function start(side)
  local tls = side.is_tls and transports.certificate(scene.folder)
  side.emulator = scene:emulator({ seed = SEED, traffic = { output_tokens = { 20, 200 } },
    models = { ["*"] = MODEL } }, nil, { tls = tls })
  side.gateway = scene:gateway(side.emulator, { policy = policy(),
    settings = { tls = tls, workers = tls and 2, timeouts = TIMEOUTS },
    environment = { SSL_CERT_FILE = tls and tls.cert } })
  side.sent, side.answered, side.left, side.lost, side.statuses, side.samples = 0, 0, 0, 0, {}, {}
  side.log_offset, side.log_freed, side.lines, side.attempts = 0, 0, 0, 0
  side.descriptors = side.gateway:descriptors()
end

-- Counts the new lines of the gateway's log, and frees the disk space of counted ones: the log of an hour is large.
local function read_log(side)
  local path = side.gateway.log_path
  local file = assert(io.open(path, "rb"))
  file:seek("set", side.log_offset)
  for line in file:lines("L") do
    if line:sub(-1) ~= "\n" then break end
    side.log_offset = side.log_offset + #line
    if line:find('"message":"request"', 1, true) then
      side.lines = side.lines + 1
      side.attempts = side.attempts + tonumber(line:match('"attempts":(%d+)'))
    end
  end
  file:close()
  if side.log_offset - side.log_freed > LOG_KEPT then
    side.log_freed = side.log_offset
    os.execute(("fallocate --punch-hole --length %d %s 2>/dev/null"):format(side.log_freed, path))
  end
end

local function change_faults(side)
  for _, model in ipairs { NOVA, CLAUDE } do
    local fault = FAULTS[math.random(#FAULTS)]
    side.emulator.control(model, { fault = fault, share = math.random() * 0.4 })
  end
  side.emulator.control(THIRD, math.random() < 0.2 and { fault = FAULTS[math.random(#FAULTS)], share = 0.2 }
    or { fault = cjson.null })
end

local function make_request(side)
  local operation = faults.OPERATIONS[math.random(#faults.OPERATIONS)]
  side.sent = side.sent + 1
  local request = signalbox.call(math.random() < 0.5 and NOVA or CLAUDE, operation, BODIES[operation])
  request.leaves = faults.STREAMS[operation] and math.random() < LEAVING
  return request
end

local function count_response(side, response, problem)
  local is_whole = response and (response.left or response.complete)
  if not is_whole then
    side.lost = side.lost + 1
    io.stderr:write(("lost over %s: status %s, %s\n"):format(side.title, response and response.status, problem))
    return
  end
  side.statuses[response.status] = (side.statuses[response.status] or 0) + 1
  if response.left then side.left = side.left + 1 else side.answered = side.answered + 1 end
end

-- Starts one curl, and stops it when the head of its response has come, unless the response has ended by then.
local function send_and_leave(side, way, request)
  local folder = process.folder()
  local child = curl.start(way, request, folder)
  local status = process.wait_for("the head of a response", function()
    return curl.head_status(folder) or child:status() and "none"
  end)
  child:signal("TERM")
  local exit_code = child:wait()
  process.remove(folder)
  count_response(side, { status = status, left = exit_code == TERMINATED, complete = exit_code == 0 })
end

local function send_by_curl(side, transport)
  local way, requests = transports.open(transport, scene, side.gateway), {}
  for _ = 1, CURL_BATCH do
    local request = make_request(side)
    if request.leaves then send_and_leave(side, way, request) else requests[#requests + 1] = request end
  end
  for _, response in ipairs(curl.load(way, requests, CONNECTIONS)) do
    response.complete = response.complete and response.version == curl.spoken(way)
    count_response(side, response, ("curl's exit code %d"):format(response.exit_code))
  end
end

-- Over HTTP/1.1 in clear, support/http.lua sends the requests.
local function send_batch(side)
  for _, transport in ipairs(side.transports) do
    if transport.version == "http1" then
      http.load(side.gateway.port, { count = BATCH, connections = CONNECTIONS,
        make = function() return make_request(side) end,
        on_response = function(_, response, problem) count_response(side, response, problem) end })
    else
      send_by_curl(side, transport)
    end
  end
end

local function row(...)
  print(("  %8s %6s %10s %10s %8s %6s %12s %12s"):format(...))
end

local function show(side, elapsed)
  row(("%d s"):format(elapsed // 1), side.title, side.sent, side.answered, side.left, side.lost,
    ("%.1f MB"):format(side.gateway:resident_kb() / 1024), side.gateway:descriptors())
end

local function run_round(side, elapsed)
  change_faults(side)
  send_batch(side)
  if #side.samples % RELOAD_EVERY == 0 then assert(side.gateway.admin("/reload", "POST") == 200, "no reload") end
  read_log(side)
  side.samples[#side.samples + 1] = { at = elapsed / SECONDS, kb = side.gateway:resident_kb() }
end

local function run()
  local started, shown, elapsed = socket.gettime(), 0, 0
  row("elapsed", "over", "sent", "answered", "left", "lost", "resident", "descriptors")
  while elapsed < SECONDS do
    for _, side in ipairs(SIDES) do run_round(side, elapsed) end
    elapsed = socket.gettime() - started
    if elapsed - shown >= SECONDS / 12 then
      shown = elapsed
      for _, side in ipairs(SIDES) do show(side, elapsed) end
    end
  end
end

local function check(title, is_right, detail)
  checks[is_right and "passed" or "failed"] = checks[is_right and "passed" or "failed"] + 1
  print(("  %s %s: %s"):format(is_right and "ok    " or "FAILED", title, detail))
end

-- The median of resident memory in a part of the time.
local function median_kb(side, from, to)
  local list = {}
  for _, sample in ipairs(side.samples) do
    if sample.at >= from and sample.at <= to then list[#list + 1] = sample.kb end
  end
  table.sort(list)
  return list[(#list + 1) // 2]
end

local function check_memory(side)
  local early, late = median_kb(side, WARM_UP, 1 / 3), median_kb(side, 0.9, 2)
  if not early or not late then return check("memory is flat", false, "too few samples; try more SECONDS") end
  local change = late / early - 1
  local is_flat = signalbox.is_sanitized or late <= early * (1 + TOLERANCE) or late - early <= NOISE_KB
  check("memory is flat", is_flat, ("%d KB in the first third, %d KB at the end, %+.1f %%"):format(early, late,
    change * 100))
end

local function check_descriptors(side)
  local came_back = pcall(process.wait_for, "the descriptors", function()
    return side.gateway:descriptors() <= side.descriptors
  end, 6 * TIMEOUTS.client_idle_ms / 1000)
  check("no descriptor is lost", came_back, ("%d before, %d after"):format(side.descriptors,
    side.gateway:descriptors()))
end

local function counted_attempts(side)
  local _, stats = side.gateway.admin("/stats")
  local total = stats.total
  return total.success + total.rate_limit + total.fail_fast + total.refusal + total.cancelled, total
end

local function check_accounts(side)
  local counted, total = counted_attempts(side)
  scene:stop(side.gateway)
  read_log(side)
  check("every request got a response or its client left", side.sent == side.answered + side.left,
    ("%d sent, %d answered, %d left, %d lost"):format(side.sent, side.answered, side.left, side.lost))
  check("every request has its line in the access log", side.lines == side.sent,
    ("%d lines"):format(side.lines))
  check("every attempt of those lines is counted in /stats", side.attempts == counted,
    ("%d in the log; %d success, %d rate_limit, %d fail_fast, %d refusal, %d cancelled"):format(side.attempts,
      total.success, total.rate_limit, total.fail_fast, total.refusal, total.cancelled))
end

local function show_statuses(side)
  local parts = {}
  for status, count in pairs(side.statuses) do parts[#parts + 1] = ("%s: %d"):format(status, count) end
  table.sort(parts)
  print(("Over %s; statuses: %s"):format(side.title, table.concat(parts, ", ")))
end

math.randomseed(SEED)
print(("Soak of %d seconds, SEED=%d"):format(SECONDS, SEED))
scene = signalbox.scene()
local ok, problem = pcall(function()
  for _, side in ipairs(SIDES) do start(side) end
  run()
  for _, side in ipairs(SIDES) do
    show_statuses(side)
    check_memory(side)
    check_descriptors(side)
    check_accounts(side)
  end
end)
if not ok then check("the soak ran to its end", false, tostring(problem)) end
ok, problem = pcall(scene.close, scene)
check("every program ended with status 0", ok, ok and "gateways and emulators" or tostring(problem))
print(("%d passed, %d failed"):format(checks.passed, checks.failed))
os.exit(checks.failed == 0)
