-- SPDX-License-Identifier: Apache-2.0
-- Checks that the README of each room of src/ lists every file of the room once, and no other. In the tables' first
-- column `name` stands for name.c and name.h, or whichever of them there is, and `name.c` for that file alone. Files
-- may also be named in a row's second column, as `name.c` or `name.h`. A room keeps to FILES_MAX files and LINES_MAX
-- lines of C: one that outgrows them holds two trades. Prints each mistake and exits 1.

local FILES_MAX, LINES_MAX = 45, 5000

local mistakes = 0
local function complain(...)
  mistakes = mistakes + 1
  print(string.format(...))
end

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

-- The rows of the tables that begin with "| file |", as { first, second, number }.
local function rows_of(path)
  local rows, inside, number = {}, false, 0
  local file = io.open(path)
  if not file then return rows end
  for line in file:lines() do
    number = number + 1
    local first, second = line:match("^| (.-) |(.*)|$")
    inside = first ~= nil and (inside or first == "file")
    if inside and first ~= "file" then rows[#rows + 1] = { first, second, number } end
  end
  file:close()
  return rows
end

local function check_size(folder)
  local files = #lines_of("ls " .. folder .. "/*.[ch]")
  local lines = tonumber(lines_of("cat " .. folder .. "/*.[ch] | wc -l")[1])
  if files > FILES_MAX then complain("%s: %d files, %d is the limit", folder, files, FILES_MAX) end
  if lines > LINES_MAX then complain("%s: %d lines, %d is the limit", folder, lines, LINES_MAX) end
end

local function check_room(folder)
  local listed, found = {}, {}
  local readme = folder .. "/README.md"
  for _, path in ipairs(lines_of("ls " .. folder .. "/*.[ch]")) do found[path:match("[^/]+$")] = true end
  local function list(file, number)
    local before = listed[file]
    if before then complain("%s:%d: %s is listed in line %d already", readme, number, file, before) end
    listed[file] = number
  end
  for _, row in ipairs(rows_of(readme)) do
    local first, second, number = table.unpack(row)
    for name in first:gmatch("`([%w_.]+)`") do
      if found[name] then
        list(name, number)
      elseif found[name .. ".c"] or found[name .. ".h"] then
        if found[name .. ".c"] then list(name .. ".c", number) end
        if found[name .. ".h"] then list(name .. ".h", number) end
      else
        complain("%s:%d: there is no %s", readme, number, name)
      end
    end
    for name in second:gmatch("`([%w_]+%.[ch])`") do
      if found[name] then list(name, number) end
    end
  end
  for file in pairs(found) do
    if not listed[file] then complain("%s: %s is not listed", readme, file) end
  end
end

for _, path in ipairs(lines_of("ls -d src/*/")) do
  local folder = path:gsub("/$", "")
  check_room(folder)
  check_size(folder)
end
os.exit(mistakes == 0 and 0 or 1)
