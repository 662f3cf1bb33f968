#!lua
-- Moves claimed effects to another instant: a longer lease, or given back.
--
-- KEYS  1 effects  2... lanes
-- ARGV  1 "extend" or "retry"  2 the instant in ms  3... names of the lanes
--       then per effect: id, fence
-- Reply per effect: 1 moved, 0 not the caller's any more
--
-- An effect given back keeps its fence negated: the holder may repeat the call
-- but do nothing else with it.

local lanes = {}
for i = 2, #KEYS do lanes[ARGV[1 + i]] = KEYS[i] end
local out = {}
for i = #KEYS + 2, #ARGV, 2 do
  local id, fence, moved = ARGV[i], ARGV[i + 1], 0
  local rec = redis.call('HGET', KEYS[1], id)
  if rec then
    local attempt, held, lane, rest = string.match(rec, '^(%d+) (%-?%d+) (%S+) ()')
    if held == fence and lanes[lane] then
      moved = 1
      redis.call('ZADD', lanes[lane], ARGV[2], id)
      if ARGV[1] == 'retry' then
        redis.call('HSET', KEYS[1], id, attempt .. ' -' .. fence .. ' ' .. lane .. ' ' .. string.sub(rec, rest))
      end
    elseif ARGV[1] == 'retry' and held == '-' .. fence then
      moved = 1
    end
  end
  out[#out + 1] = moved
end
return out
