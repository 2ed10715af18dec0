"""`python -m infra.docker.bucket`: creates CHARREC_STORE's bucket if it is missing and the key permits it."""

import os
import sys
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from charrec.errors import InputError


def ensure(store: str, endpoint: str | None) -> str:
    """Creates the bucket if necessary; returns a line that reports what it did."""
    address = urlsplit(store)
    if address.scheme != "s3":
        return f"{store} is no bucket"
    client = boto3.session.Session().client("s3", endpoint_url=endpoint)
    try:
        client.head_bucket(Bucket=address.netloc)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == HTTPStatus.FORBIDDEN:  # as for a role limited to a prefix
            return f"Bucket {address.netloc}: not looked at, since this key may not"
        if status != HTTPStatus.NOT_FOUND:
            raise
        region = client.meta.region_name
        elsewhere: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
        client.create_bucket(Bucket=address.netloc, **elsewhere)
        return f"Bucket {address.netloc}: created"
    return f"Bucket {address.netloc}: there"


def main() -> int:
    """The exit code: 2 where the store's server, its key or its region are not as they should be."""
    try:
        print(ensure(os.environ["CHARREC_STORE"], os.environ.get("CHARREC_ENDPOINT") or None))
    except (BotoCoreError, ClientError, ValueError) as error:  # their words may repeat an address with a password
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        wrong = InputError(
            f"the bucket of CHARREC_STORE cannot be looked at ({code})",
            "an S3 server at CHARREC_ENDPOINT (empty: Amazon's) that knows the key",
            "Correct these two, the key in AWS_ACCESS_KEY_ID or AWS_DEFAULT_REGION.",
        )
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
