#!lua
-- Takes the timers that have run out, earliest first, and moves them on, so
-- that nobody else looks at the same documents meanwhile.
--
-- KEYS  1 timers
-- ARGV  1 now in ms  2 how many at most  3 the instant to move them to, in ms
-- Reply per timer: document id, the instant at which it ran out in ms

local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #due, 2 do
  redis.call('ZADD', KEYS[1], ARGV[3], due[i])
end
return due
