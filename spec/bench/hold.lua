-- SPDX-License-Identifier: Apache-2.0
-- A load in its own process: many streams at once over few HTTP/2 connections; a new request follows each that ends.
-- hold.lua PORT PATH BODY CONNECTIONS STREAMS SECONDS prints the number of streams that ended, the bytes of all bodies,
-- and the most streams that were under way at once.
package.path = "./?.lua;" .. package.path
local http2 = require "spec.support.http2"

local port, path, body, connections, streams, seconds = table.unpack(arg)
local load = http2.start(tonumber(port), { path = path, body = body, connections = tonumber(connections),
  streams = tonumber(streams), again = true })
http2.run(load, tonumber(seconds))
http2.close(load)
print(("%d ended, %d bytes, %d at once"):format(load.ended, load.bytes, load.most))
