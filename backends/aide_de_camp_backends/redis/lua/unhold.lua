-- Puts held jobs back to what they were. The ids. Answers 0 done, 1 not held, 2 not found.
begin()
local answers = {}
local ids = ids_among(3, 1)
load_heads(ids)
load_runs(ids)
for i = 3, #ARGV do
  local id, answer = ARGV[i], 2
  local job = find(id)
  if job and job.state ~= HELD_STATE then
    answer = 1
  elseif job then
    answer = 0
    if run_of(id).finished == NONE then
      wake()
      schedule(id, job)
    else
      become(job, DEAD_STATE)
      change('ZADD', DEAD, 0, id)
    end
    save_head(id, job)
  end
  answers[#answers + 1] = answer
end
flush()
return answers
