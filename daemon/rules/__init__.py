"""The merchant's rules: documents as the office edits them, and the values that decide."""
