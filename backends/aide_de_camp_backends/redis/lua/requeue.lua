-- Schedules dead jobs again. Per request: id, request.
-- Answers 0 done, 1 not dead, 2 not found.
begin()
local answers = {}
local ids = ids_among(3, 2)
load_heads(ids)
load_runs(ids)
for i = 3, #ARGV, 2 do
  local id, request = ARGV[i], ARGV[i + 1]
  local job, answer = find(id), 2
  local run = job and run_of(id)
  if job and run.requeued == request then
    answer = 0  -- a repeat finds its own doing, whatever became of the job since
  elseif job and job.state ~= DEAD_STATE then
    answer = 1
  elseif job then
    answer = 0
    wake()
    change('ZREM', DEAD, id)
    job.retries, job.snoozes = 0, 0
    run.requeued, run.finished, run.reason = request, NONE, ''
    schedule(id, job)
    save(id, job, run)
  end
  answers[#answers + 1] = answer
end
flush()
return answers
