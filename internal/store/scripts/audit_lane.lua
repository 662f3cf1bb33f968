#!lua
-- Removes the entries of a lane that have no record.
--
-- KEYS  1 lane  2 effects
-- ARGV  the ids
-- Reply per id: 1 removed, 0 fine

local out = {}
for i = 1, #ARGV do
  local removed = 0
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0 then removed = redis.call('ZREM', KEYS[1], ARGV[i]) end
  out[i] = removed
end
return out
