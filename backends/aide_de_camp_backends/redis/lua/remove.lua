-- Removes all that is kept of a job, but its place among the done or the dead.
local function remove(id, job)
  count(job.state, job.type, -1)
  call('HDEL', JOB, id)
  call('HDEL', BODY, id)
  call('HDEL', RUN, id)
  call('HDEL', ERROR, id)
  call('ZREM', IDS, id)
end
