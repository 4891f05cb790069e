"""Hands pieces of work out to a cluster of Ray, and takes what was made back as it comes."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any, Callable, Mapping, NamedTuple, Optional

from . import __version__


class Piece(NamedTuple):
    """A piece of work of a candidate, which a worker makes."""

    name: str
    """The candidate's."""
    made: Any
    """The function of Ray that makes it: the name of the node, and what was made."""
    takes: tuple
    """What that takes, before the threads that there are and the version that is wanted."""
    retries: int
    """How often it is made again where a worker dies; -1 for ever."""
    take: Callable[[str, Any], Any]
    """Takes what was made."""
    lost: Callable[[str], Any]
    """Is told why it cannot be made; no other piece of the candidate is handed out then."""


def hand_out(ray: Any, pieces: list, resources: Optional[Mapping[str, Mapping[str, float]]] = None) -> None:
    """Has these pieces made, in their order, with the resources of their candidates (one CPU, where nothing is said). Those that want other
    resources do not wait for each other."""
    wants = {piece.name: {"num_cpus": 1, **((resources or {}).get(piece.name) or {})} for piece in pieces}
    shapes = {name: tuple(sorted(one.items())) for name, one in wants.items()}
    queues: dict = {}
    for piece in pieces:
        queues.setdefault(shapes[piece.name], deque()).append(piece)
    running, count, lost = {}, Counter(), set()
    try:
        while any(queues.values()) or running:
            # What a piece takes is sent when there is nearly room for it, and not all at once.
            room = 4 + 2 * ray.cluster_resources().get("CPU", 1)
            for shape, queue in queues.items():
                while queue and count[shape] < room:
                    piece = queue.popleft()
                    if piece.name in lost:
                        continue
                    own = wants[piece.name]
                    made = piece.made.options(max_retries=piece.retries, **own)
                    running[made.remote(*piece.takes, max(1, int(own["num_cpus"])), __version__)] = piece
                    count[shape] += 1
            if not running:
                break
            [done], _ = ray.wait(list(running))
            piece = running.pop(done)
            count[shapes[piece.name]] -= 1
            try:
                node, content = ray.get(done)
            except ray.exceptions.RayError as error:
                if piece.name not in lost:
                    piece.lost(str(error).strip().splitlines()[-1])
                lost.add(piece.name)
                continue
            piece.take(node, content)
    except BaseException:
        for reference in running:
            ray.cancel(reference, force=True)
        raise


def counted(done: str, count: int, told: Callable[[str], Any]) -> Callable[[str], None]:
    """Tells once a second, and at the end, how many of so many pieces came, and from which nodes."""
    nodes: Counter = Counter()
    begun = spoken = time.monotonic()

    def came(node: str) -> None:
        nonlocal spoken
        nodes[node] += 1
        if time.monotonic() - spoken > 1 or sum(nodes.values()) == count:
            spoken = time.monotonic()
            by_node = ", ".join(f"{of} on {node}" for node, of in sorted(nodes.items()))
            told(f"{done} {sum(nodes.values())} of {count} pieces after {spoken - begun:.1f} s ({by_node})")

    return came


def places(ray: Any) -> str:
    """The nodes that there are, in words."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    cpus = sum(node["Resources"].get("CPU", 0) for node in alive)
    return f"{len(alive)} node{'s' if len(alive) > 1 else ''} with {cpus:.0f} CPUs"
