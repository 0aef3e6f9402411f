-- Walks the levels: finds due jobs by priority, time and id (clauses PRI-2 to PRI-5).
local function first(from, to)
  return call('ZRANGEBYLEX', SCHEDULE, from, to, 'LIMIT', 0, 1)[1]
end

-- One walker per type that has scheduled jobs: where it stands, and the member it stands at.
local function walkers_of(names)
  local walkers = {}
  local function add(prefix, head)
    if head then
      walkers[#walkers + 1] = {prefix = prefix, at = #prefix + 1, head = head}
    end
  end
  if names then
    for _, name in ipairs(names) do
      local prefix = struct.pack('>I2c0', #name, name)
      add(prefix, first('[' .. prefix, '[' .. prefix .. TOP))
    end
    return walkers
  end
  local head = first('-', '+')
  while head do
    local prefix = string.sub(head, 1, 2 + struct.unpack('>I2', head))
    add(prefix, head)
    head = first('(' .. prefix .. TOP, '+')
  end
  return walkers
end

local function time_of(walker, member)
  return string.sub(member, walker.at + 1, walker.at + 8)
end

local function top_level(walkers)
  local level = 256
  for _, walker in ipairs(walkers) do
    if walker.head then
      walker.level = string.byte(walker.head, walker.at)
      level = math.min(level, walker.level)
    end
  end
  return level
end

-- Merging the due jobs of several types at one level. Members are compared as numbers, six of 32
-- bits for time and id; each type is read in chunks, the exhausted ones again.
local function advance(cursor)
  cursor.index = cursor.index + 1
  if cursor.index > #cursor.members then
    local last = cursor.members[#cursor.members]
    cursor.members = call('ZRANGEBYLEX', SCHEDULE, last and '(' .. last or cursor.from, cursor.to,
      'LIMIT', 0, cursor.chunk)
    cursor.index = 1
  end
  local member = cursor.members[cursor.index]
  if member then
    cursor.key = {struct.unpack('>I4I4I4I4I4I4', member, cursor.at + 1)}
  end
  return member ~= nil
end

local function before(a, b)
  for i = 1, 6 do
    if a.key[i] ~= b.key[i] then
      return a.key[i] < b.key[i]
    end
  end
  return false
end

local function sift_down(heap, i)
  while true do
    local least = i
    for child = 2 * i, 2 * i + 1 do
      if heap[child] and before(heap[child], heap[least]) then
        least = child
      end
    end
    if least == i then
      return
    end
    heap[i], heap[least] = heap[least], heap[i]
    i = least
  end
end

local function merge(group, ends, wanted, found)
  local heap = {}
  for _, walker in ipairs(group) do
    local cursor = {
      at = walker.at, from = '[' .. walker.head, to = '[' .. ends(walker), members = {}, index = 0,
      chunk = math.ceil(2 * wanted / #group) + 1,
    }
    advance(cursor)
    heap[#heap + 1] = cursor
  end
  for i = math.floor(#heap / 2), 1, -1 do
    sift_down(heap, i)
  end
  while #heap > 0 and wanted > 0 do
    found[#found + 1] = heap[1].members[heap[1].index]
    wanted = wanted - 1
    if not advance(heap[1]) then
      heap[1] = heap[#heap]
      heap[#heap] = nil
    end
    if #heap > 1 then
      sift_down(heap, 1)
    end
  end
end

-- Returns the members of up to limit due jobs in order, and, where there were fewer, the time at
-- which the next job of the types falls due.
local function walk(names, limit)
  local walkers, found, next_due = walkers_of(names), {}, nil
  local function next_is(time)
    if not next_due or less(time, next_due) then
      next_due = time
    end
  end
  while #found < limit do
    local level = top_level(walkers)
    if level == 256 then
      return found, next_due
    end
    local mark = string.char(level)
    local function past_level(walker)
      return first('(' .. walker.prefix .. mark .. TOP, '[' .. walker.prefix .. TOP)
    end
    local function due_end(walker)
      return walker.prefix .. mark .. NOW .. TOP
    end
    local group = {}
    for _, walker in ipairs(walkers) do
      if walker.head and walker.level == level then
        local time = time_of(walker, walker.head)
        if less(NOW, time) then
          next_is(time)
          walker.head = past_level(walker)
        else
          group[#group + 1] = walker
        end
      end
    end
    if #group == 1 then
      local members = call('ZRANGEBYLEX', SCHEDULE, '[' .. group[1].head, '[' .. due_end(group[1]),
        'LIMIT', 0, limit - #found)
      for _, member in ipairs(members) do
        found[#found + 1] = member
      end
    elseif #group > 1 then
      merge(group, due_end, limit - #found, found)
    end
    if #found < limit then
      for _, walker in ipairs(group) do
        walker.head = first('(' .. due_end(walker), '[' .. walker.prefix .. TOP)
        if walker.head and string.byte(walker.head, walker.at) == level then
          next_is(time_of(walker, walker.head))
          walker.head = past_level(walker)
        end
      end
    end
  end
  return found, nil
end
