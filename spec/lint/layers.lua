-- SPDX-License-Identifier: Apache-2.0
-- Checks every include of src/ against src/rooms.txt: which room may include which, and which room a library belongs
-- to, and whether ARCHITECTURE.md shows that table as it is. Prints each mistake and exits 1. With the argument
-- `write`, writes the table into ARCHITECTURE.md instead.

-- What the table calls a library, by a pattern of its headers; the first that matches holds.
local libraries = {
  { "^openssl/ssl", "openssl-tls" },
  { "^openssl/x509", "openssl-tls" },
  { "^openssl/", "openssl" },
  { "^libdeflate%.h", "libdeflate" },
  { "^lua", "lua" },
  { "^lauxlib%.h", "lua" },
  { "^uv%.h", "libuv" },
  { "^curl/", "libcurl" },
  { "^nghttp2/", "nghttp2" },
}

local function set(words)
  local result = {}
  for word in words:gmatch("%S+") do result[word] = true end
  return result
end

local function read_rooms(path)
  local rooms = {}
  for line in io.lines(path) do
    local name, on, uses, trade = line:match("^(%l+)%s*|([^|]*)|([^|]*)|%s*(.-)%s*$")
    if name then
      local words = on:match("^%s*(.-)%s*$")
      rooms[#rooms + 1] = { name = name, words = words, on = set(on), uses = set(uses), trade = trade }
      rooms[name] = rooms[#rooms]
    end
  end
  return rooms
end

local rooms = read_rooms("src/rooms.txt")

local wrong = 0
local function complain(...)
  wrong = wrong + 1
  print(string.format(...))
end

-- The page with the table between its two markers, and the page as it is.
local function page_with_table()
  local file = assert(io.open("ARCHITECTURE.md"))
  local page = file:read("a")
  file:close()
  local rows = { "| room | what it is for | includes |", "| --- | --- | --- |" }
  for _, room in ipairs(rooms) do
    rows[#rows + 1] = ("| [`%s`](src/%s/README.md) | %s | %s |"):format(
      room.name, room.name, room.trade, room.words == "" and "libc" or room.words)
  end
  local first, last = "<!-- rooms -->\n", "<!-- /rooms -->"
  local from, to = select(2, page:find(first, 1, true)), page:find(last, 1, true)
  assert(from and to, "ARCHITECTURE.md: no markers <!-- rooms --> and <!-- /rooms -->")
  return page:sub(1, from) .. table.concat(rows, "\n") .. "\n" .. page:sub(to), page
end

local wanted, found = page_with_table()
if arg[1] == "write" then
  local file = assert(io.open("ARCHITECTURE.md", "w"))
  file:write(wanted)
  file:close()
  os.exit(true)
end
if wanted ~= found then complain("ARCHITECTURE.md: its table is not that of src/rooms.txt; `make rooms` writes it") end

local function library_of(header)
  for _, library in ipairs(libraries) do
    if header:find(library[1]) then return library[2] end
  end
end

local function check_line(room, line)
  local own = line:match('^%s*#%s*include%s+"([^"]+)"')
  if own then
    local other = own:match("^([^/]+)/")
    local is_generated = not other and own:find("%.inc$")
    if is_generated or other == room.name or room.on[other] then return nil end
    return ("%s may not include %s"):format(room.name, own)
  end
  local header = line:match("^%s*#%s*include%s+<([^>]+)>")
  local library = header and library_of(header)
  if library and not room.uses[library] then return ("%s may not include <%s>"):format(room.name, header) end
end

-- A room includes rooms above it in the table only, so the table can hold no circle.
for i, room in ipairs(rooms) do
  for name in pairs(room.on) do
    local before = false
    for j = 1, i - 1 do before = before or rooms[j].name == name end
    if not before then complain("src/rooms.txt: %s includes %s, which is not above it", room.name, name) end
  end
end

local listing = assert(io.popen("ls -d src/*/*.c src/*/*.h"))
for path in listing:lines() do
  local name = path:match("^src/([^/]+)/")
  if not rooms[name] then
    complain("%s: no such room in src/rooms.txt: %s", path, name)
  else
    local number = 0
    for line in io.lines(path) do
      number = number + 1
      local problem = check_line(rooms[name], line)
      if problem then complain("%s:%d: %s", path, number, problem) end
    end
  end
end
listing:close()
os.exit(wrong == 0)
