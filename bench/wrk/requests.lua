-- wrk's part of a round: every request has the next of the Authorization headers in a file,
-- one a line, and the counts come as one line of JSON.

function init(arguments)
  local lines, at = {}, 0
  wrk.method = arguments[2]
  for line in io.lines(arguments[1]) do
    lines[#lines + 1] = line
  end
  wrk.headers["Authorization"] = lines[1]
  -- Without this function wrk sends one text again and again, which costs it less.
  if #lines > 1 then
    local requests = {}
    for number, line in ipairs(lines) do
      requests[number] = wrk.format(nil, nil, { ["Authorization"] = line })
    end
    request = function()
      at = at % #requests + 1
      return requests[at]
    end
  end
end

function done(summary)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"duration_us":%d,"bad_statuses":%d,"broken":%d}',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
