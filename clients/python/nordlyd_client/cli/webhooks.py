"""`nordlyd jobs webhooks`: whether the webhook of a job was delivered, and sending it again."""

import sys
from typing import Annotated

import typer

from nordlyd_client.cli import options as shared


def webhooks(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="Of the job.")],
    *,
    repeat: Annotated[
        bool, typer.Option("--repeat", help="Send it again, whatever became of it before.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each delivery.")
    ] = False,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Show whether the webhook of a job was delivered."""
    from nordlyd_client.sync import Client  # noqa: PLC0415

    with Client(server, api_key) as client:
        found = client.jobs.webhooks(job_id, repeat=repeat)
    for delivery in found.deliveries:
        if as_json:
            print(delivery.model_dump_json())
            continue
        for name, value in delivery.model_dump(mode="json", exclude_none=True).items():
            print(f"{name}: {value}")
    if not found.deliveries:
        print("nordlyd: no webhook: the job has none, or has not ended yet", file=sys.stderr)
