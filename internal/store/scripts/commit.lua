#!lua
-- Applies one Commit, or nothing.
--
-- KEYS  1 seq  2 timers  3 open  4 effects  5 op  6... lanes
--       then one document per write, then one mark per mark
-- ARGV  1 operation (11 characters)  2 life of the op key in ms
--       3 highest seq the caller has seen
--       4 writes  5 marks  6 dones  7 cancels  8 plans   (counts)
--       9 the lanes in number, then their names
--       then per write:  id, expected version, "1" = delete, body, TTL in ms
--                        (0 = none), timer in ms ("" = none), "1" = open
--       per mark:        TTL in ms
--       per done:        effect id, fence
--       per cancel:      effect id
--       per plan:        effect id, number of the lane (from 1), due in ms, record
-- Reply {result, seq, lost}: result 1 applied, 2 had been applied already,
--       3 seen, 4 fenced, 5 conflict; seq the number of this commit;
--       lost how many commits the caller knows of and the server does not.
--
-- Everything is read and checked before the first write.

local OPLEN, OPKEEP = 11, 4
local op = ARGV[1]
local nw, nm, nd, nc, np = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]),
  tonumber(ARGV[7]), tonumber(ARGV[8])
local nl = tonumber(ARGV[9])
local W = 9 + nl
local M = W + 7 * nw
local D = M + nm
local C = D + 2 * nd
local P = C + nc
local lanes = {}
for i = 1, nl do lanes[ARGV[9 + i]] = KEYS[5 + i] end
local K = 5 + nl -- keys before the documents

local function int(n) return string.format('%.0f', n) end

-- Has this operation been here? Its traces: the op key, a mark, a document.
if redis.call('EXISTS', KEYS[5]) == 1 then return {2, 0, 0} end
local seen, conflict, traced = false, false, nm > 0
for i = 1, nm do
  local by = redis.call('GET', KEYS[K + nw + i])
  if by == op then return {2, 0, 0} end
  if by then seen = true end
end
local versions, ops = {}, {}
for i = 1, nw do
  local head = redis.call('GETRANGE', KEYS[K + i], 0, 79)
  versions[i], ops[i] = 0, ''
  if head ~= '' then
    local v, o = string.match(head, '^(%d+) (%S+) ')
    if not v then return redis.error_reply('CORRUPT document without a header') end
    versions[i], ops[i] = tonumber(v), o
  end
  for j = 1, #ops[i], OPLEN do
    if string.sub(ops[i], j, j + OPLEN - 1) == op then return {2, 0, 0} end
  end
  if versions[i] ~= tonumber(ARGV[W + 7 * i - 5]) then conflict = true end
  if ARGV[W + 7 * i - 4] ~= '1' then traced = true end
end
if seen then return {3, 0, 0} end

-- An effect is the caller's while its record carries the caller's fence.
for i = 1, nd do
  local rec = redis.call('HGET', KEYS[4], ARGV[D + 2 * i - 1])
  if not rec or string.match(rec, '^%d+ (%-?%d+) ') ~= ARGV[D + 2 * i] then return {4, 0, 0} end
end
if conflict then return {5, 0, 0} end

-- From here on everything is applied.
local last, lost = tonumber(ARGV[3]), 0
local seq = redis.call('INCR', KEYS[1])
if seq <= last then
  lost = last - seq + 1
  seq = last + 1
  redis.call('SET', KEYS[1], int(seq))
end
if not traced then redis.call('SET', KEYS[5], '1', 'PX', ARGV[2]) end

for i = 1, nm do redis.call('SET', KEYS[K + nw + i], op, 'PX', ARGV[M + i]) end

for i = 1, nw do
  local at = W + 7 * (i - 1)
  local key, id, timer = KEYS[K + i], ARGV[at + 1], ARGV[at + 6]
  if ARGV[at + 3] == '1' then
    redis.call('DEL', key)
  else
    local value = int(versions[i] + 1) .. ' ' .. string.sub(op .. ops[i], 1, OPLEN * OPKEEP) .. ' ' .. ARGV[at + 4]
    if ARGV[at + 5] == '0' then
      redis.call('SET', key, value)
    else
      redis.call('SET', key, value, 'PX', ARGV[at + 5])
    end
  end
  if timer == '' then
    redis.call('ZREM', KEYS[2], id)
  else
    redis.call('ZADD', KEYS[2], timer, id)
  end
  if ARGV[at + 7] == '1' then
    redis.call('SADD', KEYS[3], id)
  else
    redis.call('SREM', KEYS[3], id)
  end
end

local function drop(id)
  local rec = redis.call('HGET', KEYS[4], id)
  if not rec then return end
  redis.call('HDEL', KEYS[4], id)
  local lane = lanes[string.match(rec, '^%d+ %-?%d+ (%S+) ')]
  if lane then redis.call('ZREM', lane, id) end
end
for i = 1, nd do drop(ARGV[D + 2 * i - 1]) end
for i = 1, nc do drop(ARGV[C + i]) end

for i = 1, np do
  local at = P + 4 * (i - 1)
  local lane = tonumber(ARGV[at + 2])
  if redis.call('HSETNX', KEYS[4], ARGV[at + 1], '0 0 ' .. ARGV[9 + lane] .. ' ' .. ARGV[at + 4]) == 1 then
    redis.call('ZADD', KEYS[5 + lane], ARGV[at + 3], ARGV[at + 1])
  end
end
return {1, seq, lost}
