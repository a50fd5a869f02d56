"""What a service refused in an evaluation, and why."""

from __future__ import annotations

from training.asking import Reply

MOST_NAMED = 10


class Refusals:
    """Counts all and names the first few."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def add(self, kind: str, name: str, reply: Reply) -> None:
        """Takes any reply; `name` says what was asked for."""
        if reply.status != 200:
            code, detail = reply.content.get("code"), reply.content.get("detail")
            self._told.append(f"{kind}: {name}: {reply.status} {code}: {detail}")

    def as_text(self) -> str:
        """Nothing where there are none."""
        if not self._told:
            return ""
        more = ["..."] if len(self._told) > MOST_NAMED else []
        return "\n".join([f"Refused: {len(self._told):,}", *self._told[:MOST_NAMED], *more])
