-- SPDX-License-Identifier: Apache-2.0
-- Two models that look alike, but one has few slots, and requests beyond them wait. Equal shares overload it; a policy
-- that follows requests in flight gives it as many as it can carry. For policies/least_inflight.lua.

return {
  seed = 11,
  traffic = { rate = 100, streaming = 0.5, input_tokens = { 200, 1000 }, output_tokens = { 10, 30 } },
  models = {
    ["us.anthropic.claude-haiku-4-5-20251001-v1:0"] = {
      ttft_ms = { p50 = 30, p99 = 60 },
      tokens_per_second = { p50 = 800, p99 = 400 },
    },
    ["eu.anthropic.claude-haiku-4-5-20251001-v1:0"] = {
      ttft_ms = { p50 = 30, p99 = 60 },
      tokens_per_second = { p50 = 800, p99 = 400 },
      concurrency = 1,
    },
    ["us.amazon.nova-2-lite-v1:0"] = { ttft_ms = { p50 = 30, p99 = 60 } },
  },
}
