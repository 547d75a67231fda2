-- SPDX-License-Identifier: Apache-2.0
-- Two quick models, each of which leaves one request in thirty hanging, as overloaded ones do. A time limit helps those
-- requests late; a second attempt at another model helps them soon. For policies/hedged.lua.

local model = {
  ttft_ms = { p50 = 40, p99 = 80 },
  tokens_per_second = { p50 = 1000, p99 = 500 },
  faults = { { fault = "hang", share = 0.033 } },
}

return {
  seed = 17,
  traffic = { rate = 80, streaming = 0.5, input_tokens = { 200, 1000 }, output_tokens = { 10, 20 } },
  models = {
    ["us.anthropic.claude-haiku-4-5-20251001-v1:0"] = model,
    ["eu.anthropic.claude-haiku-4-5-20251001-v1:0"] = model,
    ["us.amazon.nova-2-lite-v1:0"] = { ttft_ms = { p50 = 40, p99 = 80 } },
  },
}
