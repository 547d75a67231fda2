-- SPDX-License-Identifier: Apache-2.0
-- Policies change while requests run: by each trigger, from good to good, from good to broken and back again.
local cjson = require "cjson"
local http = require "spec.support.http"
local process = require "spec.support.process"
local signalbox = require "spec.support.signalbox"
local socket = require "socket"


-- A policy whose responses have its name.
local function policy(name)
  return ('return { models = { { id = "%s", name = "%s" } } }\n'):format(signalbox.NOVA, name)
end

-- Saves as editors do: a new file replaces the old one in one step.
local function replace(path, text)
  process.write(path .. ".new", text)
  assert(os.rename(path .. ".new", path))
end

describe("reload", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  local function start(text, settings)
    local emulator = scene:emulator({ seed = 3, models = { ["*"] = signalbox.PROMPT } })
    local file = ("%s/policy-%d.lua"):format(scene.folder, #scene.children)
    local gateway = scene:gateway(emulator, { policy = text or policy("first"), settings = settings })
    gateway.file = file

    function gateway.model(asked)
      local response = gateway.request(signalbox.call(asked or "chat", "converse"))
      assert.equal(200, response.status, response.body)
      return response.headers["x-signalbox-model"]
    end

    function gateway.policy()
      local _, report = gateway.admin("/policy")
      return report
    end

    function gateway.await(name)
      process.wait_for("requests to go to " .. name, function() return gateway.model() == name end)
    end

    -- The log's lines of that message.
    function gateway.entries(message)
      local found = {}
      for line in gateway:log():gmatch("[^\n]+") do
        local ok, entry = pcall(cjson.decode, line)
        if ok and entry.message == message then found[#found + 1] = entry end
      end
      return found
    end
    return gateway, emulator
  end

  it("tells what runs, since when and from where", function()
    local gateway = start()
    local report = gateway.policy()
    assert.equal(1, report.version)
    assert.equal(gateway.file, report.source)
    assert.equal(1, report.models)
    assert.same({}, report.errors)
    assert.same({}, report.benched)
    assert.truthy(report.since:match("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$"))
    assert.equal(1, #report.history)
    local listing = assert(io.popen("sha256sum " .. process.quoted(gateway.file)))
    assert.equal(listing:read("a"):match("^%x+"), report.hash)
    listing:close()
  end)

  it("follows a file that is written to", function()
    local gateway = start()
    assert.equal("first", gateway.model())
    process.write(gateway.file, policy("second"))
    gateway.await("second")
    assert.equal(2, gateway.policy().version)
    local entries = gateway.entries("policy reloaded")
    assert.equal(1, #entries)
    assert.equal(2, entries[1].version)
    assert.equal(gateway.policy().hash, entries[1].hash)
  end)

  it("follows a file that is replaced, again and again", function()
    local gateway = start()
    for number = 2, 3 do
      replace(gateway.file, policy("number-" .. number))
      gateway.await("number-" .. number)
      assert.equal(number, gateway.policy().version)
    end
  end)

  it("outlives a file that is missing for a while", function()
    local gateway = start()
    os.remove(gateway.file)
    process.wait_for("the rejection", function() return #gateway.entries("policy rejected") > 0 end)
    assert.equal("first", gateway.model())
    local problem = gateway.policy().errors[1]
    assert.equal("cannot be read: No such file or directory", problem.found)
    assert.equal(cjson.null, problem.line)
    assert.equal("", problem.field)
    assert.equal("", problem.expected)
    local entry = gateway.entries("policy rejected")[1]
    assert.equal("cannot be read: No such file or directory", entry.found)
    assert.is_nil(entry.line)
    assert.is_nil(entry.field)
    assert.is_nil(entry.expected)
    process.write(gateway.file, policy("first"))
    process.wait_for("the errors to go", function() return #gateway.policy().errors == 0 end)
    assert.equal(1, gateway.policy().version)
    process.write(gateway.file, policy("second"))
    gateway.await("second")
    assert.equal(1, #gateway.entries("policy rejected"))
  end)

  it("follows a folder that is replaced, and a symbolic link on the way", function()
    local first, second = scene.folder .. "/one", scene.folder .. "/two"
    os.execute(("mkdir %s %s && ln -s one %s/now"):format(first, second, scene.folder))
    local link = scene.folder .. "/now/p.lua"
    process.write(first .. "/p.lua", policy("first"))
    process.write(second .. "/p.lua", policy("second"))
    local gateway = start(nil, { policy = link })
    assert.equal("first", gateway.model())
    os.execute(("ln -s two %s/new && mv -T %s/new %s/now"):format(scene.folder, scene.folder, scene.folder))
    gateway.await("second")
    os.execute(("mv %s %s.away && mkdir %s"):format(second, second, second))
    process.write(second .. "/p.lua", policy("third"))
    gateway.await("third")
    process.write(second .. "/p.lua", policy("fourth"))
    gateway.await("fourth")
  end)

  it("follows the modules that the policy required, and those that it missed", function()
    local module = scene:write("pool.lua", 'return { name = "first" }')
    local text = 'local pool = require "pool"\nreturn { models = { { id = "x", name = pool.name } } }\n'
    local gateway = start(text)
    assert.equal("first", gateway.model())
    replace(module, 'return { name = "second" }')
    gateway.await("second")
    process.write(gateway.file, (text:gsub('"pool"', '"other"')))
    process.wait_for("the rejection", function() return #gateway.policy().errors == 1 end)
    assert.truthy(gateway.policy().errors[1].found:find("module 'other'", 1, true))
    assert.equal("second", gateway.model())
    scene:write("other.lua", 'return { name = "third" }')
    gateway.await("third")
    assert.same({}, gateway.policy().errors)
  end)

  it("leaves the version as it is when nothing but the time of the file changed", function()
    local gateway = start()
    replace(gateway.file, policy("first"))
    os.execute("touch " .. process.quoted(gateway.file))
    replace(gateway.file, policy("second"))
    gateway.await("second")
    assert.equal(2, gateway.policy().version)
  end)

  it("loads again on SIGHUP and on POST /reload, whether or not anything changed", function()
    local gateway = start()
    gateway:signal("HUP")
    process.wait_for("version 2", function() return gateway.policy().version == 2 end)
    local status, answer = gateway.admin("/reload", "POST")
    assert.equal(200, status)
    assert.equal(3, answer.version)
    assert.equal(gateway.policy().hash, answer.hash)
    assert.equal(1, answer.models)
    assert.equal(405, (gateway.admin("/reload")))
  end)

  it("refuses a broken policy with every mistake, and goes on with the one before", function()
    local gateway = start()
    replace(gateway.file, 'return {\n  models = {\n    { id = 1,\n      wieght = 3 } },\n  max_retries = 99 }')
    local status, answer = gateway.admin("/reload", "POST")
    assert.equal(422, status)
    assert.equal(1, answer.version)
    local fields = {}
    for _, problem in ipairs(answer.errors) do
      fields[problem.field] = problem
      assert.equal(gateway.file, problem.file)
    end
    assert.equal(3, #answer.errors)
    assert.equal("number 1", fields["models[1].id"].found)
    assert.truthy(fields["models[1].wieght"].expected:find("weight", 1, true))
    assert.same({ 3, 4, 5 },
      { fields["models[1].id"].line, fields["models[1].wieght"].line, fields.max_retries.line })
    assert.equal("first", gateway.model())
    assert.same(answer.errors, gateway.policy().errors)
    local lines = gateway.entries("policy rejected")
    assert.truthy(#lines >= 3)
    for _, entry in ipairs(lines) do assert.equal(fields[entry.field].line, entry.line) end

    replace(gateway.file, "return {\n  models = {\n")
    status, answer = gateway.admin("/reload", "POST")
    assert.equal(422, status)
    assert.equal(3, answer.errors[1].line)
    lines = gateway.entries("policy rejected")
    assert.equal(3, lines[#lines].line)
    assert.equal("first", gateway.model())
  end)

  it("refuses an endpoint that is the gateway itself", function()
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    listener:close()
    local gateway = start(nil, { listen = "127.0.0.1:" .. port })
    local text = 'return { models = { { id = "y" },\n{ id = "x", endpoint = "http://127.0.0.1:%d" } } }'
    replace(gateway.file, text:format(port))
    local status, answer = gateway.admin("/reload", "POST")
    assert.equal(422, status)
    assert.equal("models[2].endpoint", answer.errors[1].field)
    assert.equal(2, answer.errors[1].line)
  end)

  it("goes back to versions that ran before, from what they were then", function()
    local gateway = start()
    for number = 2, 13 do
      replace(gateway.file, policy("number-" .. number))
      assert.equal(200, (gateway.admin("/reload", "POST")))
      assert.equal("number-" .. number, gateway.model())
    end
    assert.equal(11, #gateway.policy().history)
    os.remove(gateway.file)
    local status, answer = gateway.admin("/reload?to=3", "POST")
    assert.equal(200, status)
    assert.equal(14, answer.version)
    assert.equal("number-3", gateway.model())
    assert.equal(3, gateway.policy().restores)
    local response = http.request(gateway.admin_port, { method = "POST", path = "/reload", body = '{"to": 5}' })
    assert.equal(200, response.status)
    assert.equal("number-5", gateway.model())
    assert.equal(404, (gateway.admin("/reload?to=1", "POST")))
    assert.equal(404, (gateway.admin("/reload?to=99", "POST")))
    for _, query in ipairs { "?to=0", "?to=-1", "?to=x", "?version=3" } do
      assert.equal(400, (gateway.admin("/reload" .. query, "POST")), query)
    end
    for _, body in ipairs { '{"to": "5"}', '{"to": 1.5}', '{"from": 5}', "[1]", "{" } do
      local refused = http.request(gateway.admin_port, { method = "POST", path = "/reload", body = body })
      assert.equal(400, refused.status, body)
    end
    assert.equal("number-5", gateway.model())
  end)

  it("is a command too", function()
    local gateway = start()
    local address = "127.0.0.1:" .. gateway.admin_port
    local status, out = signalbox.run { "reload", "--admin", address }
    assert.equal(0, status)
    assert.truthy(out:find("^policy version 2 runs: 1 model, hash %x+\n$"), out)
    process.write(gateway.file, "return { models = { { id = 1 } }, x = 1 }")
    local _, log
    status, _, log = signalbox.run { "reload", "--admin", address }
    assert.equal(1, status)
    assert.truthy(log:find("rejected", 1, true))
    assert.truthy(log:find(gateway.file .. ":1: models[1].id: expected", 1, true), log)
    assert.truthy(log:find(gateway.file .. ":1: x: expected", 1, true), log)
    status, out = signalbox.run { "reload", "--admin", address, "--to", "1" }
    assert.equal(0, status, out)
    assert.equal(1, (signalbox.run { "reload", "--admin", address, "--to", "77" }))
    assert.equal(2, (signalbox.run { "reload", "--to", "soon" }))
    status, _, log = signalbox.run { "reload", "--admin", "127.0.0.1:1" }
    assert.equal(1, status)
    assert.truthy(log:find("no answer from 127.0.0.1:1: ", 1, true), log)
  end)

  it("tells a listener that is no admin's, whatever it answers", function()
    local gateway, emulator = start()
    local page = scene:upstream("answer:json(200, '<p>It works!</p>')")
    local other = scene:upstream("answer:json(200, '{}')")
    for _, port in ipairs { gateway.port, emulator.port, page.port, other.port } do
      for _, words in ipairs { { "reload" }, { "reload", "--to", "1" } } do
        words[#words + 1] = "--admin=127.0.0.1:" .. port
        local status, out, log = signalbox.run(words)
        assert.equal(1, status)
        assert.equal("", out)
        assert.truthy(log:find("^signalbox reload: 127%.0%.0%.1:" .. port ..
          " is no admin listener %(status %d+%); name the gateway's with %-%-admin\n$"), log)
      end
    end
  end)

  it("keeps what is known of models that stay", function()
    local gateway = start(policy("stays"))
    assert.equal("stays", gateway.model())
    gateway.admin("/breakers/stays/open", "POST")
    replace(gateway.file, ('return { models = { { id = "%s", name = "stays" }, { id = "y", name = "new" } } }')
      :format(signalbox.NOVA))
    assert.equal(200, (gateway.admin("/reload", "POST")))
    local _, breakers = gateway.admin("/breakers")
    assert.equal("open", breakers.stays.state)
    assert.equal("closed", breakers.new.state)
    local _, stats = gateway.admin("/stats")
    assert.equal(1, stats.models.stays.success)
    assert.equal("new", gateway.model())
  end)

  -- An upstream that holds each request until `answer` is called, and then responds 503.
  local function patient_upstream()
    local go = scene.folder .. "/go"
    local upstream = scene:upstream(([[
      local socket = require "socket"
      while not io.open(%q) do
        socket.sleep(0.01)
        coroutine.yield(answer.tcp, "write")
      end
      answer:json(503, '{"message":"Too busy"}', "x-amzn-errortype: ServiceUnavailableException\r\n")
    ]]):format(go))
    function upstream.answer() process.write(go, "") end
    return upstream
  end

  -- Sends a request, and returns its client when the upstream holds it.
  local function wait_at(upstream, gateway)
    local before = #upstream.recorded()
    local client = http.connect(gateway.port)
    client:send(http.format(signalbox.call("chat", "converse")))
    process.wait_for("the request to arrive", function() return #upstream.recorded() > before end)
    return client
  end

  local function outcome(client)
    local response = client:read_response()
    client:close()
    return response.headers["x-signalbox-model"], response.status
  end

  it("ends a request under the version that it began under", function()
    local upstream = patient_upstream()
    local gateway = start(([[return { models = {
      { id = "slow", name = "old", endpoint = %q },
      { id = "quick", name = "old-rescue", fallback = true },
    } }]]):format(upstream.url))
    local client = wait_at(upstream, gateway)
    replace(gateway.file, 'return { models = { { id = "quick", name = "new" } } }')
    assert.equal(200, (gateway.admin("/reload", "POST")))
    assert.equal("new", gateway.model())
    upstream.answer()
    local model, status = outcome(client)
    assert.equal(200, status)
    assert.equal("old-rescue", model)
    assert.equal("new", gateway.model())
  end)

  it("leaves requests that are older than eight versions to the defaults", function()
    local upstream = patient_upstream()
    -- Under the policy a failure is final; under the defaults another model is asked.
    local gateway = start(([[return {
      models = { { id = "slow", name = "slow", endpoint = %q }, { id = "quick", name = "rescue", fallback = true } },
      classify = function() return "fail" end,
    }]]):format(upstream.url))
    local clients = {}
    for number = 1, 10 do
      clients[number] = wait_at(upstream, gateway)
      assert.equal(200, (gateway.admin("/reload", "POST")))
    end
    upstream.answer()
    for number = 1, 10 do
      local model, status = outcome(clients[number])
      assert.equal(number <= 2 and 200 or 503, status, number)
      assert.equal(number <= 2 and "rescue" or "slow", model)
    end
  end)

  it("takes hooks off the bench", function()
    local gateway = start([[return {
      models = { { id = "x", name = "only" } },
      select = function() while true do end end,
    }]])
    for _ = 1, 5 do assert.equal("only", gateway.model()) end
    assert.same({ "select" }, gateway.policy().benched)
    local _, health = gateway.admin("/health/detail")
    assert.same({ degraded = true, benched = { "select" }, refusing = {} }, health.policy)
    assert.equal(200, (gateway.admin("/reload", "POST")))
    assert.same({}, gateway.policy().benched)
    _, health = gateway.admin("/health/detail")
    assert.same({ degraded = false, benched = {}, refusing = {} }, health.policy)
  end)

  it("ends well in the middle of reloads", function()
    local gateway = start()
    local clients = {}
    for number = 1, 12 do
      clients[number] = http.connect(gateway.admin_port)
      clients[number]:send("POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
      if number % 3 == 0 then clients[number]:reset() end
    end
    scene:stop(gateway)
    for number = 1, 12 do clients[number]:close() end
  end)

  -- A policy whose hooks raise an error, which is logged, when they see a model of another version. The first attempt
  -- fails, so that a second one follows.
  local function insistent(name)
    return ([[
      local function own(model_name)
        if not model_name:find("^@") then error("meets " .. model_name) end
      end
      return {
        models = { { id = "$CLAUDE", name = "@-one" }, { id = "$NOVA", name = "@-two", fallback = true } },
        select = function(request, models)
          for i = 1, #models do own(models[i].name) end
          for i = 1, #request.tried do own(request.tried[i]) end
          if request.attempt ~= #request.tried + 1 then error("tried " .. #request.tried) end
          return models[1]
        end,
        classify = function(failure, request, model)
          own(model.name)
          return "failover", { counts = false, cooldown_ms = 0 }
        end,
        finish = function(request, result) own(result.model.name) end,
      }]]):gsub("[@$]%u*", { ["@"] = name, ["$CLAUDE"] = signalbox.CLAUDE, ["$NOVA"] = signalbox.NOVA })
  end

  it("changes under load, hundreds of times, without a failed request or one that meets two versions", function()
    local texts = { insistent("first"), insistent("second"), "return { models = { { id = 1 } } }" }
    local gateway, emulator = start(texts[1], {
      workers = 2, log = { level = "info", format = "json", access = false }, timeouts = { pool_idle_ms = 1000 },
    })
    emulator.control(signalbox.CLAUDE, { fault = "ServiceUnavailableException", share = 1.0 })
    local reloads, due, is_reloading = 0, 0, false
    local wrong, served = {}, {}
    local function reload()
      is_reloading, due, reloads = true, due - 1, reloads + 1
      local turn = reloads % 3 + 1
      replace(gateway.file, texts[turn])
      assert.equal(turn == 3 and 422 or 200, (gateway.admin("/reload", "POST")))
      is_reloading = false
    end
    -- Every tenth request starts a reload, one at a time, while the other connections go on.
    local function make(index)
      if index % 10 == 0 then due = due + 1 end
      if due > 0 and not is_reloading then reload() end
      return signalbox.call("chat", index % 4 == 0 and "converse-stream" or "converse")
    end
    local function on_response(_, response, problem)
      local model = response and response.headers["x-signalbox-model"]
      if not response or response.status ~= 200 or not response.complete then
        wrong[#wrong + 1] = response and response.status or problem
      end
      if model then served[model] = (served[model] or 0) + 1 end
    end
    http.request(gateway.port, { path = "/health" })
    local descriptors = gateway:descriptors()
    local requests, memory = 0, nil
    repeat
      http.load(gateway.port, { count = 500, connections = 16, make = make, on_response = on_response })
      requests, memory = requests + 500, memory or gateway:resident_kb()
    until requests >= 3500 and reloads >= 300 or requests == 20000
    assert.same({}, wrong)
    assert.same({}, gateway.entries("policy error"))
    assert.truthy(reloads >= 300, reloads)
    assert.truthy(served["first-two"] > 100 and served["second-two"] > 100)
    assert.equal(requests, served["first-two"] + served["second-two"])
    process.wait_for("the descriptors to come back", function() return gateway:descriptors() <= descriptors end)
    local growth_kb = gateway:resident_kb() - memory
    assert.is_true(signalbox.is_sanitized or growth_kb < 8192, growth_kb)
  end)
end)
