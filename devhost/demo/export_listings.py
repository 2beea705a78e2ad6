"""Job `export_listings`: send the listings of some folders to an archive that nobody serves.

Its parameters and its errors hold a made-up password and a made-up account key, as those of a
careless job in the field would: to be seen masked in every answer.
"""

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from devhost.demo.files import LIST_FILES
from devhost.demo.workload import Beat, JobType, Stage, Values

PASSWORD = "not-a-real-Pa55word"  # noqa: S105
# Nothing listens on port 1 of this machine, so the connection is refused at once.
ARCHIVE = f"postgresql://archivist:{PASSWORD}@127.0.0.1:1/archive"
STORAGE = f"DefaultEndpointsProtocol=https;AccountName=archive;AccountKey={PASSWORD}=="
CONNECT_SECONDS = 2


def _plan_sending(job: Values, results: Sequence[Values]) -> list[Values]:
    return [{"listing": result["files"], "archive_url": job["archive_url"]} for result in results]


def _send_listing(task: Values, beat: Beat) -> Values:
    beat()
    archive = urlsplit(task["archive_url"])
    try:
        with socket.create_connection((archive.hostname, archive.port), CONNECT_SECONDS) as sent:
            sent.sendall("\n".join(task["listing"]).encode())
    except OSError as error:
        raise ConnectionError(f"cannot send a listing to {task['archive_url']}") from error
    return {"sent": len(task["listing"])}


def _plan_confirming(_: Values, results: Sequence[Values]) -> list[Values]:
    return [{"sent": sum(result["sent"] for result in results)}]


def _confirm_export(task: Values, beat: Beat) -> Values:
    beat()
    return task


EXPORT_LISTINGS = JobType(
    "export_listings",
    (
        LIST_FILES,
        Stage("send_listing", _plan_sending, _send_listing),
        Stage("confirm_export", _plan_confirming, _confirm_export),
    ),
)
