## The page of a live board

languages = Language
untitled = Challenge
as-of = as of
stale = Stale: no news from the board
reload = Reload the page to see newer results.
caption = Places, best first
rank = Place
participant = Participant
anonymous = anonymous
empty = Nobody has a place yet. The first result opens the board.

# $count (Number), $shown (String): the count as it is written
participants = { $count ->
    [one] { $shown } participant
   *[other] { $shown } participants
}
held = { $count ->
    [one] { $shown } new
   *[other] { $shown } new
}

pause = Pause
resume = Resume
link-live = live
link-connecting = connecting…
link-lost = reconnecting…
link-closed = final
link-paused = paused

# Spoken when another leads. $name (String), $score (String)
leads = { $name } leads with { $score }

## What a challenge counts

metric-distance-m = Distance
metric-moving-time-s = Moving time
metric-ascent-m = Ascent
metric-count = Activities
metric-steps = Steps
metric-longest-m = Longest distance
metric-fastest-s = Fastest time
metric-xp = XP
# $n (String): the number
unit-km = { $n } km
unit-m = { $n } m

## How it stands with a challenge

state-draft = Draft
state-scheduled = Not started yet
state-open = Running
state-ended = Ended, late results still count
state-settling = Being settled
state-settled = Final results
state-stopped = Stopped

## Times

# $start, $end, $zone (String)
window = { $start } – { $end } ({ $zone })
clock-local = in everyone's local time
# $day, $year, $time (String), $month (Number, 1 to 12)
date = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }, { $time }

## Instead of a page

missing-title = There is no such board
missing-text = The challenge does not exist, or its board is not public. Check the address.
unavailable-title = The board cannot be shown now
unavailable-text = Something on our side does not answer. Nothing is lost; try again in a moment.
retry = Try again
request-id = Request
