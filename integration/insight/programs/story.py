"""Plays a story (loops.py) over a desk, which knows a driver. A desk has `async ask(sql, values)` that returns rows as dicts;
it holds one connection or takes one from a pool for each statement."""

import asyncio


class Story:
    """One run. `rows` are answers by name, `at` the rows that loops are at."""

    def __init__(self, desk):
        self.desk = desk
        self.asked = 0
        self.rows = {}
        self.at = {}

    async def play(self, steps: list) -> None:
        """Step by step."""
        for step in steps:
            await self._step(step)

    async def _step(self, step: dict) -> None:
        match step:
            case {"ask": sql, "with": values}:
                self.asked += 1
                rows = await self.desk.ask(sql, [self._value(value) for value in values])
                self.rows[step.get("as")] = rows
            case {"do": steps}:
                await self._each(step, steps)
            case {"beside": parts}:
                await self._at_once([(self._branch({}), part) for part in parts])
            case {"pause": seconds}:
                await asyncio.sleep(seconds)
            case {"fails": steps}:
                await self._fails(steps)

    async def _each(self, step: dict, steps: list) -> None:
        source = [{"value": value} for value in step["values"]] if "values" in step else self.rows[step["each"]]
        chosen = [source[index] for index in step["order"]] if "order" in step else list(source)
        if step["at_once"]:
            return await self._at_once([(self._branch({step["row"]: row}), steps) for row in chosen])
        for row in chosen:
            self.at[step["row"]] = row
            await self.play(steps)

    async def _at_once(self, branches: list) -> None:
        await asyncio.gather(*(branch.play(steps) for branch, steps in branches))
        self.asked += sum(branch.asked for branch, _ in branches)

    def _branch(self, at: dict) -> "Story":
        branch = Story(self.desk)
        branch.rows, branch.at = dict(self.rows), self.at | at
        return branch

    async def _fails(self, steps: list) -> None:
        try:
            await self.play(steps)
        except Exception:
            return
        raise AssertionError("a step that had to fail did not")

    def _value(self, value):
        match value:
            case {"row": row, "column": column}:
                return self.at[row][column]
            case {"last": rows, "column": column}:
                return self.rows[rows][-1][column]
            case {"all": rows, "column": column}:
                return [row[column] for row in self.rows[rows]]
        return value


async def tell(desk, scenario: dict) -> int:
    """A scenario's story from a desk that is open; how many statements it asked for."""
    async with desk:
        story = Story(desk)
        await story.play(scenario["story"])
        return story.asked
