-- SPDX-License-Identifier: Apache-2.0
-- Every fault at every operation over every transport (where clients use TLS, so do the models): how often each model
-- was asked, what the client got, how it was counted, and that nothing leaked. Each cell has its own models, so all
-- cells of a transport run at once without sharing breakers or cooldowns. spec/support/faults.lua has the expected
-- results.
local cjson = require "cjson"
local curl = require "spec.support.curl"
local eventstream = require "spec.support.eventstream"
local faults = require "spec.support.faults"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"
local transports = require "spec.support.transports"

local PARALLEL = 50
local MODEL = "us.amazon.nova-%s-%s"
local COUNTED = { "success", "rate_limit", "fail_fast", "refusal", "cancelled" }
local BODIES = {
  ["count-tokens"] = '{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}}}',
}

-- The cells of one transport. "pair": there is a healthy fallback; "alone": the client gets the failure.
local function make_cells()
  local cells = {}
  for _, fault in ipairs(faults.list) do
    for _, operation in ipairs(faults.OPERATIONS) do
      local expected = fault.expected[operation]
      for _, kind in ipairs(expected and { "pair", expected.ends == "failover" and "alone" or nil } or {}) do
        local name = ("c%03d"):format(#cells + 1)
        cells[#cells + 1] = { name = name, fault = fault, operation = operation, expected = expected, kind = kind,
          first = MODEL:format(name, "first"), second = kind == "pair" and MODEL:format(name, "second") or nil }
      end
    end
  end
  -- Cells that wait for a time limit begin first, so that the others run meanwhile.
  local slow, fast = {}, {}
  for _, cell in ipairs(cells) do table.insert(cell.fault.slow and slow or fast, cell) end
  return table.move(fast, 1, #fast, #slow + 1, slow), #slow
end

local function policy_of(cells, endpoints)
  local models = {}
  for _, cell in ipairs(cells) do
    models[#models + 1] = { id = cell.first, family = cell.name, serves = { cell.name },
      endpoint = endpoints[cell.fault.endpoint] }
    if cell.second then
      models[#models + 1] = { id = cell.second, family = cell.name, serves = { cell.name }, fallback = true }
    end
  end
  return { timeout_ms = 3000, ttft_ms = 3000, stream_idle_ms = 3000, models = models }
end

-- A scenario of short responses. It lists every model, since the emulator remembers only so many others.
local function scenario_of(cells)
  local models = {}
  for _, cell in ipairs(cells) do
    local change = cell.fault.change
    models[cell.first] = signalbox.prompt { faults = change and change.fault and { change } }
    if cell.second then models[cell.second] = signalbox.PROMPT end
  end
  return { seed = 3, traffic = { output_tokens = { 40, 60 } }, models = models }
end

-- Reserves a port on which nothing listens.
local function refused_port()
  local tcp = assert(socket.tcp())
  assert(tcp:bind("127.0.0.1", 0))
  local _, port = tcp:getsockname()
  return tcp, port
end

local Matrix = {}
Matrix.__index = Matrix

local function new_matrix(transport)
  local self = setmetatable({ scene = signalbox.scene() }, Matrix)
  self.cells, self.slow_count = make_cells()
  local scenario = scenario_of(self.cells)
  local tls = transport.is_tls and transports.certificate(self.scene.folder)
  self.emulator = self.scene:emulator(scenario, nil, { tls = tls })
  self.fresh = self.scene:emulator(scenario, nil, { tls = tls })
  local port
  self.refused, port = refused_port()
  self.gateway = self.scene:gateway(self.emulator, {
    policy = policy_of(self.cells, { fresh = self.fresh.url, refused = "http://127.0.0.1:" .. port }),
    settings = { tls = tls, timeouts = { pool_idle_ms = 1000, client_idle_ms = 60000, header_ms = 60000 } },
    environment = { SSL_CERT_FILE = tls and tls.cert },
  })
  self.transport = transports.open(transport, self.scene, self.gateway)
  return self
end

function Matrix:send(from)
  local requests = {}
  for index = from, #self.cells do
    local cell = self.cells[index]
    requests[#requests + 1] = signalbox.call(cell.name, cell.operation, BODIES[cell.operation])
  end
  self.sent = (self.sent or 0) + #requests
  return curl.load(self.transport, requests, PARALLEL)
end

function Matrix:run()
  self.descriptors_before = self.gateway:descriptors()
  for index, response in ipairs(self:send(1)) do self.cells[index].response = response end
  local _
  _, self.stats = self.gateway.admin("/stats")
  self.received = self.emulator.requests().models
  for id, counts in pairs(self.fresh.requests().models) do
    if next(counts) then self.received[id] = counts end
  end
end

-- The number of requests that a model received.
function Matrix:received_by(cell, model)
  local counts = self.received[model] or {}
  local total = 0
  for _, count in pairs(counts) do total = total + count.received end
  local of_operation = (counts[signalbox.OPERATION_NAMES[cell.operation]] or { received = 0 }).received
  assert.equal(total, of_operation, "requests of another operation")
  return of_operation
end

-- The outcomes counted for a model, as { NAME = count } without zeros.
function Matrix:outcomes_of(model)
  local found = {}
  for _, name in ipairs(COUNTED) do
    local count = self.stats.models[model][name]
    if count ~= 0 then found[name] = count end
  end
  return found
end

local function check_error(response, expected)
  assert.equal(expected.status, response.status, response.body)
  assert.equal(expected.exception, (response.headers["x-amzn-errortype"] or ""):match("^[^:]*"))
  assert.matches("^application/json", response.headers["content-type"])
  assert.is_string(cjson.decode(response.body).message)
  local retried = expected.status == 429 or expected.status >= 500
  local wait_ms = tonumber(response.headers["x-amz-retry-after"])
  assert.equal(retried, wait_ms ~= nil, "x-amz-retry-after")
  if retried then assert.equal(math.ceil(wait_ms / 1000), tonumber(response.headers["retry-after"])) end
  assert.equal(expected.ends == "failover" and "RETRIES_EXHAUSTED" or nil, response.headers["x-signalbox-error"])
end

local function frames_of(response)
  assert.equal("application/vnd.amazon.eventstream", response.headers["content-type"])
  local frames, rest = eventstream.decode(response.body)
  assert.equal("", rest, "bytes after the last frame")
  return frames, eventstream.names(frames)
end

local function check_whole_converse(names)
  assert.equal("messageStart", names[1])
  for index = 2, #names - 3 do assert.equal("contentBlockDelta", names[index]) end
  assert.same({ "contentBlockStop", "messageStop", "metadata" }, { table.unpack(names, #names - 2) })
end

local function check_whole_invocation(frames, names)
  for _, name in ipairs(names) do assert.equal("chunk", name) end
  local last = require "mime".unb64(cjson.decode(frames[#frames].payload).bytes)
  assert.matches("amazon%-bedrock%-invocationMetrics", last)
end

-- A unary response of the emulator names its model.
local UNARY = {
  converse = function(body, model)
    local text = body.output.message.content[1].text
    assert.is_truthy(text:find(model, 1, true), text)
  end,
  invoke = function(body, model)
    local text = body.output.message.content[1].text
    assert.is_truthy(text:find(model, 1, true), text)
  end,
  ["count-tokens"] = function(body) assert.is_true(body.inputTokens > 0) end,
}

local function check_response(cell, model)
  local response = cell.response
  if not faults.STREAMS[cell.operation] then
    UNARY[cell.operation](cjson.decode(response.body), model)
    return
  end
  local frames, names = frames_of(response)
  if cell.operation == "converse-stream" then check_whole_converse(names) else check_whole_invocation(frames, names) end
end

-- Unary bodies that the model damaged, passed on unchanged.
local BROKEN = {
  corrupt = function(body) assert.is_truthy(body:find("\1", 1, true), body) end,
  cut_short = function(body) assert.is_false((pcall(cjson.decode, body))) end,
  garbage = function(body)
    assert.equal(256, #body)
    assert.is_nil(body:find("[\0-\127]"))
  end,
}

local function check_stream(cell)
  local expected = cell.expected
  local frames, names = frames_of(cell.response)
  local exception = frames[#frames].headers[":exception-type"]
  assert.equal(expected.exception, exception)
  if expected.exception then
    assert.equal("exception", frames[#frames].headers[":message-type"])
    assert.is_string(cjson.decode(frames[#frames].payload).message)
    names[#names] = nil
  end
  for index, name in ipairs(names) do
    local converse_event = index == 1 and "messageStart" or "contentBlockDelta"
    assert.equal(cell.operation == "converse-stream" and converse_event or "chunk", name)
  end
  if expected.events then assert.equal(expected.events, #names) end
end

local function check_stopped(cell)
  local _, names = frames_of(cell.response)
  if cell.expected.exception then assert.equal(cell.expected.exception, table.remove(names)) end
  assert.same({ "contentBlockDelta", "contentBlockStop", "messageStop" }, { table.unpack(names, #names - 2) })
end

function Matrix:check(cell)
  local expected, response = cell.expected, cell.response
  local fails_over = expected.ends == "failover" and cell.kind == "pair"
  local is_error = expected.ends == "error" or (expected.ends == "failover" and cell.kind == "alone")
  local serving = fails_over and cell.second or cell.first
  assert.is_true(response.complete, "curl ended with " .. response.exit_code)
  assert.equal(curl.spoken(self.transport), response.version)
  assert.equal(serving, response.headers["x-signalbox-model"])
  assert.equal(fails_over and "2" or "1", response.headers["x-signalbox-attempts"])
  assert.matches("^[%x-]+$", response.headers["x-amzn-requestid"])

  if is_error then
    check_error(response, expected)
  else
    assert.equal(200, response.status, response.body)
    assert.is_nil(response.headers["x-signalbox-error"])
    local check = { stream = check_stream, stopped = check_stopped }
    if fails_over or (expected.ends == "response" and not expected.body) then
      check_response(cell, serving)
    elseif expected.body then
      BROKEN[expected.body](response.body)
    else
      check[expected.ends](cell)
    end
  end

  assert.equal(cell.fault.endpoint == "refused" and 0 or 1, self:received_by(cell, cell.first))
  assert.same({ [expected.outcome] = 1 }, self:outcomes_of(cell.first))
  if cell.second then
    assert.equal(fails_over and 1 or 0, self:received_by(cell, cell.second))
    assert.same(fails_over and { success = 1 } or {}, self:outcomes_of(cell.second))
  end
end

function Matrix:check_sums()
  local attempts, received = 0, 0
  for _, cell in ipairs(self.cells) do
    attempts = attempts + tonumber(cell.response.headers["x-signalbox-attempts"])
    received = received + self:received_by(cell, cell.first) +
      (cell.second and self:received_by(cell, cell.second) or 0)
    if cell.fault.endpoint == "refused" then received = received + 1 end
  end
  local counted = 0
  for _, name in ipairs(COUNTED) do counted = counted + self.stats.total[name] end
  assert.equal(attempts, counted, "attempts in the responses, and those of /stats")
  assert.equal(attempts, received, "attempts in the responses, and those that models received")
  assert.equal(#self.cells, #self.gateway.access(#self.cells), "lines of the access log")
end

function Matrix:check_descriptors()
  process.wait_for("the descriptors to come back to " .. self.descriptors_before, function()
    return self.gateway:descriptors() <= self.descriptors_before
  end)
end

-- Sends the fast cells in two more rounds of two: a leak in the first round would also show in the second. The first
-- round may still allocate room that no request had needed before.
function Matrix:check_memory()
  if signalbox.is_sanitized then return end
  self:send(self.slow_count + 1)
  self:send(self.slow_count + 1)
  local before = self.gateway:resident_kb()
  self:send(self.slow_count + 1)
  self:send(self.slow_count + 1)
  local after = self.gateway:resident_kb()
  assert.is_true(after <= before * 1.02 + 256, ("resident: %d KB, then %d KB"):format(before, after))
end

for _, transport in ipairs(transports.list) do
  describe("over " .. transport.title, function()
    local matrix
    lazy_setup(function()
      matrix = new_matrix(transport)
      matrix:run()
    end)
    lazy_teardown(function()
      if not matrix then return end
      matrix.refused:close()
      matrix.scene:close()
    end)

    for index, cell in ipairs(make_cells()) do
      it(("%s at %s, %s"):format(cell.fault.title, signalbox.OPERATION_NAMES[cell.operation], cell.kind), function()
        matrix:check(matrix.cells[index])
      end)
    end

    it("every attempt is counted once", function() matrix:check_sums() end)
    it("memory stays as it was", function() matrix:check_memory() end)
    it("no descriptor is lost", function() matrix:check_descriptors() end)
  end)
end
