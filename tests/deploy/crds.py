"""What the custom resources of the chart may hold: the fields that it uses, and no others.

Written by hand from the definitions of the Prometheus operator (v1), KEDA (v1alpha1) and KubeRay
(v1): a misspelt or misplaced field is an error here, as it is for the operators.
"""

from typing import Any

Schema = dict[str, Any]

_STRING = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_STRINGS = {"type": "object", "additionalProperties": _STRING}


def _object(properties: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


def _resource(api_version: str, kind: str, spec: Schema) -> Schema:
    metadata = _object({"name": _STRING, "labels": _STRINGS, "annotations": _STRINGS}, "name")
    return _object(
        {
            "apiVersion": {"const": api_version},
            "kind": {"const": kind},
            "metadata": metadata,
            "spec": spec,
        },
        "apiVersion", "kind", "metadata", "spec",
    )  # fmt: skip


_SERVICE_MONITOR = _object(
    {
        "jobLabel": _STRING,
        "selector": _object({"matchLabels": _STRINGS}, "matchLabels"),
        "endpoints": _list(
            _object(
                {
                    "port": _STRING,
                    "path": _STRING,
                    "interval": {"type": "string", "pattern": r"^\d+(ms|s|m|h)$"},
                }
            )
        ),
    },
    "selector", "endpoints",
)  # fmt: skip

_SCALING_RULES = _object(
    {
        "stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600},
        "policies": _list(
            _object(
                {
                    "type": {"enum": ["Pods", "Percent"]},
                    "value": {"type": "integer", "minimum": 1},
                    "periodSeconds": {"type": "integer", "minimum": 1, "maximum": 1800},
                },
                "type",
                "value",
                "periodSeconds",
            )
        ),
    }
)

_SCALED_OBJECT = _object(
    {
        "scaleTargetRef": _object(
            {"apiVersion": _STRING, "kind": _STRING, "name": _STRING}, "name"
        ),
        "minReplicaCount": _COUNT,
        "maxReplicaCount": _COUNT,
        "pollingInterval": _COUNT,
        "fallback": _object(
            {
                "failureThreshold": _COUNT,
                "replicas": _COUNT,
                "behavior": {
                    "enum": [
                        "static",
                        "currentReplicas",
                        "currentReplicasIfHigher",
                        "currentReplicasIfLower",
                    ]
                },
            },
            "failureThreshold", "replicas",
        ),
        "advanced": _object(
            {
                "horizontalPodAutoscalerConfig": _object(
                    {"behavior": _object({"scaleUp": _SCALING_RULES, "scaleDown": _SCALING_RULES})}
                )
            }
        ),
        "triggers": _list(
            _object(
                {
                    "type": {"const": "prometheus"},
                    "metricType": {"enum": ["AverageValue", "Value"]},
                    # KEDA takes strings alone, numbers in quotes.
                    "metadata": _object(
                        {"serverAddress": _STRING, "query": _STRING, "threshold": _STRING},
                        "serverAddress", "query", "threshold",
                    ),
                    "authenticationRef": _object({"name": _STRING, "kind": _STRING}, "name"),
                },
                "type", "metadata",
            )
        ),
    },
    "scaleTargetRef", "triggers",
)  # fmt: skip

_POD_TEMPLATE = _object({"metadata": {"type": "object"}, "spec": {"type": "object"}}, "spec")

_RAY_SERVICE = _object(
    {
        "serveConfigV2": _STRING,
        "serviceUnhealthySecondThreshold": _COUNT,
        "deploymentUnhealthySecondThreshold": _COUNT,
        "excludeHeadPodFromServeSvc": {"type": "boolean"},
        "rayClusterDeletionDelaySeconds": _COUNT,
        "rayClusterConfig": _object(
            {
                "rayVersion": _STRING,
                "enableInTreeAutoscaling": {"type": "boolean"},
                "autoscalerOptions": {"type": "object"},
                "headGroupSpec": _object(
                    {"rayStartParams": _STRINGS, "template": _POD_TEMPLATE}, "template"
                ),
                "workerGroupSpecs": _list(
                    _object(
                        {
                            "groupName": _STRING,
                            "replicas": _COUNT,
                            "minReplicas": _COUNT,
                            "maxReplicas": _COUNT,
                            "rayStartParams": _STRINGS,
                            "template": _POD_TEMPLATE,
                        },
                        "groupName", "template",
                    )
                ),
            },
            "headGroupSpec",
        ),
    },
    "serveConfigV2", "rayClusterConfig",
)  # fmt: skip

CUSTOM_RESOURCES = {
    "ServiceMonitor": _resource("monitoring.coreos.com/v1", "ServiceMonitor", _SERVICE_MONITOR),
    "ScaledObject": _resource("keda.sh/v1alpha1", "ScaledObject", _SCALED_OBJECT),
    "RayService": _resource("ray.io/v1", "RayService", _RAY_SERVICE),
}
