-- Takes scheduled and dead jobs out of use. The ids.
-- Answers head, run, error and payload of each that is held now, else four times nothing.
local ids = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local job = find(id)
  if job and job.state == SCHEDULED_STATE then
    call('ZREM', SCHEDULE, place(id, job))
    become(job, HELD_STATE)
    call('HSET', JOB, id, pack_head(job))
  elseif job and job.state == DEAD_STATE then
    call('ZREM', DEAD, id)
    become(job, HELD_STATE)
    call('HSET', JOB, id, pack_head(job))
  end
  ids[#ids + 1] = job and job.state == HELD_STATE and id or ''
end
return read(ids)
