"""Microsoft's own Python client against the sandbox: what it can do at Graph it can do here."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from kiota_abstractions.api_error import APIError
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.request_information import RequestInformation
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import AssignLicensePostRequestBody
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core import GraphClientFactory
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem

from licensing_portal.sandbox import Sandbox, SandboxOptions, SandboxServer, serve
from licensing_portal.sandbox.catalog import sku_id
from licensing_portal.sandbox.story import user_id

type Work = Callable[[GraphServiceClient], Awaitable[None]]


class StoryToken(AnonymousAuthenticationProvider):
    """Adds the story's bearer token, over http too: the server is on this machine."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def authenticate_request(self, request: RequestInformation, additional: object = None) -> None:
        request.headers.add("Authorization", f"Bearer {self._token}")


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A served sandbox without limits and lags."""
    options = SandboxOptions(customers=1, writes_per_second=0, consumed_lag_seconds=0, index_lag_seconds=0)
    running = serve(Sandbox(options))
    yield running
    running.close()


@pytest.fixture
def run(server: SandboxServer) -> Callable[[Work], None]:
    """Run a coroutine with a client of Microsoft's SDK."""
    sandbox: Sandbox = server.app

    def go(work: Work) -> None:
        async def inside() -> None:
            async with GraphClientFactory.create_with_default_middleware() as http:
                token = StoryToken(sandbox.token_for(sandbox.story_tenant_id))
                adapter = GraphRequestAdapter(token, client=http)
                adapter.base_url = f"http://127.0.0.1:{server.port}/graph/v1.0"
                await work(GraphServiceClient(request_adapter=adapter))
                # Microsoft's middleware wraps the transport and never closes the one inside.
                await http._transport.transport.aclose()  # type: ignore[attr-defined]

        asyncio.run(inside())

    return go


def _body(*, add: list[str] = (), remove: list[str] = ()) -> AssignLicensePostRequestBody:  # type: ignore[assignment]
    return AssignLicensePostRequestBody(
        add_licenses=[AssignedLicense(sku_id=sku, disabled_plans=[]) for sku in add],  # type: ignore[arg-type]
        remove_licenses=list(remove),  # type: ignore[arg-type]
    )


def test_it_lists_skus_and_pages_users(run: Callable[[Work], None]) -> None:
    async def work(graph: GraphServiceClient) -> None:
        skus = await graph.subscribed_skus.get()
        assert skus is not None
        assert sku_id("SPE_E3") in {str(sku.sku_id) for sku in skus.value or []}
        query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(top=50, select=["id", "assignedLicenses"])
        page = await graph.users.get(RequestConfiguration(query_parameters=query))
        found: list[str] = []
        while page is not None:
            found += [str(user.id) for user in page.value or []]
            page = await graph.users.with_url(page.odata_next_link).get() if page.odata_next_link else None
        assert len(found) == len(set(found)) == 137

    run(work)


def test_it_assigns_reads_back_and_removes(run: Callable[[Work], None]) -> None:
    async def work(graph: GraphServiceClient) -> None:
        user = graph.users.by_user_id(user_id("joiner", 2))
        await user.assign_license.post(_body(add=[sku_id("SPE_E3")]))
        details = await user.license_details.get()
        assert [str(entry.sku_id) for entry in details.value] == [sku_id("SPE_E3")]  # type: ignore[union-attr]
        await user.assign_license.post(_body(remove=[sku_id("SPE_E3")]))
        details = await user.license_details.get()
        assert details.value == []  # type: ignore[union-attr]
        with pytest.raises(APIError) as refused:
            await user.assign_license.post(_body(remove=[sku_id("SPE_E3")]))
        assert refused.value.response_status_code == 400
        assert "corresponding license" in refused.value.error.message  # type: ignore[attr-defined]

    run(work)


def test_it_batches_20_and_obeys_a_429(run: Callable[[Work], None], server: SandboxServer) -> None:
    sandbox: Sandbox = server.app

    async def work(graph: GraphServiceClient) -> None:
        batch = BatchRequestContent()
        for number in range(1, 21):
            user = graph.users.by_user_id(user_id("member", number))
            batch.add_request(None, BatchRequestItem(user.to_get_request_information()))
        answer = await graph.batch.post(batch)
        assert answer is not None
        assert {entry.status for entry in answer.responses.values()} == {200}
        sandbox.faults.add({"match": "GET /graph/v1.0/subscribedSkus", "status": 429, "headers": {"Retry-After": "1"}})
        sandbox.journal.clear()
        assert await graph.subscribed_skus.get() is not None
        statuses = [call["status"] for call in sandbox.journal.show()["calls"]]
        assert statuses == [429, 200]

    run(work)
