"""Pages of other sites get nothing done here, by whatever name they find this machine."""

import pytest

from tests.devhost.client import Client, Connect

SITE = "http://localhost:7071"
EVIL = "http://evil.example"
ECHO = '@app.route("x")\ndef f(req: func.HttpRequest) -> str:\n    return "ran"'
LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.fixture
def client(connect: Connect) -> Client:
    return connect(ECHO)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:7071", "LocalHost:1", "127.0.0.1:7071", "[::1]", "[::1]:7071"]
)
def test_this_machine_is_asked_by_its_own_names(client: Client, host: str) -> None:
    assert client.post("/api/x", headers={"host": host}).text == "ran"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7071",
        "localhost.evil.example:7071",
        "evil.example,localhost",
        "10.0.0.1:7071",
        "[::2]:7071",
        ":7071",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/api/x", "/api/nowhere", "/admin/functions/f", "/"])
def test_another_name_that_leads_here_is_refused(client: Client, host: str, path: str) -> None:
    refused = client.post(path, headers={"host": host})
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json() == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "this host does not go by that name: add it to ALLOWED_HOSTS",
    }


def test_other_names_can_be_allowed(connect: Connect) -> None:
    client = connect(ECHO, values={"ALLOWED_HOSTS": " Dev.example, 10.0.0.1 ,"})
    for host in ("dev.example:7071", "10.0.0.1", "localhost:7071"):
        assert client.post("/api/x", headers={"host": host}).text == "ran"
        own = {"host": host, "origin": f"http://{host}"}
        assert client.post("/api/x", headers=own).text == "ran"
    assert client.post("/api/x", headers={"host": ""}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost:3000"},
        {"sec-fetch-site": "cross-site", **LINK},
        {"origin": EVIL},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"origin": "http://127.0.0.1:7071"},
        {"origin": f"{SITE}.evil.example"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/x", "/admin/functions/f"])
def test_a_page_of_another_site_is_refused(
    client: Client, headers: dict[str, str], method: str, path: str
) -> None:
    plain = {"content-type": "text/plain", **headers}
    refused = client.request(method, path, headers=plain, content="{}")
    assert (refused.status_code, refused.headers["content-type"]) == (
        403,
        "application/problem+json",
    )
    assert "another site" in refused.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        {"sec-fetch-site": "cross-site", **LINK, "sec-fetch-dest": "iframe"},
    ],
)
def test_a_page_of_another_site_reads_nothing_either(
    client: Client, headers: dict[str, str]
) -> None:
    assert client.get("/api/x", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": SITE, "sec-fetch-site": "same-origin"},
        {"origin": SITE},
        {"sec-fetch-site": "none", **LINK},
        {},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_our_own_pages_an_address_typed_and_what_is_no_browser_are_answered(
    client: Client, headers: dict[str, str], method: str
) -> None:
    assert client.request(method, "/api/x", headers=headers).text == "ran"


def test_a_link_on_another_site_may_lead_here(client: Client) -> None:
    assert client.get("/api/x", headers={"sec-fetch-site": "cross-site", **LINK}).text == "ran"
