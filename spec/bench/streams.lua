-- SPDX-License-Identifier: Apache-2.0
-- Streams through the gateway and through nginx with proxy_buffering off: frames a second, with an upstream that sends
-- them all at once; then many streams at the pace of models over few HTTP/2 connections, with the CPU time of a frame
-- and the memory of a stream. STREAMS is the number at once, 1000 by default. Last the JavaScript SDK, to a TLS
-- endpoint near by and far off, directly and through the gateway.
local eventstream = require "spec.support.eventstream"
local http = require "spec.support.http"
local process = require "spec.support.process"
local subjects = require "spec.bench.subjects"

local streams = {}

local COUNT = tonumber(os.getenv("STREAMS") or "") or 1000
local FRAMES = 500 -- of the stream that the upstream sends at once
local SECONDS, ROUNDS = 2, 3
-- Frames a second of a model's stream: fewer if there are more streams than one core could emulate.
local PACE = math.max(1, math.min(20, 20000 // COUNT))
local LENGTH = 3 * PACE
local PACED_SECONDS = COUNT > 2000 and 20 or 6
local A_CONNECTION = 100 -- streams; nginx allows 128, the gateway 256
local DISTANCE_MS = 20 -- there and back, as between a client and a region near by
local SPARE_DESCRIPTORS = 200 -- beside one for each stream's upstream and one for each connection
local PATH = "/model/chat/converse-stream"
local BODY = '{"messages":[{"role":"user","content":[{"text":"What is an interlocking?"}]}]}'
local UNBUFFERED = "proxy_buffering off;"
local ROOMY = "limits = { connections = 50000, memory_bytes = 4294967296 },"

local row, number = subjects.row, subjects.number

-- Bytes of a whole stream of FRAMES frames.
local function canned_stream()
  local events = eventstream.conversation("ten or so words of text, as a model's delta has")
  local delta = table.remove(events, 2)
  for _ = 1, FRAMES - #events do table.insert(events, 2, delta) end
  return table.concat(events)
end

-- Starts an nginx that responds to every request with the stream. Static files refuse POST, so the stream is its error
-- page.
local function canned_upstream(bytes)
  process.write(subjects.folder .. "/stream", bytes)
  return subjects.nginx(0, "canned", ([[
    server { listen 127.0.0.1:@PORT@ backlog=8192; root %s;
      location / { error_page 405 =200 /stream; return 405; }
      location = /stream { default_type application/vnd.amazon.eventstream; } }]]):format(subjects.folder))
end

local function print_throughput()
  local bytes = canned_stream()
  local upstream = canned_upstream(bytes)
  local through = { direct = { child = upstream, core = 1 },
    nginx = { child = subjects.proxy(1, "unbuffered", upstream, UNBUFFERED), core = 0 },
    gateway = { child = subjects.gateway(1, "stream-gateway", upstream), core = 0 } }
  local response = http.request(through.gateway.child.port, { path = PATH, body = BODY })
  assert(response.body == bytes, "the stream isn't whole")
  local rates = { direct = {}, nginx = {}, gateway = {} }
  for _ = 1, ROUNDS do
    for name, subject in pairs(through) do
      local found = subjects.load(subject.core, subject.child,
        { path = PATH, body = BODY, connections = 16, seconds = SECONDS })
      table.insert(rates[name], found.rate * FRAMES)
    end
  end
  for name, list in pairs(rates) do rates[name] = subjects.median(list) end
  print()
  row("streams, through", "direct", "nginx", "signalbox")
  row(("frames a second, %d a stream"):format(FRAMES), number("%.0f", rates.direct), number("%.0f", rates.nginx),
    number("%.0f", rates.gateway))
  print(("  signalbox / nginx, frames a second: %.2f"):format(rates.gateway / rates.nginx))
end

-- The limit of open descriptors for a program started here.
local function descriptor_limit()
  local _, out = subjects.run(0, { "sh", "-c", "ulimit -n" })
  return out:match("unlimited") and math.huge or tonumber(out:match("%d+"))
end

local function peak_kb(child)
  return tonumber(process.contents(("/proc/%d/status"):format(child.pid)):match("VmHWM:%s*(%d+)"))
end

-- Sends COUNT streams at once through `child`. Returns CPU microseconds a frame, KB a stream, frames a second, and the
-- most streams that were really under way at once.
local function measure_paced(child, stream_bytes, frames)
  local resident, before = child:resident_kb(), subjects.cpu_seconds(child)
  local status, out, log = subjects.run(0, { "lua5.4", "spec/bench/hold.lua", child.port, PATH, BODY,
    math.ceil(COUNT / A_CONNECTION), math.min(COUNT, A_CONNECTION), PACED_SECONDS })
  if status ~= 0 then error("the load met errors:\n" .. log, 0) end
  local bytes, most = out:match("(%d+) bytes, (%d+) at once")
  local seen = bytes / stream_bytes * frames
  return { cpu_us = (subjects.cpu_seconds(child) - before) / seen * 1e6, kb = (peak_kb(child) - resident) / most,
    rate = seen / PACED_SECONDS, most = most }
end

local function print_paced()
  local limit, wanted = descriptor_limit(), COUNT + COUNT / A_CONNECTION + SPARE_DESCRIPTORS
  print()
  if limit < wanted then
    print(("  %d streams at once: skipped, since they want %d descriptors and %d are allowed"):format(COUNT, wanted,
      limit))
    return
  end
  local upstream = subjects.emulator(0, "paced", ([[{ traffic = { output_tokens = { %d, %d } }, models = { ["*"] = {
    ttft_ms = { p50 = 50, p99 = 60 }, tokens_per_second = { p50 = %d, p99 = %d } } } }]]):format(LENGTH, LENGTH, PACE,
    PACE))
  local nginx = subjects.proxy(1, "paced-proxy", upstream, UNBUFFERED, "http2")
  local gateway = subjects.gateway(1, "paced-gateway", upstream, ROOMY)
  local whole = http.request(upstream.port, { path = PATH, body = BODY }).body
  local frames = #eventstream.decode(whole)
  local through = { nginx = measure_paced(nginx, #whole, frames), gateway = measure_paced(gateway, #whole, frames) }
  row("many streams, through", "", "nginx", "signalbox")
  for _, line in ipairs { { "at once, on one worker", "%d", "most" }, { "frames a second", "%.0f", "rate" },
    { "CPU us a frame", "%.2f", "cpu_us" }, { "KB a stream (budget: 48)", "%.1f", "kb" } } do
    row(line[1], "", number(line[2], through.nginx[line[3]]), number(line[2], through.gateway[line[3]]))
  end
end

-- The folder of the SDK's packages, or nil and the reason.
local function find_sdk()
  local modules = os.getenv("PWD") .. "/build/sdk/node_modules"
  if not os.execute("command -v node >/dev/null && test -d " .. modules) then return nil, "spec/sdk/run installs it" end
  return modules
end

-- Measures the SDK at each endpoint of `ways`, and adds its figures to them.
local function measure_sdk(modules, ways, authority)
  local words = { "env", "NODE_PATH=" .. modules, "NODE_EXTRA_CA_CERTS=" .. authority,
    "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true", "node", "spec/bench/sdk.js" }
  for _, way in ipairs(ways) do words[#words + 1] = way.url end
  local status, out, log = subjects.run(0, words)
  if status ~= 0 then error("the SDK failed:\n" .. out .. log, 0) end
  for _, way in ipairs(ways) do
    way.p50_ms, way.rate, way.cpu_ms = out:match(way.url:gsub("%p", "%%%0") .. " ([%d.]+) ([%d.]+) ([%d.]+)")
  end
end

-- Starts a port that forwards to the endpoint with this round trip.
local function at_distance(endpoint, round_trip_ms)
  local child = subjects.start(0, { "node", "spec/bench/distance.js", endpoint.port, round_trip_ms })
  child.url = child:wait_for_log("at (https://127.0.0.1:%d+)")
  return child
end

local function print_sdk()
  local modules, why = find_sdk()
  print()
  if not modules then return print("  the SDK for JavaScript: skipped; " .. why) end
  local files = subjects.certificate()
  local tls = ("tls = { cert = %q, key = %q },"):format(files.cert, files.key)
  local scenario = [[{ models = { ["*"] = { ttft_ms = { p50 = 0, p99 = 0 },
    tokens_per_second = { p50 = 1000000, p99 = 1000000 } } }, traffic = { output_tokens = { 50, 50 } } }]]
  local near = subjects.emulator(1, "tls", scenario, { "--tls-cert", files.cert, "--tls-key", files.key })
  local far = at_distance(near, DISTANCE_MS)
  local function through(name, endpoint, more)
    return subjects.gateway(1, name, { url = endpoint.url, authority = files.cert }, more).port
  end
  local ways = { { "straight to the TLS endpoint", url = near.url },
    { "through the gateway, TLS both sides", url = "https://127.0.0.1:" .. through("sdk-tls", near, tls) },
    { "through the gateway in clear", url = "http://127.0.0.1:" .. through("sdk-clear", near) },
    { ("straight, %d ms away"):format(DISTANCE_MS), url = far.url },
    { "through the gateway, TLS both sides", url = "https://127.0.0.1:" .. through("sdk-far", far, tls) } }
  measure_sdk(modules, ways, files.cert)
  row("SDK for JavaScript, default handler", "p50 ms", "requests/s, 16", "CPU ms of SDK")
  for _, way in ipairs(ways) do row(way[1], way.p50_ms, way.rate, way.cpu_ms) end
end

function streams.print()
  print_throughput()
  print_paced()
  print_sdk()
end

return streams
