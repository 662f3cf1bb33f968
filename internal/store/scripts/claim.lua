#!lua
-- Claims the effects of one lane that are due, earliest first.
--
-- KEYS  1 lane  2 effects  3 fence
-- ARGV  1 now in ms  2 how many at most  3 end of the lease in ms
-- Reply per effect: id, due in ms, attempt, fence, description and body (""
--       for a record that is not one)
--
-- Fences never fall behind the clock, so that they keep growing after a server
-- that lost its memory came back.

local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local n = #due / 2
if n == 0 then return {} end

local function int(x) return string.format('%.0f', x) end

local fence = redis.call('INCRBY', KEYS[3], n) - n
if fence < tonumber(ARGV[1]) then
  fence = tonumber(ARGV[1])
  redis.call('SET', KEYS[3], int(fence + n))
end

local out = {}
for i = 1, n do
  local id = due[2 * i - 1]
  redis.call('ZADD', KEYS[1], ARGV[3], id)
  -- Without a record there is nothing to do; the auditor reports and removes it.
  local rec = redis.call('HGET', KEYS[2], id)
  if rec then
    local attempt, lane, rest = string.match(rec, '^(%d+) %-?%d+ (%S+) ()')
    if not attempt then attempt, lane, rest = '-1', '?', #rec + 1 end -- not ours; the caller reports it
    local held = int(tonumber(attempt) + 1) .. ' ' .. int(fence + i)
    if lane ~= '?' then
      redis.call('HSET', KEYS[2], id, held .. ' ' .. lane .. ' ' .. string.sub(rec, rest))
    end
    out[#out + 1] = id
    out[#out + 1] = due[2 * i]
    out[#out + 1] = int(tonumber(attempt) + 1)
    out[#out + 1] = int(fence + i)
    out[#out + 1] = string.sub(rec, rest)
  end
end
return out
