"""pytensor.datasets.tables: how the columns of a table become numbers."""

import json

import numpy as np
import pytest

from pytensor.datasets import files, tables

pytestmark = pytest.mark.once

PEOPLE = """Name,Sex,Age,Zip,Survived
Mr. Smith,male,22,12345,no
Mrs. Jones,female,,12345,yes
Miss. Brown,female,26,54321,yes
Mr. Green,male,NA,54321,no
Mr. White,?,35,12345,no
"""


def table(tmp_path, text=PEOPLE):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return tables.read(path)


def learnt(table, categorical=(), training=None):
    n = len(table.names) - 1
    training = range(len(table.rows)) if training is None else training
    return tables.learn(table, n, range(n), training, categorical)


def test_numbers_categories_and_missing_cells(tmp_path):
    people = table(tmp_path)
    encoding = learnt(people)
    kinds = {column["name"]: column for column in encoding.columns}
    assert kinds["Age"] == {"name": "Age", "kind": "number", "fill": 26.0, "missing": True}
    assert kinds["Sex"] == {"name": "Sex", "kind": "category", "values": ["", "female", "male"]}
    assert kinds["Zip"]["kind"] == "number" and encoding.target == "Survived"
    x = encoding.numbers(people)
    names = ["Mr. Smith", "Mrs. Jones", "Miss. Brown", "Mr. Green", "Mr. White"]
    assert kinds["Name"]["values"] == sorted(names)  # few enough to be categories
    np.testing.assert_array_equal(x[:, :5].argmax(1), [sorted(names).index(n) for n in names])
    np.testing.assert_array_equal(
        x[:, 5:8], [[0, 0, 1], [0, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    )
    np.testing.assert_array_equal(x[:, 8:10], [[22, 0], [26, 1], [26, 0], [26, 1], [35, 0]])
    np.testing.assert_array_equal(x[:, 10], [12345, 12345, 54321, 54321, 12345])
    assert x.dtype == np.float32
    np.testing.assert_array_equal(encoding.is_measured(), [False] * 8 + [True, False, True])
    assert learnt(people, categorical={3}).columns[3]["values"] == ["12345", "54321"]


def test_words_of_texts_that_hardly_repeat(tmp_path):
    rows = [f"{'good' if k % 2 else 'bad'} film no{k},id{k},{k % 2}" for k in range(60)]
    reviews = table(tmp_path, "\n".join(["text,key,label", *rows]))
    encoding = learnt(reviews)
    assert encoding.columns == [{"name": "text", "kind": "words", "values": ["bad", "good"]}]
    assert encoding.left_out == {"key": "its texts have nothing in common"}
    x = encoding.numbers(reviews)
    np.testing.assert_array_equal(x, [[1 - k % 2, k % 2] for k in range(60)])


def test_what_is_learnt_comes_from_the_training_rows_alone(tmp_path):
    encoding = learnt(table(tmp_path), training=[0, 1, 2])
    kinds = {column["name"]: column for column in encoding.columns}
    assert kinds["Age"]["fill"] == 24 and kinds["Sex"]["values"] == ["female", "male"]
    x = encoding.numbers(table(tmp_path))
    assert x[4, 3:5].tolist() == [0, 0]  # a category that training did not have


def test_an_encoding_as_json(tmp_path):
    encoding = learnt(table(tmp_path))
    again = tables.Encoding.from_config(json.loads(json.dumps(encoding.get_config())))
    np.testing.assert_array_equal(again.numbers(table(tmp_path)), encoding.numbers(table(tmp_path)))
    for config in (
        None,
        {},
        {"columns": [], "target": 3, "x": 1} | {"columns": [{}]},
        {"columns": [{"name": "a", "kind": "magic"}], "target": "b"},
        {"columns": [{"name": "a", "kind": "number", "fill": "x"}], "target": "b"},
    ):
        with pytest.raises(ValueError, match="no description of a table's columns"):
            tables.Encoding.from_config(config)


def test_columns_by_name_and_number(tmp_path):
    people = table(tmp_path)
    assert [people.column(name) for name in ("Age", "age", "2", 2)] == [2] * 4
    with pytest.raises(ValueError, match="there is no column Ages: expected one of Name, Sex, Age"):
        people.column("Ages")
    wide = table(tmp_path, ",".join(f"length{k}" for k in range(30)) + "\n" + "1," * 29 + "1\n")
    with pytest.raises(ValueError, match=r"expected one of 0 \.\.\. 29 \(did you mean 'length7'"):
        wide.column("lenght7")


def test_a_choice_of_columns(tmp_path):
    path = table(tmp_path).path
    options = {"label": "Survived", "test_split": 0.4}

    def used(**more):
        return [column["name"] for column in files.load(path, **options, **more).encoding.columns]

    assert used() == ["Name", "Sex", "Age", "Zip"]
    assert used(columns=["zip", "Age"]) == ["Zip", "Age"]
    assert used(drop=["Name", "3"]) == ["Sex", "Age"]
    with pytest.raises(ValueError, match="columns: found Survived, which is the target"):
        used(columns=["Age", "Survived"])
    with pytest.raises(ValueError, match="no column is left to predict Survived from"):
        used(columns=["Age"], drop=["Age"])


def test_cells_in_quotes(tmp_path):
    people = table(tmp_path, 'a,b\n"x, y","say ""hi"""\n"two\nlines",z\n')
    assert people.rows == [["x, y", 'say "hi"'], ["two\nlines", "z"]] and people.lines == [2, 4]
