import sys

from devhost.serve import main

if __name__ == "__main__":
    sys.exit(main())
