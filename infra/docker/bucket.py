"""`python -m infra.docker.bucket`: the bucket of CHARREC_STORE, made where there is none."""

import os
import sys
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError


def ensure(store: str, endpoint: str | None) -> str:
    """What was done, to be told."""
    address = urlsplit(store)
    if address.scheme != "s3":
        return f"{store} is no bucket"
    client = boto3.session.Session().client("s3", endpoint_url=endpoint)
    try:
        client.head_bucket(Bucket=address.netloc)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        client.create_bucket(Bucket=address.netloc)
        return f"Bucket {address.netloc}: created"
    return f"Bucket {address.netloc}: there"


if __name__ == "__main__":
    print(ensure(os.environ["CHARREC_STORE"], os.environ.get("CHARREC_ENDPOINT") or None))
    sys.exit(0)
