"""`python -m langchain_tuned_gemini`, the same as `tuned-gemini`."""

import sys

from langchain_tuned_gemini.cli import main

if __name__ == "__main__":
    sys.exit(main())
