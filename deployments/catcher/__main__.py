"""Lets a supervisor start the mailbox with `python -m deployments.catcher`."""

import sys

from deployments.catcher.process import main

sys.exit(main())
