"""pytensor.layers.lookup: StringLookup, IntegerLookup, TextVectorization.

Keras computes these layers in TensorFlow only; the expected values are those of its documentation,
and such as follow from it.
"""

import json

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, serialization

WORDS = [["a", "c", "d"], ["d", "z", "b"]]


def test_adapted_vocabulary():
    layer = layers.StringLookup()
    layer.adapt(WORDS)
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert layer.get_vocabulary(include_special_tokens=False) == ["d", "z", "c", "b", "a"]
    assert layer.vocabulary_size() == 6
    assert layer(WORDS).tolist() == [[5, 3, 1], [1, 2, 4]]
    assert layer(WORDS).dtype is pt.int64


@pytest.mark.parametrize("form", ["list", "array", "objects", "bytes", "batches"])
def test_forms_of_data(form):
    given = {
        "list": WORDS,
        "array": np.array(WORDS),
        "objects": np.array(WORDS, object),
        "bytes": np.array(WORDS, "S"),
        "batches": (row for row in WORDS),
    }[form]
    layer = layers.StringLookup()
    layer.adapt(given)
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert layer(np.array(["d"], "S")).tolist() == [1]


def test_mask_token_and_unknown_tokens():
    layer = layers.StringLookup(vocabulary=["a", "b"], mask_token="", num_oov_indices=2)
    assert layer.get_vocabulary() == ["", "[UNK]", "[UNK]", "a", "b"]
    found = layer([["", "a", "b"], ["x", "y", "x"]]).tolist()
    assert found[0] == [0, 3, 4] and set(found[1]) <= {1, 2} and found[1][0] == found[1][2]
    spread = {layer([f"word {k}"]).tolist()[0] for k in range(50)}
    assert spread == {1, 2}


def test_no_place_for_unknown_tokens():
    layer = layers.StringLookup(vocabulary=["a"], num_oov_indices=0)
    assert layer(["a"]).tolist() == [0]
    with pytest.raises(ValueError, match="string_lookup: 'b' is not in the vocabulary"):
        layer(["b"])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("one_hot", [[[0, 1, 0, 0], [0, 0, 0, 1]], [[1, 0, 0, 0], [0, 0, 0, 0]]]),
        ("multi_hot", [[0, 1, 0, 1], [1, 0, 0, 0]]),
        ("count", [[0, 1, 0, 1], [1, 0, 0, 0]]),
    ],
)
def test_vectors(mode, expected):
    layer = layers.StringLookup(vocabulary=["a", "b", "c"], mask_token="", output_mode=mode)
    x = [["a", "c"], ["other", ""]]
    assert layer(x).tolist() == expected
    assert layer(x).dtype is pt.float32
    assert layer.compute_output_shape((2, 2)) == layer(x).shape
    padded = layers.StringLookup(6, vocabulary=["a"], output_mode=mode, pad_to_max_tokens=True)
    assert padded(x).shape[-1] == 6


def test_tf_idf_with_given_weights():
    layer = layers.StringLookup(
        output_mode="tf_idf", vocabulary=["a", "b"], idf_weights=[0.25, 0.75]
    )
    # An unknown token weighs as much as the others on average.
    assert layer([["a", "a", "z"], ["b", "a", "b"]]).tolist() == [[0.5, 0.5, 0], [0, 0.25, 1.5]]


def test_tf_idf_of_documents():
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.adapt([["a", "a"], ["a", "b"], ["c", "b"]])
    assert layer.get_vocabulary() == ["[UNK]", "a", "b", "c"]
    weights = np.log(1 + 3 / (1 + np.array([2, 2, 1])))
    np.testing.assert_allclose(layer.idf_weights, weights)
    np.testing.assert_allclose(layer([["a", "a"]]), [[0, 2 * weights[0], 0, 0]], rtol=1e-6)


def test_integers():
    layer = layers.IntegerLookup()
    layer.adapt([[12, 1138, 42], [42, 1000, 36]])
    assert layer.get_vocabulary() == [-1, 42, 1138, 1000, 36, 12]
    for x in (
        [[12, 42], [7, 36]],
        np.float32([[12, 42], [7, 36]]),
        pt.asarray([[12, 42], [7, 36]]),
    ):
        assert layer(x).tolist() == [[5, 1], [0, 4]]
    masked = layers.IntegerLookup(vocabulary=[10, 20], mask_token=0, num_oov_indices=2)
    assert masked([[0, 10, 20, 5, 8]]).tolist() == [[0, 3, 4, 2, 1]]


def test_integers_in_a_model():
    layer = layers.IntegerLookup(vocabulary=[100, 7], output_mode="one_hot", input_shape=(1,))
    model = pt.models.Sequential([layer, layers.Dense(1, kernel_initializer="ones")])
    assert model.predict(np.array([[7], [100], [3]]), verbose=0).tolist() == [[1], [1], [1]]


@pytest.mark.parametrize("kind", [layers.StringLookup, layers.IntegerLookup])
def test_inverse(kind):
    tokens = ["a", "b", "c"] if kind is layers.StringLookup else [30, 20, 10]
    there = kind(vocabulary=tokens)
    back = kind(vocabulary=there.get_vocabulary(), invert=True)
    assert back(there([tokens])).tolist() == [tokens]
    assert back([0, 99]).tolist() == [back.oov_token] * 2
    with pytest.raises(TypeError, match="expected integers"):
        back([0.5])


def test_vocabulary_from_a_file(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("a\nbé\n\nc\n", "utf-8")
    layer = layers.StringLookup(vocabulary=str(file))
    assert layer.get_vocabulary() == ["[UNK]", "a", "bé", "", "c"]
    file.unlink()
    assert layers.StringLookup.from_config(layer.get_config())(["bé"]).tolist() == [2]


def test_most_tokens():
    layer = layers.StringLookup(3, mask_token="")
    layer.adapt(["x", "y", "y", "z", "z", "z", ""])
    assert layer.get_vocabulary() == ["", "[UNK]", "z"]
    with pytest.raises(ValueError, match="found 2 tokens: max_tokens=3 leaves room for 1"):
        layer.set_vocabulary(["a", "b"])


@pytest.mark.parametrize("layer", [layers.StringLookup, layers.TextVectorization])
def test_configs_hold_what_was_adapted(layer):
    for mode in ("int", "multi_hot", "tf_idf"):
        first = layer(output_mode=mode)
        first.adapt(["one two", "two", "three two"])
        text = json.dumps(serialization.serialize(first))
        again = serialization.deserialize(json.loads(text))
        x = ["two", "three two", "nothing"]
        assert again.get_vocabulary() == first.get_vocabulary()
        np.testing.assert_array_equal(again(x), first(x))
    assert layer.from_config(layer().get_config()).vocabulary is None


# --- texts ----------------------------------------------------------------------------------


def test_documented_examples_of_texts():
    layer = layers.TextVectorization(5000, output_sequence_length=4)
    layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    assert layer([["foo qux bar"], ["qux baz"]]).tolist() == [[4, 1, 3, 0], [1, 2, 0, 0]]
    fixed = layers.TextVectorization(vocabulary=["earth", "wind", "and", "fire"])
    assert fixed.get_vocabulary() == ["", "[UNK]", "earth", "wind", "and", "fire"]
    assert fixed(["Fire, and WIND!", "water"]).tolist() == [[5, 4, 3], [1, 0, 0]]


def test_one_text():
    layer = layers.TextVectorization(vocabulary=["a", "b"])
    assert layer("b a").tolist() == [3, 2]
    counts = layers.TextVectorization(vocabulary=["a", "b"], output_mode="count")
    assert counts("b a b").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({}, ["its", "a", "dog"]),
        ({"standardize": "lower"}, ["it's", "a", "dog!"]),
        ({"standardize": "strip_punctuation"}, ["Its", "a", "DOG"]),
        ({"standardize": None}, ["It's", "a", "DOG!"]),
        ({"standardize": None, "split": None}, ["It's a  DOG!"]),
        ({"split": "character", "standardize": "lower"}, list("it's a  dog!")),
        ({"standardize": np.char.upper}, ["IT'S", "A", "DOG!"]),
        ({"split": lambda texts: [text.split("a") for text in texts]}, ["its ", "  dog"]),
        ({"ngrams": 2}, ["its", "a", "dog", "its a", "a dog"]),
        ({"ngrams": (3, 1)}, ["its a dog", "its", "a", "dog"]),
        ({"ngrams": [4]}, []),
    ],
)
def test_tokens_of_a_text(options, tokens):
    layer = layers.TextVectorization(**options)
    layer.adapt(["It's a  DOG!"])
    numbers = layer(["It's a  DOG!"]).tolist()[0]
    known = layer.get_vocabulary()
    assert [known[number] for number in numbers] == tokens


def test_vectors_of_texts():
    layer = layers.TextVectorization(max_tokens=4, output_mode="count", pad_to_max_tokens=True)
    layer.adapt(["b b a", "a b", "c"])
    assert layer.get_vocabulary() == ["[UNK]", "b", "a", "c"]
    assert layer(["b b z", "", "a"]).tolist() == [[1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    hot = layers.TextVectorization(vocabulary=["b", "a"], output_mode="multi_hot")
    assert hot(["b b z", "", "a"]).tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert hot.compute_output_shape((3,)) == (3, 3)
    weighed = layers.TextVectorization(
        vocabulary=["b", "a"], output_mode="tf_idf", idf_weights=[2, 4]
    )
    assert weighed(["b b z", "a"]).tolist() == [[3, 4, 0], [0, 0, 4]]


def test_no_texts():
    layer = layers.TextVectorization(vocabulary=["a"])
    assert layer(np.array([], "U1")).shape == (0, 0)
    assert layer(["", ""]).shape == (2, 0)


def test_texts_feed_an_embedding():
    pt.utils.set_random_seed(0)
    texts = ["good film", "bad film", "very good", "very bad"] * 16
    y = np.array([1, 0, 1, 0] * 16)
    layer = layers.TextVectorization(output_sequence_length=3)
    layer.adapt(texts)
    model = pt.models.Sequential(
        [
            layers.Embedding(layer.vocabulary_size(), 4),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(pt.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(layer(texts), y, epochs=20, verbose=0)
    assert model.evaluate(layer(texts), y, verbose=0)[1] == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.StringLookup()(["a"]), ValueError, "no vocabulary yet: call adapt"),
        (lambda: layers.StringLookup().vocabulary_size(), ValueError, "no vocabulary yet"),
        (lambda: layers.StringLookup(vocabulary=["a", "a"]), ValueError, "'a' is in it twice"),
        (
            lambda: layers.StringLookup(vocabulary=["a", ""], mask_token=""),
            ValueError,
            "the mask token '' is in it",
        ),
        (lambda: layers.StringLookup(vocabulary=[1]), TypeError, "token 1: expected a string"),
        (lambda: layers.StringLookup(vocabulary=["a"])([1]), TypeError, "expected strings"),
        (lambda: layers.StringLookup(1), ValueError, "max_tokens: found 1: expected at least 2"),
        (lambda: layers.StringLookup(output_mode="binary"), ValueError, "output_mode: found"),
        (
            lambda: layers.StringLookup(invert=True, output_mode="count"),
            ValueError,
            "invert: expected output_mode='int'",
        ),
        (lambda: layers.StringLookup(pad_to_max_tokens=True), ValueError, "expected max_tokens"),
        (
            lambda: layers.StringLookup(output_mode="tf_idf", vocabulary=["a"]),
            ValueError,
            "idf_weights: needed for output_mode='tf_idf'",
        ),
        (
            lambda: layers.StringLookup(vocabulary=["a"], idf_weights=[1]),
            ValueError,
            "idf_weights: used only by output_mode='tf_idf'",
        ),
        (
            lambda: layers.StringLookup(vocabulary=["a"], idf_weights=[1, 2], output_mode="tf_idf"),
            ValueError,
            "idf_weights: found 2: expected one for each of the 1 tokens",
        ),
        (lambda: layers.StringLookup(idf_weights=[1]), ValueError, "expected a vocabulary too"),
        (lambda: layers.StringLookup().adapt("text"), TypeError, "adapt: data: found 'text'"),
        (lambda: layers.IntegerLookup(vocabulary=["a"]), TypeError, "token: found 'a'"),
        (
            lambda: layers.IntegerLookup(vocabulary=[1])([1.5]),
            ValueError,
            "fractions: expected integers",
        ),
        (
            lambda: layers.TextVectorization(split="words"),
            ValueError,
            "split: found 'words': expected 'whitespace', 'character', None or a function",
        ),
        (
            lambda: layers.TextVectorization(output_mode="one_hot"),
            ValueError,
            "output_mode: found 'one_hot'",
        ),
        (
            lambda: layers.TextVectorization(output_mode="count", output_sequence_length=3),
            ValueError,
            "output_sequence_length: expected output_mode='int'",
        ),
        (lambda: layers.TextVectorization(ngrams=[0]), ValueError, "ngrams: found 0"),
        (
            lambda: layers.TextVectorization(vocabulary=["a"])([["a", "b"]]),
            ValueError,
            r"texts of shape \(1, 2\): expected \(batch,\) or \(batch, 1\)",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
