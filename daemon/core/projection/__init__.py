"""What follows from the journal and the kept answers of its operations: the tables beside the books
that lists, filters, statements and reports read.

`Replay` makes them again, entry by entry, from what was written down and never from the tables
themselves; `counterd verify` compares, `counterd rebuild` puts right. Entries of releases before
version 3 moved none of it but balances; they carry no `event`.
"""
