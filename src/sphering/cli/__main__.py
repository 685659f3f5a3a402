"""`python -m sphering.cli` is `sphering`."""

from sphering.cli.app import main

if __name__ == "__main__":
    main()
