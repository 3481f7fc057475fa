// Plays a story of integration/insight/loops.py over a desk, as programs/story.py does it for Python.

import { setTimeout as pause } from "node:timers/promises";

export class Story {
  constructor(desk, rows = {}, at = {}) {
    Object.assign(this, { desk, rows, at, asked: 0 });
  }

  async play(steps) {
    for (const step of steps) await this.step(step);
  }

  async step(step) {
    if (step.ask) {
      this.asked += 1;
      this.rows[step.as] = await this.desk.ask(step.ask, step.with.map((value) => this.value(value)));
    } else if (step.do) await this.each(step);
    else if (step.beside) await this.atOnce(step.beside.map((part) => [this.branch({}), part]));
    else if (step.pause) await pause(step.pause * 1000);
    else await this.fails(step.fails);
  }

  async each(step) {
    const source = step.values ? step.values.map((value) => ({ value })) : this.rows[step.each];
    const chosen = step.order ? step.order.map((index) => source[index]) : source;
    if (step.at_once) return this.atOnce(chosen.map((row) => [this.branch({ [step.row]: row }), step.do]));
    for (const row of chosen) {
      this.at[step.row] = row;
      await this.play(step.do);
    }
  }

  async atOnce(branches) {
    await Promise.all(branches.map(([branch, steps]) => branch.play(steps)));
    this.asked += branches.reduce((sum, [branch]) => sum + branch.asked, 0);
  }

  branch(at) {
    return new Story(this.desk, { ...this.rows }, { ...this.at, ...at });
  }

  async fails(steps) {
    try {
      await this.play(steps);
    } catch {
      return;
    }
    throw new Error("a step that had to fail did not");
  }

  value(value) {
    if (value?.row) return this.at[value.row][value.column];
    if (value?.last) return this.rows[value.last].at(-1)[value.column];
    if (value?.all) return this.rows[value.all].map((row) => row[value.column]);
    return value;
  }
}
