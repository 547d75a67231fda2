-- SPDX-License-Identifier: Apache-2.0
-- Where a process spends its time, by perf's samples: the kernel, libraries, and the rooms of src/. Source lines of the
-- addresses tell the rooms apart, so an inlined function belongs to the room that has its source.
local process = require "spec.support.process"

local profile = {}

local FREQUENCY = 1999 -- a second; a prime, so that sampling does not keep step with a timer
local LEAST = 0.005    -- smaller shares go into the rest

-- The name of a sample's object in the table; nil for the program itself, which is split by rooms.
local function object_name(object, program)
  if object:find("kernel", 1, true) or object == "[unknown]" then return "kernel" end
  if object:find("vdso", 1, true) then return "libc" end
  if object == program then return nil end
  return (object:match("([^/]+)%.so") or object):gsub("%-[%d.]+$", "")
end

-- The address at which the program is loaded.
local function load_address(child, program)
  for line in process.contents(("/proc/%d/maps"):format(child.pid)):gmatch("[^\n]+") do
    local start, offset = line:match("^(%x+)%-%x+ %S+ (%x+)")
    if line:sub(-#program) == program and tonumber(offset, 16) == 0 then return tonumber(start, 16) end
  end
  error(program .. " is not mapped", 0)
end

-- Counts samples: `shares` by name, and those of the program itself by address.
local function read_samples(text, program, base)
  local shares, own, count = {}, {}, 0
  for address, object in text:gmatch("(%x+) %(([^)]*)%)") do
    local name = object_name(object, program)
    count = count + 1
    if name then
      shares[name] = (shares[name] or 0) + 1
    else
      local place = ("0x%x"):format(tonumber(address, 16) - base)
      own[place] = (own[place] or 0) + 1
    end
  end
  return shares, own, count
end

-- Adds the program's own samples to their rooms.
local function add_rooms(shares, own, program, folder)
  local places = {}
  for place in pairs(own) do places[#places + 1] = place end
  local file = process.write(folder .. "/places", table.concat(places, "\n") .. "\n")
  local _, out = process.run { "sh", "-c", 'addr2line -e "$1" <"$2"', "sh", program, file }
  local index = 0
  for line in out:gmatch("[^\n]+") do
    index = index + 1
    local room = line:match("src/(%w+)/")
    local name = room and "src/" .. room or "other"
    shares[name] = (shares[name] or 0) + own[places[index]]
  end
end

-- Runs `work` while perf samples the process into the file `data`. Returns a list of { name, share }, the greatest
-- first; or nil and the reason.
function profile.of(child, program, folder, data, work)
  if not os.execute("command -v perf >/dev/null && command -v addr2line >/dev/null") then
    return nil, "perf or addr2line is not installed (Debian has them in linux-perf and binutils)"
  end
  local sampler = process.start({ "perf", "record", "-q", "-F", tostring(FREQUENCY), "-p", tostring(child.pid), "-o",
    data }, { folder = folder })
  work()
  sampler:signal("INT")
  sampler:wait()
  local _, text = process.run { "perf", "script", "-i", data, "-F", "ip,dso" }
  local shares, own, count = read_samples(text, program, load_address(child, program))
  if count == 0 then return nil, "perf may not sample here" end
  add_rooms(shares, own, program, folder)
  local list, rest = {}, 0
  for name, samples in pairs(shares) do
    local share = samples / count
    if share < LEAST then rest = rest + share else list[#list + 1] = { name, share } end
  end
  table.sort(list, function(one, other) return one[2] > other[2] end)
  list[#list + 1] = { "the rest", rest }
  return list
end

return profile
