-- Ends attempts. Per settlement: id, token, kind, delay, reason (empty, or + and the words), and
-- the error in two parts (empty: none).
begin()
local MOST_BEFORE = 63  -- seven settlements before the last
local COMPLETED, RETRY, SNOOZED, RELEASED, KILLED, CANCELLED = 0, 1, 2, 3, 4, 5
-- Whether a settlement took effect before: a repeat finds its own doing, also where the job was
-- claimed again, and ended, since.
local function is_repeat(run, token, kind)
  if run.settled == token and run.kind == kind then
    return true
  end
  local wanted = token .. string.char(kind)
  for at = 1, #run.before, 9 do
    if string.sub(run.before, at, at + 8) == wanted then
      return true
    end
  end
  return false
end

local ids = ids_among(3, 7)
load_heads(ids)
load_runs(ids)
local answers = {}
for i = 3, #ARGV, 7 do
  local id, token, kind, delay, reason = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3],
    ARGV[i + 4]
  local shown, detail = ARGV[i + 5], ARGV[i + 6]
  local job, answer = find(id), 0
  local run = job and run_of(id)
  if job and is_repeat(run, token, kind) then
    answer = 1
  elseif job and job.state == RUNNING_STATE and job.token == token then
    answer = 1
    if kind == RETRY or kind == SNOOZED or kind == RELEASED then
      wake()
    end
    if run.settled ~= NONE then
      run.before = string.sub(run.settled .. string.char(run.kind) .. run.before, 1, MOST_BEFORE)
    end
    run.settled, run.kind = token, kind
    if shown ~= '' then
      change('HSET', ERROR, id, NOW .. struct.pack('>I4c0', #shown, shown) .. detail)
    end
    end_lease(id, job, run)
    if kind == COMPLETED then
      finish(id, job, run, COMPLETED_STATE, '')
    elseif kind == KILLED then
      finish(id, job, run, DEAD_STATE, reason)
    elseif kind == CANCELLED then
      finish(id, job, run, CANCELLED_STATE, reason)
    else
      if kind == RETRY then
        job.retries = job.retries + 1
      elseif kind == SNOOZED then
        job.snoozes = job.snoozes + 1
      end
      if kind ~= RELEASED then
        job.due = later(NOW, delay)
      end
      schedule(id, job)
    end
    save(id, job, run)
  end
  answers[#answers + 1] = answer
end
flush()
return answers
