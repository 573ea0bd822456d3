"""Where Chromium is, for the tests in a browser and for the README's pictures."""

import shutil

# The headless shell is Chromium's engine without its windows: the same pages for two thirds of the work.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
