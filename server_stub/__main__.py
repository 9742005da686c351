"""`python -m server_stub` is `penward-server`."""

from server_stub.cli import main

if __name__ == "__main__":
    main()
