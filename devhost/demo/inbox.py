"""A folder of copies of the repo's files, one of which comes late."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from devhost.demo.files import ROOT


class Inbox:
    """Its last file is still being written, under another name, until `deliver`."""

    def __init__(self, folder: Path, sources: Sequence[str]) -> None:
        self.files = [str(folder / name.replace("/", "-")) for name in sources]
        for source, copy in zip(sources, self.files, strict=True):
            shutil.copyfile(ROOT / source, copy)
        self._late = Path(self.files[-1])
        self._unfinished = self._late.rename(f"{self._late}.partial")

    def deliver(self) -> None:
        """Again does nothing."""
        if not self._late.exists():
            self._unfinished.rename(self._late)
