-- SPDX-License-Identifier: Apache-2.0
-- Operators and supervisors send signals more than once, up to the last moment: the exit status stays 0.
local signalbox = require "spec.support.signalbox"

describe("a gateway that is stopping", function()
  local scene
  before_each(function() scene = signalbox.scene() end)
  after_each(function() scene:close() end)

  for _, name in ipairs { "TERM", "INT", "HUP" } do
    it("ends with status 0 while SIG" .. name .. " is sent to it until it has ended", function()
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
