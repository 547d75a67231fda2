-- SPDX-License-Identifier: Apache-2.0
-- Three models with a prompt cache: a cached beginning takes a fifth of the time to the first token. If requests are
-- scattered, every model has to cache every prompt. For policies/sticky.lua, with requests that share a few system
-- prompts and mark them with a cachePoint.

local model = {
  ttft_ms = { p50 = 400, p99 = 500 },
  tokens_per_second = { p50 = 1000, p99 = 500 },
  prompt_cache = { ttl_ms = 300000, ttft_share = 0.2 },
}

return {
  seed = 13,
  traffic = { rate = 40, streaming = 0.5, input_tokens = { 2000, 20000 }, output_tokens = { 10, 20 } },
  models = {
    ["us.anthropic.claude-haiku-4-5-20251001-v1:0"] = model,
    ["eu.anthropic.claude-haiku-4-5-20251001-v1:0"] = model,
    ["apac.anthropic.claude-haiku-4-5-20251001-v1:0"] = model,
    ["us.amazon.nova-2-lite-v1:0"] = model,
  },
}
