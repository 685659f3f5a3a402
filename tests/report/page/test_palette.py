"""The colours of the map are told apart by everybody, on a light page and on a dark one."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from sphering.report.page import palette

# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
SIGHT = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
LMS = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def template(name: str) -> str:
    return (files("sphering.report.page") / "templates" / name).read_text(encoding="utf-8")


NIGHT = dict(re.findall(r'"(#[0-9a-f]{6})": "(#[0-9a-f]{6})"', template("report.js")))
CARDS = re.findall(r"--card: (#[0-9a-f]{6})", template("report.css"))


def linear(colour: str) -> Any:
    rgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def seen(colour: str, sight: str) -> Any:
    """Return a colour in OKLab, as people of a kind of sight see it."""
    cones = np.array(LMS) @ np.clip(np.array(SIGHT[sight]) @ linear(colour), 0, 1)
    return np.array(LAB) @ np.cbrt(cones)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(each) @ [0.2126, 0.7152, 0.0722]) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


def themes() -> list[tuple[str, list[str]]]:
    return [(CARDS[0], list(palette.LABELS)), (CARDS[1], [NIGHT[colour] for colour in palette.LABELS])]


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", [0, 1])
def test_any_two_colours_of_labels_differ_for_every_kind_of_sight(sight: str, theme: int) -> None:
    _, colours = themes()[theme]
    distances = [np.linalg.norm(seen(one, sight) - seen(other, sight)) for one, other in combinations(colours, 2)]
    assert min(distances) > 0.11


@pytest.mark.parametrize("theme", [0, 1])
def test_every_colour_of_a_label_stands_out_from_the_card(theme: int) -> None:
    card, colours = themes()[theme]
    assert min(contrast(colour, card) for colour in colours) >= 3.0


def test_every_colour_of_the_plots_has_one_for_the_night() -> None:
    colours = {value for value in vars(palette).values() if isinstance(value, str) and value.startswith("#")}
    assert {*colours, *palette.LABELS} == set(NIGHT)


@pytest.mark.parametrize("theme", [0, 1])
def test_words_of_the_page_can_be_read(theme: int) -> None:
    css = template("report.css")
    papers = [re.findall(rf"--{name}: (#[0-9a-f]{{6}})", css)[theme] for name in ("paper", "card", "wash")]
    inks = [re.findall(rf"--{name}: (#[0-9a-f]{{6}})", css)[theme] for name in ("ink", "soft", "good", "bad", "warn")]
    assert min(contrast(ink, paper) for ink in inks for paper in papers) >= 4.5
