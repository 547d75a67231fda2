-- SPDX-License-Identifier: Apache-2.0
-- A busy hour: all models throttle most requests at the default tier and below; requests at the priority tier are
-- served. For policies/tiers.lua.

local model = {
  ttft_ms = { p50 = 40, p99 = 80 },
  tokens_per_second = { p50 = 1000, p99 = 500 },
  faults = { { fault = "ThrottlingException", share = 0.8, tier = { "default", "flex" } } },
}

return {
  seed = 16,
  traffic = { rate = 50, streaming = 0.5, input_tokens = { 200, 1000 }, output_tokens = { 10, 20 } },
  models = { ["us.amazon.nova-pro-v1:0"] = model, ["us.amazon.nova-2-lite-v1:0"] = model },
}
