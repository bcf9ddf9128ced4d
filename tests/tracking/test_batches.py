import json

from bakeoff.tracking.batches import Point, batches


def test_everything_arrives_in_order_within_mlflows_limits() -> None:
    points = [Point(f"m{i % 7}", float(i), 1000 + i, i) for i in range(2500)]
    params = {f"p{i}": "x" * 6000 for i in range(250)}
    tags = {f"t{i}": "é" * 8000 for i in range(130)}  # 48,000 bytes each in JSON
    made = list(batches(points, params, tags))
    assert [point for batch in made for point in batch.metrics] == points
    assert {k: v for batch in made for k, v in batch.params.items()} == params
    assert {k: v for batch in made for k, v in batch.tags.items()} == tags
    for batch in made:
        assert len(batch.metrics) <= 1000
        assert len(batch.params) <= 100 and len(batch.tags) <= 100
        assert len(json.dumps([batch.params, batch.tags])) <= 1_000_000
    assert len(made) == 3 + 3 + 9
    assert list(batches()) == []
