-- Reads whole jobs: head, run, error and payload of each; nothing for an id without a job.
local function read(ids)
  local heads, runs, errors, payloads = fetch(JOB, ids), fetch(RUN, ids), fetch(ERROR, ids),
    fetch(BODY, ids)
  local answers = {}
  for i = 1, #ids do
    for _, values in ipairs({heads, runs, errors, payloads}) do
      answers[#answers + 1] = values[i]
    end
  end
  return answers
end
