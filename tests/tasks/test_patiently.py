"""What is waited out of Prefect's server, and what is not."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from tasks import patience
from tasks.patience import patiently

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.001)


def answering(*answers: int) -> Callable[[], Awaitable[httpx.Response]]:
    """A call of a server that answers with these one after the other, 0: not at all; the last one for ever."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        status = left.pop(0) if len(left) > 1 else left[0]
        if not status:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(status)

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            return (await client.get("http://server.test/api")).raise_for_status()

    return call


@pytest.mark.parametrize("outage", [(500,), (503, 500), (0, 0, 429), (408,)])
async def test_an_outage_is_waited_out(outage: tuple[int, ...]) -> None:
    assert (await patiently(answering(*outage, 200))).status_code == 200


@pytest.mark.parametrize("status", [401, 404, 409, 422])
async def test_what_waiting_does_not_mend_is_raised(status: int) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        await patiently(answering(status, 200))


async def test_a_server_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "OUTAGE", 0.02)
    with pytest.raises(ConnectionError, match="Prefect's server is away"):
        await patiently(answering(500))
