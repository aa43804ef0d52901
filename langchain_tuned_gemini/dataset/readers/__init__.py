"""The forms of tuning data: how a file holds rows, and how a row holds an example.

- A file: `files` finds out which form it has; `json_rows` and `csv_rows` read its rows.
- A row: `rows` finds out which shape it has; `messages` reads those of chats, `function_calls`
  those in which functions are called.
"""
