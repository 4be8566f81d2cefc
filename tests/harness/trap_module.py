"""A tiny wasm plugin, assembled here, that proves how a trap and a refused configuration show in Envoy.

It lets requests pass, traps on one with more than TRAP_HEADERS header entries, and refuses an empty configuration.
"""

from pathlib import Path

TRAP_HEADERS = 30
I32, FUNCTION, MEMORY = 0x7F, 0x00, 0x02
END, UNREACHABLE, IF, EMPTY_BLOCK, LOCAL_GET, CONSTANT, GREATER = 0x0B, 0x00, 0x04, 0x40, 0x20, 0x41, 0x4A
ALLOCATION = [CONSTANT, 0x80, 0x08]

# Name, count of i32 parameters, count of i32 results, instructions.
EXPORTS = (
    ("proxy_abi_version_0_2_1", 0, 0, []),
    ("proxy_on_memory_allocate", 1, 1, ALLOCATION),
    ("proxy_on_context_create", 2, 0, []),
    ("proxy_on_vm_start", 2, 1, [CONSTANT, 1]),
    ("proxy_on_configure", 2, 1, [LOCAL_GET, 1]),
    (
        "proxy_on_request_headers",
        3,
        1,
        [LOCAL_GET, 1, CONSTANT, TRAP_HEADERS, GREATER, IF, EMPTY_BLOCK, UNREACHABLE, END, CONSTANT, 0],
    ),
)


def write_trap_module(file: Path) -> Path:
    """Writes the module and returns its path."""
    types, codes, exports = [], [], [_name("memory") + bytes([MEMORY, 0])]
    for index, (name, parameters, results, instructions) in enumerate(EXPORTS):
        types.append(bytes([0x60]) + _vector([bytes([I32])] * parameters) + _vector([bytes([I32])] * results))
        body = bytes([0, *instructions, END])
        codes.append(bytes([len(body)]) + body)
        exports.append(_name(name) + bytes([FUNCTION, index]))
    module = b"\0asm\x01\0\0\0"
    module += _section(1, _vector(types))
    module += _section(3, _vector([bytes([index]) for index in range(len(EXPORTS))]))
    module += _section(5, _vector([bytes([0, 2])]))
    module += _section(7, _vector(exports))
    module += _section(10, _vector(codes))
    file.write_bytes(module)
    return file


def _section(number: int, content: bytes) -> bytes:
    return bytes([number]) + _length(len(content)) + content


def _vector(items: list[bytes]) -> bytes:
    return _length(len(items)) + b"".join(items)


def _name(text: str) -> bytes:
    return _length(len(text)) + text.encode()


def _length(number: int) -> bytes:
    """An unsigned LEB128 of at most two bytes."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])
