-- SPDX-License-Identifier: Apache-2.0
-- Every model is healthy, whatever its id, at the speed of a mid-sized model: `signalbox emulate` plays this when it is
-- given no scenario. It has the keys that most scenarios need; the values are the defaults.

return {
  seed = 1,
  traffic = { rate = 10, streaming = 0.3, input_tokens = { 500, 2000 }, output_tokens = { 100, 800 } },
  models = {
    ["*"] = {
      ttft_ms = { p50 = 300, p99 = 1200 },
      tokens_per_second = { p50 = 80, p99 = 30 }, -- p99 is the slow end
    },
  },
}
