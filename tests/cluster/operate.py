"""What an operator does with a cluster, as a process of its own: python operate.py COMMAND.

`counts` prints what each replica has encoded as JSON; `redeploy` replaces all replicas.
"""

import json
import os
import sys

import ray
from ray import serve

from app.cluster.deployment import application_name, model_application, model_handle
from app.settings import load_settings

MODEL = "demo-nb"


def counts() -> dict[str, float]:
    """Windows that each replica has encoded, by its id."""
    reports = model_handle(MODEL).broadcast("report").results()
    return {
        report.replica: sum(
            sample.value
            for metric in report.metrics
            for sample in metric.samples
            if sample.name == "nordlyd_batch_items_sum"
        )
        for report in reports
    }


def redeploy() -> str:
    """Replaces the replicas by new ones of the same settings."""
    application = model_application(load_settings(os.environ), MODEL)
    serve.run(application, name=application_name(MODEL), route_prefix=None)
    return "redeployed"


if __name__ == "__main__":
    ray.init(address="auto", log_to_driver=False)
    result = {"counts": counts, "redeploy": redeploy}[sys.argv[1]]()
    print(json.dumps(result))
    ray.shutdown()
