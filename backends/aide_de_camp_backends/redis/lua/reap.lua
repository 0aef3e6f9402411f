-- Takes expired leases back. How many at most.
begin()
-- A lease whose entry is gone, thrown away by a server whose memory was full, would never end: its
-- job says when it ends. Some at a time; the next calls find the others.
if call('ZCARD', LEASES) < call('ZCARD', HELD) then
  for _, member in ipairs(call('ZRANDMEMBER', HELD, CHUNK)) do
    local id = string.sub(member, -16)
    call('ZADD', LEASES, 0, read_run(call('HGET', RUN, id)).ends .. id)
  end
end
return take_back(tonumber(ARGV[3]))
