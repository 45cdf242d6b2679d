"""Opens buckets that speak S3; needs the package obstore."""

import os
from datetime import timedelta

from obstore.exceptions import BaseError
from obstore.store import S3Store

from app.errors import ConfigurationError

_TIMEOUT = timedelta(seconds=60)
_CONNECT_TIMEOUT = timedelta(seconds=5)
# Whoever needs more repeats the whole step; a request must know soon.
_RETRIES = 3
_RETRY_TIMEOUT = timedelta(seconds=20)


def open_bucket(url: str) -> S3Store:
    """Opens a bucket, or what is below a prefix in it; nothing is sent yet.

    Args:
        url: `s3://bucket` or `s3://bucket/prefix`. Endpoint, region and credentials are those of
            the usual variables: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and so on.

    Raises:
        ConfigurationError: the URL or a variable is malformed.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    try:
        return S3Store.from_url(
            url,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "timeout": _TIMEOUT,
                "connect_timeout": _CONNECT_TIMEOUT,
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_TIMEOUT},
            # Not every server has the call that deletes many.
            disable_bulk_delete=True,
        )
    except (BaseError, ValueError) as error:
        raise ConfigurationError(f"{url!r}: {error}") from None
