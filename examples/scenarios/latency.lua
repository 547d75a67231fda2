-- SPDX-License-Identifier: Apache-2.0
-- Two models that look alike, but one takes many times as long as the other. Neither fails, so only their latency tells
-- them apart. For policies/latency.lua.

return {
  seed = 12,
  traffic = { rate = 60, streaming = 0.5, input_tokens = { 200, 1000 }, output_tokens = { 10, 20 } },
  models = {
    ["us.anthropic.claude-haiku-4-5-20251001-v1:0"] = {
      ttft_ms = { p50 = 900, p99 = 1200 },
      tokens_per_second = { p50 = 1000, p99 = 500 },
    },
    ["eu.anthropic.claude-haiku-4-5-20251001-v1:0"] = {
      ttft_ms = { p50 = 30, p99 = 60 },
      tokens_per_second = { p50 = 1000, p99 = 500 },
    },
    ["us.amazon.nova-2-lite-v1:0"] = { ttft_ms = { p50 = 30, p99 = 60 } },
  },
}
