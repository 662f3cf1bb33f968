#!lua
-- Puts effects back into their lane when they are missing there.
--
-- KEYS  1 effects  2... lanes
-- ARGV  1 now in ms  2 cursor  3 how many about  4... names of the lanes
-- Reply next cursor, number looked at, then the ids put back
--
-- Effects of lanes that this version does not know are left alone.

local lanes = {}
for i = 2, #KEYS do lanes[ARGV[2 + i]] = KEYS[i] end
local page = redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
local fields = page[2]
local out = {page[1], tostring(#fields / 2)}
for i = 1, #fields, 2 do
  local lane = lanes[string.match(fields[i + 1], '^%d+ %-?%d+ (%S+) ')]
  if lane and not redis.call('ZSCORE', lane, fields[i]) then
    redis.call('ZADD', lane, ARGV[1], fields[i])
    out[#out + 1] = fields[i]
  end
end
return out
