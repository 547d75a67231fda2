-- SPDX-License-Identifier: Apache-2.0
-- Child processes for specs: started in the background with their output in files, watched through these files, stopped
-- by pid. Every wait has a timeout; a process that outlives it fails the test.
local socket = require "socket"

local process = {}
process.__index = process

-- Generous, since sanitizers slow everything: only a broken test waits this long.
local TIMEOUT_S = 20

local function quoted(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

local function contents(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read("a")
  file:close()
  return text
end

-- Calls `probe` until it returns a true value, and returns that. Raises an error naming `what` after `seconds`.
function process.wait_for(what, probe, seconds)
  local deadline = socket.gettime() + (seconds or TIMEOUT_S)
  repeat
    local result = probe()
    if result then return result end
    socket.sleep(0.01)
  until socket.gettime() > deadline
  error("waited in vain for " .. what, 2)
end

-- Makes a new, empty folder; process.remove removes it.
function process.folder()
  local listing = assert(io.popen("mktemp -d"))
  local path = listing:read("l")
  listing:close()
  return assert(path, "no folder for the test's files")
end

function process.remove(folder)
  os.execute("rm -rf " .. quoted(folder))
end

function process.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

process.contents, process.quoted = contents, quoted

-- Runs a command to its end, for at most `seconds`. Returns its exit status, stdout and stderr.
function process.run(arguments, environment, seconds)
  local folder = process.folder()
  local child = process.start(arguments, { folder = folder, environment = environment })
  local status = child:wait(seconds)
  local out, log = contents(child.out_path), child:log()
  process.remove(folder)
  return status, out, log
end

-- Starts `arguments` (a list of words). options: folder for its files, environment (NAME = value; false unsets),
-- directory to start in.
function process.start(arguments, options)
  local words = {}
  for name, value in pairs(options.environment or {}) do
    -- env takes its -u options before its assignments.
    if value then
      words[#words + 1] = quoted(name .. "=" .. value)
    else
      table.insert(words, 1, "-u " .. quoted(name))
    end
  end
  if #words > 0 then table.insert(words, 1, "env") end
  for _, word in ipairs(arguments) do words[#words + 1] = quoted(word) end

  local self = setmetatable({}, process)
  local base = ("%s/%d"):format(options.folder, math.random(1 << 30))
  self.out_path, self.log_path, self.status_path = base .. ".out", base .. ".log", base .. ".status"
  -- The subshell outlives this call, waits for its child and writes the status into a file.
  local command = ("%s ( %s >%s 2>%s </dev/null & echo $!; exec >&-; wait $!; echo $? >%s.new; mv %s.new %s ) "):format(
    options.directory and "cd " .. quoted(options.directory) .. ";" or "", table.concat(words, " "), self.out_path,
    self.log_path, self.status_path, self.status_path, self.status_path) .. "2>/dev/null &"
  local shell = assert(io.popen(command))
  self.pid = assert(tonumber(shell:read("l")))
  shell:close()
  return self
end

function process:log()
  return contents(self.log_path)
end

-- The exit status, or nil while it runs.
function process:status()
  return tonumber(contents(self.status_path))
end

function process:wait(seconds)
  local ok, status = pcall(process.wait_for, "the end of " .. self.pid, function() return self:status() end, seconds)
  if ok then return status end
  self:signal("KILL")
  error(("process %d did not end; its log:\n%s"):format(self.pid, self:log():sub(-4000)), 2)
end

function process:signal(name)
  if not self:status() then os.execute(("kill -%s %d 2>/dev/null"):format(name, self.pid)) end
end

-- Waits until `pattern` matches in the log, and returns its first capture (or the match).
function process:wait_for_log(pattern, seconds)
  return process.wait_for(("%q in the log"):format(pattern), function()
    local text = self:log()
    local found = text:match(pattern)
    if not found and self:status() then
      error(("process ended with status %d; its log:\n%s"):format(self:status(), text:sub(-4000)), 0)
    end
    return found
  end, seconds)
end

-- Open file descriptors of the process, as the kernel counts them.
function process:descriptors()
  local listing = assert(io.popen(("ls /proc/%d/fd | wc -l"):format(self.pid)))
  local count = tonumber(listing:read("l"))
  listing:close()
  return count
end

-- Resident memory of the process in KB, as the kernel counts it.
function process:resident_kb()
  return tonumber(contents(("/proc/%d/status"):format(self.pid)):match("VmRSS:%s*(%d+)"))
end

return process
