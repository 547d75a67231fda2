-- SPDX-License-Identifier: Apache-2.0
-- One model for each fault, named after it, to try a client or a policy against any of them: the model "hang" hangs. A
-- model that isn't listed is healthy. In a stream a fault comes after the number of events in `after` (three by
-- default); "messageStop" means between the end of the text and the metadata.

local function always(fault, after)
  return { ttft_ms = { p50 = 20, p99 = 50 }, faults = { { fault = fault, after = after } } }
end

return {
  seed = 5,
  traffic = { output_tokens = { 50, 100 } },
  models = {
    ["*"] = { ttft_ms = { p50 = 20, p99 = 50 }, tokens_per_second = { p50 = 500, p99 = 200 } },

    -- the service's own errors, before anything else is sent
    ["throttled"] = { faults = { { fault = "ThrottlingException", retry_after_ms = 2000 } } },
    ["unavailable"] = always("ServiceUnavailableException"),
    ["not-ready"] = always("ModelNotReadyException"),
    ["internal"] = always("InternalServerException"),
    ["timed-out"] = always("ModelTimeoutException"),
    ["denied"] = always("AccessDeniedException"),
    ["invalid"] = always("ValidationException"),

    -- the same within a stream: as its very first event, and in its middle
    ["first-event"] = always { exception = "ThrottlingException", after = 0 },
    ["fifth-event"] = always { exception = "ModelStreamErrorException", after = 4 },

    -- what no service means to do
    ["hang"] = always("hang"),
    ["reset"] = always("reset"),
    ["reset-in-stream"] = always("reset", 3),
    ["close-early"] = always("close_early"),
    ["truncate"] = always("truncate"),
    ["corrupt"] = always("corrupt"),
    ["stall"] = always("stall"),
    ["silent-end"] = always("silent_end"),
    ["garbage"] = always("garbage"),
    ["html"] = always("html"),
    ["lying-length"] = always("lying_length"),

    -- trouble when the text is already complete
    ["stall-at-the-end"] = always("stall", "messageStop"),
    ["corrupt-at-the-end"] = always("corrupt", "messageStop"),

    -- declines every second time; has two slots and a queue; lets ten requests a minute in
    ["hesitant"] = { refusal_share = 0.5 },
    ["crowded"] = { concurrency = 2, tokens_per_second = { p50 = 50, p99 = 40 } },
    ["tight"] = { quota = { rpm = 10 } },
  },
}
