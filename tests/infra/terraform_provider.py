"""A stand-in for Terraform's AWS provider: it knows names, as aws_provider.json does, and nothing else.

It speaks Terraform's plugin protocol, version 6, so that the real `terraform validate` reads the configuration with all
that it knows itself: variables, functions, references, modules. Values may be of any type.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

Tree = dict[str, Any]
LIST = 2  # nesting of blocks


def _field(number: int, content: bytes | str | bool | int) -> bytes:
    """One field of a message of Protocol Buffers."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(int(content))
    data = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])


def _attribute(name: str, need: str) -> bytes:
    numbers = {"required": (4,), "optional": (5, 6), "computed": (6,)}[need]  # what is optional may be computed
    return _field(1, name) + _field(2, '"dynamic"') + b"".join(_field(number, True) for number in numbers)


def _block(known: Tree) -> bytes:
    needs = dict.fromkeys(known["attributes"], "computed") | known["arguments"]
    content = [_field(2, _attribute(name, need)) for name, need in needs.items() if name not in known["blocks"]]
    for name, inner in known["blocks"].items():
        content.append(_field(3, _field(1, name) + _field(2, _block(inner)) + _field(3, LIST)
                              + _field(4, inner["required"])))  # fmt: skip
    return b"".join(content)


def _schemas(types: Tree) -> bytes:
    """GetProviderSchema's response."""
    content = [_field(1, _field(2, _block(types["provider.aws"])))]
    for kind, known in types.items():
        if not kind.startswith("provider."):
            number, name = (3, kind.removeprefix("data.")) if kind.startswith("data.") else (2, kind)
            content.append(_field(number, _field(1, name) + _field(2, _field(2, _block(known)))))
    return b"".join(content)


@contextmanager
def serving(types: Tree) -> Iterator[dict[str, str]]:
    """The environment in which `terraform` finds the provider."""
    answers = {"GetProviderSchema": _schemas(types)}
    answers |= dict.fromkeys(("ValidateProviderConfig", "ValidateResourceConfig", "ValidateDataResourceConfig"), b"")
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(lambda request, context, answer=answer: answer)
        for name, answer in answers.items()
    }
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    address = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    provider = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}
    try:
        yield {"TF_REATTACH_PROVIDERS": json.dumps({"registry.terraform.io/hashicorp/aws": provider}),
               "CHECKPOINT_DISABLE": "1"}  # fmt: skip
    finally:
        server.stop(None).wait()
