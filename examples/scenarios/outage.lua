-- SPDX-License-Identifier: Apache-2.0
-- An outage of the primary: it slows down with too few slots, then some of its requests fail, then all with 503, then
-- some hang, then it recovers. Shows a breaker open, its probes, and the breaker close; the fallback stays healthy.

return {
  seed = 3,
  duration_ms = 300000,
  traffic = { rate = 15, streaming = 0.4, input_tokens = { 300, 1500 }, output_tokens = { 100, 400 } },
  models = {
    ["us.amazon.nova-2-lite-v1:0"] = {
      ttft_ms = { p50 = 300, p99 = 1500 },
      tokens_per_second = { p50 = 100, p99 = 40 },
      concurrency = 60, -- the rest waits
      faults = {
        { from_ms = 60000, to_ms = 75000, fault = "ModelErrorException", share = 0.3 },
        { from_ms = 75000, to_ms = 150000, fault = "ServiceUnavailableException" }, -- share 1: every request
        { from_ms = 150000, to_ms = 170000, fault = "hang", share = 0.5 },
        { from_ms = 150000, to_ms = 170000, share = 0.2,
          fault = { exception = "ModelStreamErrorException", after = 5 } },
      },
    },
    ["us.amazon.nova-pro-v1:0"] = {
      ttft_ms = { p50 = 500, p99 = 1800 },
      tokens_per_second = { p50 = 70, p99 = 30 },
    },
  },
}
