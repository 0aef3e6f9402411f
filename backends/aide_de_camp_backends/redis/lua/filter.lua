-- Which jobs are meant: sets of names, read off the arguments, and bounds of times.
local argument = 3

local function next_argument()
  argument = argument + 1
  return ARGV[argument - 1]
end

-- A number of names (-1: no condition), then the names.
local function next_set()
  local size = tonumber(next_argument())
  if size < 0 then
    return nil
  end
  local names = {}
  for _ = 1, size do
    names[next_argument()] = true
  end
  return names
end

local function within(moment, from, to)
  if from == '' and to == '' then
    return true
  end
  return moment ~= NONE and (from == '' or not less(moment, from))
    and (to == '' or less(moment, to))
end

local function reason_is_among(reasons, run)
  return run.reason ~= '' and reasons[string.sub(run.reason, 2)] ~= nil
end
