-- Puts held jobs back to what they were. The ids. Answers 0 done, 1 not held, 2 not found.
begin()
local answers = {}
for i = 3, #ARGV do
  local id, answer = ARGV[i], 2
  local job = find(id)
  if job and job.state ~= HELD_STATE then
    answer = 1
  elseif job then
    answer = 0
    if read_run(call('HGET', RUN, id)).finished == NONE then
      wake()
      schedule(id, job)
    else
      become(job, DEAD_STATE)
      call('ZADD', DEAD, 0, id)
    end
    call('HSET', JOB, id, pack_head(job))
  end
  answers[#answers + 1] = answer
end
return answers
