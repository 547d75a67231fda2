-- SPDX-License-Identifier: Apache-2.0
-- The scenario of `make demo`: two quick models with short responses and no faults of their own. The demo sets their
-- faults on the emulator's control path while it runs:
--   curl -d '{"fault": "ThrottlingException"}' http://127.0.0.1:8081/_emulator/models/us.amazon.nova-2-lite-v1%3A0
--   curl -d '{"fault": null}'                  http://127.0.0.1:8081/_emulator/models/us.amazon.nova-2-lite-v1%3A0

return {
  seed = 42,
  traffic = { rate = 20, streaming = 0.5, input_tokens = { 50, 200 }, output_tokens = { 20, 60 } },
  models = {
    ["us.amazon.nova-2-lite-v1:0"] = {
      ttft_ms = { p50 = 40, p99 = 120 },
      tokens_per_second = { p50 = 600, p99 = 300 },
    },
    ["us.amazon.nova-pro-v1:0"] = {
      ttft_ms = { p50 = 70, p99 = 200 },
      tokens_per_second = { p50 = 400, p99 = 200 },
    },
  },
}
