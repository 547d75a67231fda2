-- SPDX-License-Identifier: Apache-2.0
-- Three regions as seen from the first one: the others are further away, and respond later by their distance. For
-- policies/regions.lua: throttle or slow down the first one on the control path, and the second one takes over.
--   curl -d '{"latency_ms": 5000}' http://127.0.0.1:8081/_emulator/models/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0

local function at_distance(ms)
  return { ttft_ms = { p50 = ms + 20, p99 = ms + 40 }, tokens_per_second = { p50 = 1000, p99 = 500 } }
end

return {
  seed = 14,
  traffic = { rate = 60, streaming = 0.5, input_tokens = { 200, 1000 }, output_tokens = { 10, 20 } },
  models = {
    ["eu.anthropic.claude-haiku-4-5-20251001-v1:0"] = at_distance(5),
    ["us.anthropic.claude-haiku-4-5-20251001-v1:0"] = at_distance(400),
    ["apac.anthropic.claude-haiku-4-5-20251001-v1:0"] = at_distance(700),
    ["us.amazon.nova-2-lite-v1:0"] = at_distance(400),
  },
}
