import pytest

from pipeline.files import digest, digest_files, write_atomically, write_json, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "value.json"
    write_text(path, "old")

    def fail(temporary):
        temporary.write_text("half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_refuses_numbers_that_json_does_not_have(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "x.json", {"edp": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_digests_depend_on_content_alone(tmp_path):
    one, other = tmp_path / "a" / "x.sv", tmp_path / "b" / "x.sv"
    write_text(one, "module x; endmodule")
    write_text(other, "module x; endmodule")
    assert digest_files([one]) == digest_files([other])
    first, second = tmp_path / "a" / "z.sv", tmp_path / "b" / "y.sv"
    write_text(first, "module z; endmodule")
    write_text(second, "module y; endmodule")
    moved = tmp_path / "c" / "z.sv"
    write_text(moved, "module z; endmodule")
    assert digest_files([first, second]) == digest_files([moved, second])
    write_text(other, "module y; endmodule")
    assert digest_files([one]) != digest_files([other])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
