-- SPDX-License-Identifier: Apache-2.0
-- The default classification, row by row.
local classify = require "signalbox.classify"

local rows = {
  -- name, status, verdict, outcome, counts
  { "ThrottlingException", 429, "failover", "rate_limit", false },
  { "TooManyRequestsException", 429, "failover", "rate_limit", false },
  { "ServiceQuotaExceededException", 400, "failover", "rate_limit", false },
  { "LimitExceededException", 400, "failover", "rate_limit", false },
  { "RequestLimitExceeded", 400, "failover", "rate_limit", false },
  { "RateLimitExceeded", 400, "failover", "rate_limit", false },
  { "", 429, "failover", "rate_limit", false },
  { "ModelNotReadyException", 429, "failover", "fail_fast", true },
  { "ServiceUnavailableException", 503, "failover", "fail_fast", true },
  { "ModelErrorException", 424, "failover", "fail_fast", true },
  { "ModelTimeoutException", 408, "failover", "fail_fast", true },
  { "ModelStreamErrorException", 424, "failover", "fail_fast", true },
  { "InternalServerException", 500, "failover", "fail_fast", true },
  { "", 502, "failover", "fail_fast", true },
  { "", 408, "failover", "fail_fast", true },
  { "ConnectionReset", nil, "failover", "fail_fast", true },
  { "", nil, "failover", "fail_fast", true },
  { "AccessDeniedException", 403, "failover", "fail_fast", false },
  { "ExpiredTokenException", 403, "failover", "fail_fast", false },
  { "UnrecognizedClientException", 403, "failover", "fail_fast", false },
  { "ResourceNotFoundException", 404, "failover", "fail_fast", false },
  { "", 401, "failover", "fail_fast", false },
  { "", 404, "failover", "fail_fast", false },
  { "ValidationException", 400, "fail", "fail_fast", false },
  { "ConflictException", 400, "fail", "fail_fast", false },
  { "", 413, "fail", "fail_fast", false },
}

describe("classify.default", function()
  for _, row in ipairs(rows) do
    local name, status, verdict, outcome, counts = table.unpack(row, 1, 5)
    it(("of %s, status %s"):format(name ~= "" and name or "no name", status), function()
      local found, options = classify.default { name = name, status = status }
      assert.equal(verdict, found)
      assert.same({ outcome = outcome, counts = counts }, options)
    end)
  end

  it("uses the type if the name is unknown", function()
    assert.equal("failover", (classify.default { name = "SlowDown", status = 400, type = "throttling" }))
    assert.equal("failover", (classify.default { name = "NotAuthorized", status = 400, type = "authentication" }))
    assert.equal("fail", (classify.default { name = "UnknownOperationException", status = 404, type = "validation" }))
  end)
end)
