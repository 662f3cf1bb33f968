#!lua
-- Removes the timers of documents that do not exist.
--
-- KEYS  1 timers  then one document per id
-- ARGV  the ids
-- Reply per id: 1 removed, 0 fine

local out = {}
for i = 1, #ARGV do
  local removed = 0
  if redis.call('EXISTS', KEYS[i + 1]) == 0 then removed = redis.call('ZREM', KEYS[1], ARGV[i]) end
  out[i] = removed
end
return out
