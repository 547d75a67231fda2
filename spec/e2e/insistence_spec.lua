-- SPDX-License-Identifier: Apache-2.0
-- Operators and supervisors ask for an end more than once, up to the last moment: it stays a good end.
local signalbox = require "spec.support.signalbox"

describe("an end that is asked for again and again", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  for _, name in ipairs { "TERM", "INT", "HUP" } do
    it("is a good one, with SIG" .. name .. " until there is nobody to hear it", function()
      for workers = 1, 2 do
        local gateway = scene:gateway(scene:emulator(), { settings = { workers = workers } })
        gateway:signal("TERM")
        os.execute(("while kill -%s %d; do :; done 2>/dev/null"):format(name, gateway.pid))
        assert.equal(0, gateway:wait())
        gateway.stopped = true
      end
    end)
  end
end)
