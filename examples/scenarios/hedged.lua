-- SPDX-License-Identifier: Apache-2.0
-- Two quick models, one of which lets one request in fifteen hang, as an overloaded model does. A time limit ends such
-- requests late; a second attempt at the other model serves them soon. For policies/hedged.lua.

return {
  seed = 17,
  traffic = { rate = 80, streaming = 0.5, input_tokens = { 200, 1000 }, output_tokens = { 10, 20 } },
  models = {
    ["us.anthropic.claude-haiku-4-5-20251001-v1:0"] = {
      ttft_ms = { p50 = 100, p99 = 150 },
      tokens_per_second = { p50 = 1000, p99 = 500 },
      faults = { { fault = "hang", share = 0.067 } },
    },
    ["eu.anthropic.claude-haiku-4-5-20251001-v1:0"] = {
      ttft_ms = { p50 = 100, p99 = 150 },
      tokens_per_second = { p50 = 1000, p99 = 500 },
    },
    ["us.amazon.nova-2-lite-v1:0"] = { ttft_ms = { p50 = 100, p99 = 150 } },
  },
}
