-- Makes leases hold longer. The length, then per lease: id, token.
begin()
local answers, wanted = {}, later(NOW, ARGV[3])
local ids = ids_among(4, 2)
load_heads(ids)
load_runs(ids)
for i = 4, #ARGV, 2 do
  local id, answer = ARGV[i], 0
  local job = find(id)
  if job and job.state == RUNNING_STATE and job.token == ARGV[i + 1] then
    answer = 1
    local run = run_of(id)
    if less(run.ends, wanted) then
      change('ZREM', LEASES, run.ends .. id)
      change('ZADD', LEASES, 0, wanted .. id)
      run.ends = wanted
      change('HSET', RUN, id, pack_run(run))
    end
  end
  answers[#answers + 1] = answer
end
flush()
return answers
