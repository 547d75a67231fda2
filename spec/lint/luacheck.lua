-- SPDX-License-Identifier: Apache-2.0
std = "lua54"
max_line_length = 120
files["spec/*/*_spec.lua"] = { std = "+busted" }
-- A policy's hooks take what the contract hands them, whether they look at all of it or not.
files["policies/*.lua"] = { unused_args = false }
files["examples/*/*.lua"] = { unused_args = false }
files["spec/lint/luacheck.lua"] = { globals = { "std", "max_line_length", "files" } }
