-- SPDX-License-Identifier: Apache-2.0
-- The transports between client and gateway that specs run over, as a parameter: what the gateway has to be told, and
-- how a client gets there.
local transports = {}

transports.list = {
  { title = "HTTP/1.1", version = "http1" },
  { title = "HTTP/2 in clear", version = "http2" },
}

-- Settings for a gateway that serves this transport, with `more` over them.
function transports.settings(transport, more)
  local settings = {}
  for key, value in pairs(more or {}) do settings[key] = value end
  if transport.is_tls then settings.tls = transports.certificate() end
  return settings
end

-- How curl gets to the gateway; see curl.load.
function transports.open(transport, gateway)
  return { version = transport.version, authority = transport.is_tls and transports.certificate().cert or nil,
    scheme = transport.is_tls and "https" or "http", port = gateway.port }
end

return transports
