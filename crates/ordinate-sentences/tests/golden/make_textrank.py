#!/usr/bin/env python3
"""Writes textrank.json, the golden values that tests/textrank.rs holds the centrality of sentences to.

    pip install networkx scipy
    python crates/ordinate-sentences/tests/golden/make_textrank.py

The graph is that of Mihalcea and Tarau (2004): words in common over the sum of the logarithms of the lengths; the rank is networkx's PageRank.
"""

import json
import math
from pathlib import Path

import networkx

TEXTS = [
    ["a cat sat on the mat", "it rained all day", "the cat on the mat saw rain", "nobody came"],
    ["one two three four", "two three four five", "three four five six", "seven eight nine", "nine ten one"],
    ["same words here", "same words here", "other words there", "nothing in common at all"],
    ["alone", "alone", "a pair of words"],
    ["the court heard the case on monday", "the case was about a contract", "a contract binds both sides", "both sides appealed",
     "the appeal was heard by the court", "costs were awarded"],
]


def ranks(sentences):
    sets = [set(sentence.split()) for sentence in sentences]
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(sets)))
    for a in range(len(sets)):
        for b in range(a):
            lengths = math.log(len(sets[a])) + math.log(len(sets[b]))
            weight = len(sets[a] & sets[b]) / lengths if lengths > 0 else 0
            if weight > 0:
                graph.add_edge(a, b, weight=weight)
    found = networkx.pagerank(graph, alpha=0.85, tol=1e-14, max_iter=1000, weight="weight")
    return [found[at] for at in range(len(sets))]


if __name__ == "__main__":
    cases = [{"sentences": text, "ranks": ranks(text)} for text in TEXTS]
    Path(__file__).with_name("textrank.json").write_text(json.dumps(cases, indent=1) + "\n")
