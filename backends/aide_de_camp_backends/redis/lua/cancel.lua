-- Cancels scheduled jobs. Per cancellation: id, request, token (empty: any).
-- Answers 0 cancelled, 1 running, 2 not live, 3 changed, and the state of a finished job (else -1).
begin()
local answers = {}
local ids = ids_among(3, 3)
load_heads(ids)
load_runs(ids)
for i = 3, #ARGV, 3 do
  local id, request, token = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local job, answer, state = find(id), 2, -1
  local run = job and run_of(id)
  if not job then
    answer = 2
  elseif job.state == RUNNING_STATE then
    answer = 1
  elseif job.state == CANCELLED_STATE and run.request == request then
    answer = 0  -- a repeat finds its own doing
  elseif job.state ~= SCHEDULED_STATE then
    state = job.state
  elseif token ~= '' and token ~= job.token then
    answer = 3
  else
    answer = 0
    change('ZREM', SCHEDULE, place(id, job))
    finish(id, job, run, CANCELLED_STATE, '')
    run.request = request
    save(id, job, run)
  end
  answers[#answers + 1] = answer
  answers[#answers + 1] = state
end
flush()
return answers
