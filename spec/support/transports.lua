-- SPDX-License-Identifier: Apache-2.0
-- The transports between client and gateway, as a parameter of specs: the settings of the gateway, and the address for
-- the client.
local process = require "spec.support.process"

local transports = {}

transports.list = {
  { title = "HTTP/1.1", version = "http1" },
  { title = "HTTP/2 in clear", version = "http2" },
  { title = "HTTP/2 over TLS", version = "http2-tls", is_tls = true },
  { title = "HTTP/1.1 over TLS", version = "http1-tls", is_tls = true },
}

-- Makes a certificate for a gateway on loopback, in `folder`. Returns its files: { cert, key }.
function transports.certificate(folder)
  local status = process.run { "spec/support/certificate", folder }
  assert(status == 0, "no certificate could be made")
  return { cert = folder .. "/cert.pem", key = folder .. "/key.pem" }
end

-- Settings for a gateway of `scene` that serves this transport, and `more`.
function transports.settings(transport, scene, more)
  local settings = {}
  for key, value in pairs(more or {}) do settings[key] = value end
  if transport.is_tls then settings.tls = transports.certificate(scene.folder) end
  return settings
end

-- The transport of curl.load that reaches the gateway of `scene`.
function transports.open(transport, scene, gateway)
  return { version = transport.version, authority = transport.is_tls and scene.folder .. "/cert.pem" or nil,
    scheme = transport.is_tls and "https" or "http", port = gateway.port }
end

return transports
