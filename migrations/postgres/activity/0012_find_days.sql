-- All that is told of a span of days, of whatever type.
CREATE INDEX daily_by_date ON daily (account_id, date, type) WHERE live = 1;

-- What was deleted keeps its version and nothing else.
UPDATE daily SET type = '', date = '', value = 0.0, spans = ''::bytea WHERE live = 0;
UPDATE metric SET type = '', at_us = 0, value = 0.0, skew_s = 0 WHERE live = 0;
