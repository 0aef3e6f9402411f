-- Takes scheduled and dead jobs out of use. The ids.
-- Answers head, run, error and payload of each that is held now, else four times nothing.
local ids = {}
load_heads(ids_among(3, 1))
for i = 3, #ARGV do
  local id = ARGV[i]
  local job = find(id)
  if job and job.state == SCHEDULED_STATE then
    change('ZREM', SCHEDULE, place(id, job))
    become(job, HELD_STATE)
    save_head(id, job)
  elseif job and job.state == DEAD_STATE then
    change('ZREM', DEAD, id)
    become(job, HELD_STATE)
    save_head(id, job)
  end
  ids[#ids + 1] = job and job.state == HELD_STATE and id or ''
end
flush()
return read(ids)
