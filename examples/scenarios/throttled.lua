-- SPDX-License-Identifier: Apache-2.0
-- The primary has a quota far below the traffic, so that most requests get 429 ThrottlingException there; the fallback
-- has room for all. Shows quotas, and that a policy that fails over on throttling loses nothing, while another one
-- loses half. The second minute adds an account-wide throttle with a retry-after.

return {
  seed = 7,
  duration_ms = 180000,
  traffic = { rate = 20, streaming = 0.5, input_tokens = { 200, 1000 }, output_tokens = { 50, 300 } },
  models = {
    ["us.amazon.nova-2-lite-v1:0"] = {
      ttft_ms = { p50 = 250, p99 = 900 },
      tokens_per_second = { p50 = 120, p99 = 50 },
      quota = { rpm = 300, tpm = 300000 },
      faults = {
        { from_ms = 60000, to_ms = 120000, fault = "ThrottlingException", share = 0.8, retry_after_ms = 5000 },
      },
    },
    ["us.amazon.nova-pro-v1:0"] = {
      ttft_ms = { p50 = 500, p99 = 1800 },
      tokens_per_second = { p50 = 70, p99 = 30 },
      concurrency = 200,
    },
  },
}
