"""What requests to change connections, queries and KPIs have in common."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import azure.functions as func
from pydantic import Field, TypeAdapter

from repositories.records.definitions import DefinitionFilter
from services.definitions.documents import NewName, Provider, Tag
from triggers.boundary import Reply
from triggers.boundary import Text as Plain
from triggers.callers import caller_of
from triggers.logs import correlation_id
from triggers.queries import Line, PageQuery, Query, Text

if TYPE_CHECKING:
    from services.definitions.changes import Author
    from services.definitions.conditions import Condition
    from services.definitions.written import Written

KnownName = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,100}$", examples=["failed_jobs"])]
Environment = Annotated[Line, Field(min_length=1, max_length=50)]
Status = Literal["Healthy", "Warning", "Critical", "Error", "Unknown"]
NOTHING = Plain("")


class KnownQuery(Query):
    name: KnownName


class NewQuery(Query):
    name: NewName


class DefinitionsQuery(PageQuery):
    position: ClassVar[TypeAdapter[tuple[str]]] = TypeAdapter(tuple[Text])

    tag: Tag | None = None
    enabled: bool | None = None

    def chosen(self) -> DefinitionFilter:
        return DefinitionFilter(**self.filters())  # type: ignore[arg-type]  # as each declares


class PlacedQuery(DefinitionsQuery):
    """Of what has a place where it runs, and a verdict."""

    environment: Environment | None = None
    provider: Provider | None = None
    status: Status | None = None


def author_of(req: func.HttpRequest) -> "Author":
    from services.definitions.changes import Author

    return Author(caller_of(req), correlation_id())


def condition_of(req: func.HttpRequest) -> "Condition":
    from services.definitions.conditions import Condition

    return Condition.read(req.headers.get("if-match"), req.headers.get("if-none-match"))


def reply_unless_known(req: func.HttpRequest, name: str, written: "Written[Any]") -> Reply:
    """As `reply`, but 304 to who has it already. Not for what changes without its ETag."""
    from services.definitions.conditions import is_known

    if is_known(written.etag, req.headers.get("if-none-match")):
        return Reply(NOTHING, HTTPStatus.NOT_MODIFIED, {"etag": written.etag})
    return reply(name, written)


def reply(name: str, written: "Written[Any]") -> Reply:
    """The thing under its singular, with its ETag; 201 where it is new."""
    status = HTTPStatus.CREATED if written.is_new else HTTPStatus.OK
    return Reply({name: written.view}, status, {"etag": written.etag})
