-- SPDX-License-Identifier: Apache-2.0
-- Checks that what documents point at exists: the files and headings of links, and each path that is set as code, such
-- as `spec/e2e/streams_spec.lua`. A path may begin at the root, in src/ (there without .c or .h too), in spec/, or in
-- the document's folder. Rows of tables with a column "shown by" name a spec. Prints each mistake and exits 1.

local mistakes = 0
local function complain(...)
  mistakes = mistakes + 1
  print(string.format(...))
end

local function contents(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

-- Of folders too.
local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- Headings as their anchors: `## What a policy can call` is #what-a-policy-can-call.
local function anchors_of(path)
  local anchors = {}
  for heading in ("\n" .. contents(path)):gmatch("\n#+ ([^\n]*)") do
    anchors[heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")] = true
  end
  return anchors
end

local function check_link(document, folder, target)
  if target:find("^%a+:") then return end
  local path, anchor = target:match("^([^#]*)#?(.*)$")
  path = path == "" and document or folder .. path
  if not exists(path) then
    complain("%s: a link to %s, which is not there", document, target)
  elseif anchor ~= "" and not anchors_of(path)[anchor] then
    complain("%s: a link to %s, which has no such heading", document, target)
  end
end

local ROOTS = { "", "src/", "spec/" }

local function is_path_there(folder, path)
  for _, root in ipairs { folder, table.unpack(ROOTS) } do
    for _, ending in ipairs { "", ".c", ".h" } do
      if exists(root .. path .. ending) then return true end
    end
  end
  return false
end

-- A path as far as documents write them: lower case, a slash within. What a build makes isn't there yet.
local function is_path(text)
  return text:find("^[%l_.][%w_.-]*/[%w_./-]*$") and not text:find("%u%u") and not text:find("^build/")
end

local function check_document(document)
  local folder = document:match("^.*/") or ""
  local text = contents(document):gsub("\n```.-\n```", "")
  for target in text:gmatch("%]%(([^)%s]+)%)") do check_link(document, folder, target) end
  for path in text:gmatch("`([^`\n]+)`") do
    if is_path(path) and not is_path_there(folder, path) then
      complain("%s: `%s` is not there", document, path)
    end
  end
end

-- A claim that no spec shows is none: in tables with a column "shown by", each row names a path there.
local function check_claims(document)
  local shown
  for line in io.lines(document) do
    local last = line:match("^|.*|%s*(.-)%s*|$")
    if not last then
      shown = false
    elseif last == "shown by" then
      shown = true
    elseif shown and not last:find("^%-+$") and not last:find("`[%w_.-]+/[^`]+`") and not last:find("`make %l+`") then
      complain("%s: no spec shows: %s", document, line)
    end
  end
end

local listing = assert(io.popen("ls *.md */*.md spec/*/*.md src/*/*.md"))
for document in listing:lines() do
  check_document(document)
  check_claims(document)
end
listing:close()
os.exit(mistakes == 0)
