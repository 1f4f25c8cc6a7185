"""Prints what a safetensors file holds: a reader of its own, from the format's description and the standard library.

Where the package `safetensors` is installed (with numpy), both must see the same.
"""
import json
import struct
import sys

SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
         "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8}


def unique(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a name twice in {names}"
    return dict(pairs)


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack_from("<Q", content)
    assert length % 8 == 0 and content[8:9] == b"{", "the data must begin at a multiple of 8, the header with {"
    header = json.loads(content[8:8 + length].decode("utf-8"), object_pairs_hook=unique)
    data = content[8 + length:]
    texts = header.pop("__metadata__", {})
    assert all(isinstance(text, str) for text in texts.values())
    tensors, expected = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        size = SIZES[entry["dtype"]]
        count = 1
        for extent in entry["shape"]:
            count *= extent
        assert begin == expected and end - begin == count * size, f"{name}: a gap, or a wrong size"
        assert begin % size == 0, f"{name}: not aligned"
        tensors[name] = (entry["dtype"], entry["shape"], data[begin:end])
        expected = end
    assert expected == len(data), "bytes behind the last tensor"
    return texts, tensors


def compare_with_package(path, texts, tensors):
    try:
        from safetensors import safe_open
    except ImportError:
        return "the package safetensors isn't installed"
    with safe_open(path, framework="np") as file:
        assert file.metadata() == texts
        assert set(file.keys()) == set(tensors)
        for name, (_, shape, raw) in tensors.items():
            array = file.get_tensor(name)
            assert list(array.shape) == shape and array.tobytes() == raw, name
    return "the package safetensors sees the same"


def main(path):
    texts, tensors = read(path)
    for key, text in sorted(texts.items()):
        print(f"{key}={text}")
    for name, (dtype, shape, raw) in sorted(tensors.items()):
        print(name, dtype, shape, raw.hex())
    print(compare_with_package(path, texts, tensors))


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    main(sys.argv[1])
