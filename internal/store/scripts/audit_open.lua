#!lua
-- Checks open documents: each must exist and have a timer.
--
-- KEYS  1 timers  2 open  then one document per id
-- ARGV  1 now in ms  then the ids
-- Reply per id: 0 fine, 1 had no timer (armed at now), 2 had no document (forgotten)

local out = {}
for i = 2, #ARGV do
  local id, found = ARGV[i], 0
  if redis.call('SISMEMBER', KEYS[2], id) == 1 then
    if redis.call('EXISTS', KEYS[i + 1]) == 0 then
      found = 2
      redis.call('SREM', KEYS[2], id)
      redis.call('ZREM', KEYS[1], id)
    elseif not redis.call('ZSCORE', KEYS[1], id) then
      found = 1
      redis.call('ZADD', KEYS[1], ARGV[1], id)
    end
  end
  out[#out + 1] = found
end
return out
