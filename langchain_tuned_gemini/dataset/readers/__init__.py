"""The forms of tuning data: how a file holds rows, and how a row holds an example.

- A file: `files` opens it, `json_rows` and `csv_rows` read its rows. Which of them does, `gather`
  beside this folder decides, from the first character.
- A row: `rows` finds out which shape it has, and reads texts and Vertex AI's contents; `messages`
  reads those of chats, `function_calls` those in which functions are called.
"""
