-- Removes all that is kept of a job, but its place among the done or the dead.
local function remove(id, job)
  count(job.state, job.type, -1)
  heads_of[id], runs_of[id] = false, false
  change('HDEL', JOB, id)
  change('HDEL', BODY, id)
  change('HDEL', RUN, id)
  change('HDEL', ERROR, id)
  change('ZREM', IDS, id)
end
