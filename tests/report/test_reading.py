from bakeoff.report.reading import dig, part, read_object, read_table, read_tail


def test_the_tail_of_a_log_is_its_last_lines_even_if_it_is_long_or_broken(tmp_path):
    path = tmp_path / "train.log"
    path.write_bytes(b"x" * 100_000 + b"\n" + b"\n".join(b"line %d" % i for i in range(30)) + b"\n")
    assert read_tail(path, lines=2) == "line 28\nline 29"
    path.write_bytes(b"epoch 1 10%\repoch 1 100%\n\xff end\n\n")
    assert read_tail(path) == "epoch 1 100%\n\ufffd end"
    assert read_tail(tmp_path / "absent.log") == ""


def test_absent_files_are_empty_without_a_remark(tmp_path):
    unread = []
    assert read_object(tmp_path / "a.json", unread) == {}
    assert read_table(tmp_path / "a.csv", unread, text=(), required=("epoch",)).empty
    assert unread == []


def test_a_table_that_lacks_a_column_or_holds_words_for_numbers_leaves_a_remark(tmp_path):
    unread = []
    for i, text in enumerate(("step\n1\n", "epoch\none\n")):
        (tmp_path / f"{i}.csv").write_text(text)
        assert read_table(tmp_path / f"{i}.csv", unread, text=(), required=("epoch",)).empty
    assert "['epoch'] are missing" in unread[0]
    assert "1.csv: cannot be read" in unread[1]


def test_digging_through_what_is_no_mapping_finds_nothing():
    assert dig({"a": {"b": 1}}, "a", "b") == 1
    assert dig({"a": 3}, "a", "b") is None
    assert dig([], "a") is None
    assert part({"a": [1]}, "a") == part({}, "a") == {}
