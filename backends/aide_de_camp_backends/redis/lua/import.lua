-- Stores jobs that another storage holds, all or none. Per job: id, head, run and error (empty:
-- none), payload.
-- Answers whether the queue is new, then 1 for each job stored and 0 for each that is there.
local answers = {is_new()}
for i = 3, #ARGV, 5 do
  local id, head, run, problem = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if call('HEXISTS', JOB, id) == 1 then
    answers[#answers + 1] = 0
  else
    call('HSET', JOB, id, head)
    call('HSET', BODY, id, ARGV[i + 4])
    if run ~= '' then
      call('HSET', RUN, id, run)
    end
    if problem ~= '' then
      call('HSET', ERROR, id, problem)
    end
    call('ZADD', IDS, 0, id)
    count(HELD_STATE, read_head(head).type, 1)
    answers[#answers + 1] = 1
  end
end
return answers
