"""What simulations cost at scale follows from the measured overheads, on the page too."""

import pytest

from benches import scaling


def test_the_page_gives_what_follows_from_its_measured_overheads():
    page = scaling.PAGE.read_text(encoding="utf-8")
    assert scaling.tables(scaling.read(page)) in page


def test_a_shard_costs_two_starts_and_its_mappings(monkeypatch):
    monkeypatch.setattr(scaling, "SCALES", ((1_000_000, 1_000),))
    monkeypatch.setattr(scaling, "SNAKEMAKE_S", 0.5)
    (row,) = scaling.project(scaling.Overheads(start_s=2.5, draw_s=0.1, simulate_s=0.506, disk_bytes=1000))
    # 2 x (2.5 + 0.5) + 1000 x 0.606 = 612 s a shard, 1,000 shards: 170 h; 500 on each of 2, 5 on each of 200 CPUs.
    assert row["shards"] == "1,000"
    assert row["a shard"] == "10 min"
    assert row["CPU hours"] == "170"
    assert row["on 2 CPUs"] == "3.5 days"
    assert row["on 200 CPUs"] == "51 min"
    assert row["disk"] == "1 GB"


def test_a_page_without_a_measured_overhead_is_refused():
    page = scaling.PAGE.read_text(encoding="utf-8").replace(scaling.NAMES[1], "")
    with pytest.raises(ValueError, match="sampling one mapping"):
        scaling.read(page)
