-- SPDX-License-Identifier: Apache-2.0
-- Groups whose rows are bytes, made beforehand, that pour.c sends over one connection, and then over a crowd of them at
-- once: each as { name, make }, where make() gives the bytes.
local process = require "spec.support.process"
local transports = require "spec.support.transports"

local poured = {}

local ALONE_MS = 10 -- what a client alone may make others wait

local program = (os.getenv("BUILD") or "build/release") .. "/spec/stalls/pour"

-- Sends the file's bytes over `connections` to `port`. way: "clear", or the protocol to ask for over TLS. Returns the
-- beginning of what came back.
function poured.send(port, way, connections, path)
  local status, out, log = process.run { program, port, way, connections, path }
  assert(status == 0, log)
  return out
end

-- The gateway's settings of a group over `way`.
function poured.settings(scene, way, more)
  local settings = more or {}
  if way ~= "clear" then settings.tls = transports.certificate(scene.folder) end
  return settings
end

local function row_of(scene, gateway, way, entry, connections)
  local path = scene.folder .. "/poured"
  return {
    name = ("%s, %d at once, %s"):format(entry[1], connections, way == "clear" and way or way .. " over TLS"),
    bound_ms = connections == 1 and ALONE_MS or nil,
    before = function() process.write(path, entry[2]()) end,
    attack = function() poured.send(gateway.port, way, connections, path) end,
  }
end

-- A group of the rows in `list`, each for one connection and for `crowd` of them. is_tls: the gateway serves TLS, even
-- if the rows' bytes are sent as they are.
function poured.group(title, way, list, crowd, is_tls)
  local function open(scene)
    local gateway = scene:gateway(scene:emulator(), { settings = poured.settings(scene, is_tls and "tls" or way) })
    local rows = {}
    for _, entry in ipairs(list) do
      rows[#rows + 1] = row_of(scene, gateway, way, entry, 1)
      rows[#rows + 1] = row_of(scene, gateway, way, entry, crowd)
    end
    return gateway, rows
  end
  return { title = title, is_tls = is_tls or way ~= "clear", open = open }
end

return poured
