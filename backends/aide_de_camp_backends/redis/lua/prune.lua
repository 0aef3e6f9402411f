-- Removes completed and cancelled jobs that are old enough, the oldest first.
-- The age as a negative delay, how many at most.
begin()
local last, limit, removed = later(NOW, ARGV[3]), tonumber(ARGV[4]), 0
while removed < limit do
  local members = call('ZRANGEBYLEX', DONE, '-', '[' .. last .. TOP, 'LIMIT', 0,
    math.min(CHUNK, limit - removed))
  if #members == 0 then
    break
  end
  in_chunks('ZREM', DONE, members)
  local ids = {}
  for i, member in ipairs(members) do
    ids[i] = string.sub(member, 9)
  end
  load_heads(ids)
  for _, id in ipairs(ids) do
    remove(id, find(id))
  end
  flush()
  removed = removed + #members
end
return removed
