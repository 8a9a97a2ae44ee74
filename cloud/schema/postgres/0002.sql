-- Entries come about in the order of their time, so that a block range index finds the days of a
-- statement and costs an insert next to nothing. SQLite has no such index and looks at every entry.

CREATE INDEX leaf_at ON leaf USING brin (at_ms);
