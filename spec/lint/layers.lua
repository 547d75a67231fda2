-- SPDX-License-Identifier: Apache-2.0
-- Checks every include of src/ against the table of the house: which room may include which, and which room a library
-- belongs to. Prints each include that breaks it and exits 1.

local rooms = {
  base = {},
  aws = { "base" },
  route = { "base" },
  world = { "base" },
  policy = { "route", "base" },
  net = { "base" },
  trace = { "route", "net", "base" },
  mux = { "trace", "net", "policy", "world", "route", "aws", "base" },
  -- Settings and scenarios are Lua tables, which policy reads; admin shows what route counts.
  gateway = { "mux", "net", "policy", "route", "aws", "base" },
  emulator = { "world", "net", "policy", "aws", "base" },
  library = { "mux", "net", "policy", "route", "aws", "base" },
  module = { "mux", "net", "policy", "route", "aws", "base" },
  cli = { "gateway", "emulator", "mux", "net", "policy", "world", "route", "aws", "base" },
}

-- Patterns of library headers, and the only rooms that include them.
local libraries = {
  { "^openssl/ssl", { net = true } },
  { "^openssl/err", { net = true, aws = true } },
  { "^openssl/x509", { net = true } },
  { "^openssl/", { aws = true, net = true } },
  { "^libdeflate%.h", { aws = true } },
  { "^jansson%.h", { aws = true } },
  { "^lua", { policy = true, module = true } },
  { "^lauxlib%.h", { policy = true, module = true } },
  { "^uv%.h", { net = true } },
  { "^curl/", { net = true } },
  { "^nghttp2/", { net = true } },
}

local function set(list)
  local result = {}
  for _, name in ipairs(list) do result[name] = true end
  return result
end

local function library_owners(header)
  for _, library in ipairs(libraries) do
    if header:find(library[1]) then return library[2] end
  end
end

local function check_line(room, line)
  local own = line:match('^%s*#%s*include%s+"([^"]+)"')
  if own then
    local other = own:match("^([^/]+)/")
    local is_generated = not other and own:find("%.inc$")
    if is_generated or other == room or (other and set(rooms[room])[other]) then return nil end
    return ("%s may not include %s"):format(room, own)
  end
  local library = line:match("^%s*#%s*include%s+<([^>]+)>")
  local owners = library and library_owners(library)
  if owners and not owners[room] then return ("%s may not include <%s>"):format(room, library) end
end

local wrong = 0
local listing = assert(io.popen("ls -d src/*/*.c src/*/*.h"))
for path in listing:lines() do
  local room = path:match("^src/([^/]+)/")
  if not rooms[room] then
    wrong = wrong + 1
    print(("%s: no such room in the table: %s"):format(path, room))
  else
    local number = 0
    for line in io.lines(path) do
      number = number + 1
      local problem = check_line(room, line)
      if problem then
        wrong = wrong + 1
        print(("%s:%d: %s"):format(path, number, problem))
      end
    end
  end
end
listing:close()
os.exit(wrong == 0)
