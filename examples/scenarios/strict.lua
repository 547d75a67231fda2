-- SPDX-License-Identifier: Apache-2.0
-- Models that do the work and then fail, one time in four: a retry repeats the work, and its cost. For
-- policies/strict.lua, which leaves retries to the client.

local model = {
  ttft_ms = { p50 = 40, p99 = 80 },
  tokens_per_second = { p50 = 1000, p99 = 500 },
  faults = { { fault = "ModelErrorException", share = 0.25 } },
}

return {
  seed = 18,
  traffic = { rate = 50, streaming = 0.5, input_tokens = { 200, 1000 }, output_tokens = { 10, 20 } },
  models = { ["us.amazon.nova-2-lite-v1:0"] = model, ["us.amazon.nova-pro-v1:0"] = model },
}
