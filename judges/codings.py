"""The content codings that giotto may send, and how each is undone."""

import gzip

import brotli
import zstandard

DECODERS = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}
