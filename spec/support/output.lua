-- SPDX-License-Identifier: Apache-2.0
-- busted's output: each failure with its trace, each skipped test by name, a count per file, and as the last line the
-- sum ("N passed, N failed, N skipped"), from which run_suites adds up the suites.
local busted_base = require "busted.outputHandlers.base"

local FAILURE_BYTES = 4000 -- shown at most: compared bodies and logs can be huge

return function()
  local busted = require "busted"
  local handler = busted_base()
  local counts, total

  local function fresh()
    return { success = 0, failure = 0, pending = 0 }
  end

  local function line(count, with_skipped)
    local text = ("%d passed, %d failed"):format(count.success, count.failure)
    return with_skipped and count.pending > 0 and ("%s, %d skipped"):format(text, count.pending) or text
  end

  local function print_failure(element, message, trace)
    total.failure, counts.failure = total.failure + 1, counts.failure + 1
    local text = type(message) == "string" and message or require "pl.pretty".write(message)
    if #text > FAILURE_BYTES then
      text = text:sub(1, FAILURE_BYTES) .. "\n[" .. #text - FAILURE_BYTES .. " bytes more]"
    end
    print(("FAILED %s\n  %s"):format(handler.getFullName(element), text:gsub("\n", "\n  ")))
    if trace and trace.traceback then print("  " .. trace.traceback:gsub("\n", "\n  ")) end
  end

  total, counts = fresh(), fresh()

  handler.fileStart = function()
    counts = fresh()
    return nil, true
  end

  handler.fileEnd = function(file)
    print(("%-40s %s"):format(file.name:gsub("^%./", ""):gsub("^spec/", ""), line(counts, true)))
    return nil, true
  end

  handler.testEnd = function(element, _, status)
    if status == "success" or status == "pending" then
      total[status], counts[status] = total[status] + 1, counts[status] + 1
      if status == "pending" then print("skipped " .. handler.getFullName(element)) end
    end
    io.stdout:flush()
    return nil, true
  end

  handler.failure = function(element, _, message, trace)
    print_failure(element, message, trace)
    return nil, true
  end

  handler.exitEnd = function()
    print(line(total, true))
    return nil, true
  end

  busted.subscribe({ "file", "start" }, handler.fileStart)
  busted.subscribe({ "file", "end" }, handler.fileEnd)
  busted.subscribe({ "test", "end" }, handler.testEnd, { predicate = handler.cancelOnPending })
  busted.subscribe({ "failure" }, handler.failure)
  busted.subscribe({ "error" }, handler.failure)
  busted.subscribe({ "exit" }, handler.exitEnd)
  return handler
end
