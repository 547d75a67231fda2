-- SPDX-License-Identifier: Apache-2.0
-- Two accounts with very different quotas, and traffic that both together can just carry: equal shares overrun the
-- small one, whose throttles cost attempts and time. For policies/quota.lua, which states the same quotas.

return {
  seed = 15,
  traffic = { rate = 5, streaming = 0.5, input_tokens = { 900, 1100 }, output_tokens = { 50, 100 } },
  models = {
    ["us.anthropic.claude-haiku-4-5-20251001-v1:0"] = {
      ttft_ms = { p50 = 800, p99 = 1200 },
      tokens_per_second = { p50 = 1000, p99 = 500 },
      quota = { rpm = 1000, tpm = 400000 },
    },
    ["eu.anthropic.claude-haiku-4-5-20251001-v1:0"] = {
      ttft_ms = { p50 = 800, p99 = 1200 },
      tokens_per_second = { p50 = 1000, p99 = 500 },
      quota = { rpm = 200, tpm = 80000 },
    },
    ["us.amazon.nova-2-lite-v1:0"] = { ttft_ms = { p50 = 800, p99 = 1200 } },
  },
}
