-- SPDX-License-Identifier: Apache-2.0
-- Signalbox in half a minute: an emulated Bedrock with two models, the gateway in front of it, and curl as the client.
-- One model is throttled, then fails, then recovers, and at last a rule changes, while requests keep coming. Nothing
-- here is staged: every number comes from curl's responses and from the gateway's admin listener. `make demo` runs it.
local cjson = require "cjson"

local program = arg[1] or "build/signalbox"
local LITE, PRO = "us.amazon.nova-2-lite-v1:0", "us.amazon.nova-pro-v1:0"
local RECOVERY_MS = 3000
local PARALLEL = 12
local RULE = ('if request.streaming then return select.named(models, "%s") end'):format(PRO)

local started = {}   -- pids, stopped at the end
local folder, gateway, admin, emulator, policy
local is_terminal = os.execute("test -t 1") == true

local function paint(code, text)
  return is_terminal and ("\27[%sm%s\27[0m"):format(code, text) or text
end

local function say(...)
  print(("  " .. string.format(...)))
end

local function heading(text)
  print("\n" .. paint("1", text))
end

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  return text, pipe:close()
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read("a")
  file:close()
  return text
end

local function write(name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

local function pause(seconds)
  os.execute("sleep " .. seconds)
end

-- Starts the program and waits until each of `patterns` matches in its log; returns the matches.
local function start(name, words, patterns)
  local log = folder .. "/" .. name .. ".log"
  local parts = { "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=not-a-secret", "AWS_REGION=us-east-1" }
  for _, word in ipairs { program, table.unpack(words) } do parts[#parts + 1] = quoted(word) end
  local pid = output_of(("env -u AWS_BEARER_TOKEN_BEDROCK %s >/dev/null 2>%s </dev/null & echo $!"):format(
    table.concat(parts, " "), quoted(log)))
  table.insert(started, 1, pid:match("%d+"))
  for _ = 1, 100 do
    local found = {}
    for index, pattern in ipairs(patterns) do found[index] = read(log):match(pattern) end
    if #found == #patterns then return table.unpack(found) end
    pause(0.1)
  end
  error(name .. " did not start:\n" .. read(log), 0)
end

local function stop_all()
  for _, pid in ipairs(started) do os.execute(("kill %s 2>/dev/null"):format(pid)) end
  -- Waits until both have ended, so that no process outlives the demo.
  for _, pid in ipairs(started) do
    os.execute(("for i in $(seq 50); do kill -0 %s 2>/dev/null || break; sleep 0.1; done"):format(pid))
  end
  if folder then os.execute("rm -rf " .. quoted(folder)) end
end

-- Changes the model's behaviour in the emulator.
local function control(model, change)
  local text = output_of(("curl -sS -m 5 -o /dev/null -w '%%{http_code}' -d %s '%s/_emulator/models/%s'"):format(
    quoted(cjson.encode(change)), emulator, (model:gsub(":", "%%3A"))))
  assert(text == "200", "the emulator's control path responded " .. text)
end

local function admin_json(path)
  return cjson.decode((output_of(("curl -sS -m 5 '%s%s'"):format(admin, path))))
end

local function breaker()
  return admin_json("/breakers")[LITE].state
end

-- Counts one response. It is lost unless it is a whole 200; a stream also has to reach its messageStop.
local function count_response(line, tally)
  local number, status, attempts, seconds, model = line:match("^(%d+)|(%d+)|(%d*)|([%d.]+)|(.*)$")
  local body = read(("%s/body-%s"):format(folder, number))
  local is_stream = tonumber(number) % 3 == 0
  local is_good = status == "200" and body ~= "" and
    (not is_stream or (body:find("messageStop", 1, true) and not body:find("Exception", 1, true)))
  if not is_good then
    tally.lost = tally.lost + 1
    tally.problem = tally.problem or ("status %s: %s"):format(status, body:sub(1, 200))
    return
  end
  attempts = tonumber(attempts) or 1
  tally.streams = tally.streams + (is_stream and 1 or 0)
  tally.served[model] = (tally.served[model] or 0) + 1
  tally.attempts = tally.attempts + attempts
  tally.failed_over = tally.failed_over + (attempts > 1 and 1 or 0)
  tally.times[#tally.times + 1] = tonumber(seconds) * 1000
end

local function new_tally(title)
  return { title = title, sent = 0, lost = 0, streams = 0, attempts = 0, failed_over = 0, served = {}, times = {} }
end

-- Sends `count` requests with one curl, several at a time; every third is a stream. Calls `meanwhile` after curl has
-- started.
local function send(title, count, meanwhile)
  local body = write("body.json", cjson.encode { messages = { { role = "user",
    content = { { text = "What does the interlocking in a railway signal box do?" } } } },
    inferenceConfig = { maxTokens = 60 } })
  local lines = {}
  for number = 1, count do
    local operation = number % 3 == 0 and "converse-stream" or "converse"
    lines[#lines + 1] = (number > 1 and "next\n" or "") .. ([[
url = "%s/model/chat/%s"
data-binary = "@%s"
header = "Content-Type: application/json"
output = "%s/body-%d"
max-time = 30
write-out = "%d|%%{http_code}|%%header{x-signalbox-attempts}|%%{time_total}|%%header{x-signalbox-model}\n"
]]):format(gateway, operation, body, folder, number, number)
  end
  local config = write("curl.conf", table.concat(lines))
  local pipe = assert(io.popen(("curl -sS --parallel --parallel-max %d --config %s 2>/dev/null"):format(PARALLEL,
    quoted(config))))
  if meanwhile then meanwhile() end
  local text = pipe:read("a")
  pipe:close()
  local tally, responses = new_tally(title), 0
  tally.sent = count
  for line in text:gmatch("%d+|[^\n]*") do
    count_response(line, tally)
    responses = responses + 1
  end
  tally.lost = tally.lost + count - responses
  os.execute(("rm -f %s/body-*"):format(quoted(folder)))
  return tally
end

local function add_tally(tally, other)
  for _, name in ipairs { "sent", "streams", "attempts", "lost", "failed_over" } do
    tally[name] = tally[name] + other[name]
  end
  for model, count in pairs(other.served) do tally.served[model] = (tally.served[model] or 0) + count end
  table.move(other.times, 1, #other.times, #tally.times + 1, tally.times)
  tally.problem = tally.problem or other.problem
end

local function milliseconds(tally, share)
  table.sort(tally.times)
  local found = tally.times[math.max(1, math.ceil(#tally.times * share))]
  return found and ("%.0f ms"):format(found) or "-"
end

local function print_table(tallies)
  local format = "  %-22s %9s %8s %10s %9s %9s %12s %5s %8s %8s"
  print(paint("1", format:format("", "requests", "streams", "nova-lite", "nova-pro", "attempts", "failed over", "lost",
    "p50", "p95")))
  local sum = new_tally("in all")
  local function row(tally)
    return format:format(tally.title, tally.sent, tally.streams, tally.served[LITE] or 0, tally.served[PRO] or 0,
      tally.attempts, tally.failed_over, tally.lost, milliseconds(tally, 0.5), milliseconds(tally, 0.95))
  end
  for _, tally in ipairs(tallies) do
    print(row(tally))
    add_tally(sum, tally)
  end
  print(paint("1", row(sum)))
  return sum
end

local function expect(condition, ...)
  if not condition then error("not as it should be: " .. string.format(...), 0) end
end

-- Replaces the policy's file, as an editor does, and waits until the gateway has loaded or refused it.
local function save_policy(text, is_done)
  assert(os.rename(write("edited.lua", text), folder .. "/weighted.lua"))
  for _ = 1, 100 do
    local report = admin_json("/policy")
    if is_done(report) then return report end
    pause(0.02)
  end
  error("the gateway did not see its policy change", 0)
end

-- Sends one request after the other until `is_done(tally)`: only requests can show that a model has recovered.
local function trickle(title, is_done)
  local tally = new_tally(title)
  for _ = 1, 100 do
    add_tally(tally, send("", 1))
    if is_done(tally) then return tally end
    pause(0.1)
  end
  error("waited in vain for: " .. title, 0)
end

local function start_programs()
  emulator = start("emulator", { "emulate", "--scenario", "examples/scenarios/demo.lua", "--listen", "127.0.0.1:0" },
    { "127%.0%.0%.1:%d+" })
  -- The shipped policy with a shorter recovery time, so that the viewer waits seconds and not half a minute.
  local changes
  policy, changes = read("policies/weighted.lua"):gsub("\nreturn {", ("\nreturn {\n  breaker = { " ..
    "recovery_time_ms = %d },"):format(RECOVERY_MS), 1)
  expect(changes == 1, "policies/weighted.lua has no place for a breaker")
  local data_address, admin_address = start("gateway", { "serve", "--policy", write("weighted.lua", policy),
    "--endpoint", "http://" .. emulator, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0" },
    { "surface=data[^\n]*", "surface=admin[^\n]*" })
  emulator = "http://" .. emulator
  gateway = "http://" .. data_address:match("127%.0%.0%.1:%d+")
  admin = "http://" .. admin_address:match("127%.0%.0%.1:%d+")
end

local function throttle_and_recover(tallies)
  heading("2. nova-lite throttles every call")
  control(LITE, { fault = "ThrottlingException", share = 1.0 })
  local tally = send("nova-lite throttles", 120)
  tallies[#tallies + 1] = tally
  say("%d requests met the throttle and were served by nova-pro within the same call; the other %d went",
    tally.failed_over, tally.sent - tally.failed_over)
  say("straight to nova-pro while nova-lite cooled down. A throttle is no failure: its breaker is %s.", breaker())
  expect((tally.served[PRO] or 0) == tally.sent - tally.lost, "nova-pro serves everything while nova-lite throttles")

  heading("3. The throttle ends")
  control(LITE, { fault = cjson.null })
  tally = trickle("the throttle ends", function(so_far) return (so_far.served[LITE] or 0) >= 3 end)
  tallies[#tallies + 1] = tally
  say("nova-lite is back after %d requests on nova-pro, without a command or a restart.", tally.served[PRO] or 0)
end

local function fail_and_recover(tallies)
  heading("4. nova-lite fails: 503 for every call")
  control(LITE, { fault = "ServiceUnavailableException", share = 1.0 })
  local tally = send("nova-lite fails", 120)
  tallies[#tallies + 1] = tally
  local state = breaker()
  say("%d requests met a 503 and were served by nova-pro within the same call. Then the breaker was %s",
    tally.failed_over, state)
  say("and the other %d never waited for the failing model.", tally.sent - tally.failed_over)
  expect(state ~= "closed", "the breaker of a failing model opens")

  heading("5. nova-lite recovers")
  control(LITE, { fault = cjson.null })
  local seen = { state }
  tally = trickle("nova-lite recovers", function()
    local now = breaker()
    if now ~= seen[#seen] then seen[#seen + 1] = now end
    return now == "closed"
  end)
  tallies[#tallies + 1] = tally
  say("The breaker lets single probes through after %d s: %s.", RECOVERY_MS // 1000, table.concat(seen, " -> "))
  tally = send("all is well again", 60)
  tallies[#tallies + 1] = tally
  say("nova-lite served %d of the last %d requests.", tally.served[LITE] or 0, tally.sent)
end

local function change_a_rule(tallies)
  heading("6. A rule changes while requests run: streams are to go to nova-pro")
  local changed, changes = policy:gsub("function%(_, models%)", "function(request, models)\n    " .. RULE, 1)
  expect(changes == 1, "policies/weighted.lua has no place for the rule")
  local report
  local tally = send("the rule changes", 120, function()
    report = save_policy(changed, function(now) return now.version == 2 end)
  end)
  tallies[#tallies + 1] = tally
  say("One line more in the policy's file:  %s", RULE)
  say("Version %d of the policy has run since it was saved; no restart, and %d of %d requests lost.", report.version,
    tally.lost, tally.sent)
  tally = send("under the new rule", 60)
  tallies[#tallies + 1] = tally
  say("Of the next %d requests, the %d streams went to nova-pro, the other %d to nova-lite.", tally.sent,
    tally.served[PRO] or 0, tally.served[LITE] or 0)
  expect(tally.lost > 0 or tally.served[PRO] == tally.streams, "streams go to nova-pro, and nothing else does")

  report = save_policy((changed:gsub("weight = ", "wieght = ", 1)), function(now) return #now.errors > 0 end)
  local mistake = report.errors[1]
  say("A typing mistake is refused, and version %d goes on:  %s: expected %s", report.version, mistake.field,
    mistake.expected)
end

local function print_summary(tallies)
  heading("What happened, as curl saw it")
  local sum = print_table(tallies)
  local lite = admin_json("/stats").models[LITE]
  print()
  say("The gateway's own count for nova-lite: %d served, %d throttled, %d failed.", lite.success, lite.rate_limit,
    lite.fail_fast)
  say("%d attempts for %d requests, %d of them failed over, and %s.", sum.attempts, sum.sent, sum.failed_over,
    sum.lost == 0 and paint("1;32", "not one was lost") or paint("1;31", sum.lost .. " were lost"))
  expect(sum.lost == 0, "no request is lost; the first one: %s", sum.problem)
  heading("Point your own SDK at it (build/signalbox serve, then)")
  say('boto3       boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url="http://127.0.0.1:8080")')
  say('JavaScript  new BedrockRuntimeClient({ region: "us-east-1", endpoint: "http://127.0.0.1:8080" })')
  say('curl        curl 127.0.0.1:8080/model/chat/converse -H "content-type: application/json" ' ..
    [[-d '{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}']])
end

local function run()
  folder = output_of("mktemp -d"):match("[^\n]+")
  heading("Signalbox: two models behind one address")
  start_programs()
  say("emulator  %s   an emulated Bedrock with both models", emulator)
  say("gateway   %s   policies/weighted.lua: nova-lite, and nova-pro as its fallback", gateway)
  say("client    curl, %d requests at a time, every third one a stream", PARALLEL)

  local tallies = {}
  heading("1. All is well")
  tallies[1] = send("all is well", 120)
  say("%d requests, %d of them served by the primary.", tallies[1].sent, tallies[1].served[LITE] or 0)
  throttle_and_recover(tallies)
  fail_and_recover(tallies)
  change_a_rule(tallies)
  print_summary(tallies)
end

local ok, problem = pcall(run)
stop_all()
if not ok then
  io.stderr:write("\nThe demo failed: ", tostring(problem), "\n")
  os.exit(1)
end
