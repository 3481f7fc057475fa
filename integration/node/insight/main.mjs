// The corpus' Node stacks: `node main.mjs pg|postgres|drizzle`. A line of JSON says where and which scenarios, then each
// further line has all of them played once, as integration/insight/programs/serve.py does it for Python.

import { createInterface } from "node:readline";
import { desks } from "./desks.mjs";
import { request } from "./drizzle.mjs";
import { Story } from "./story.mjs";

const AT_ONCE = 6;
const stack = process.argv[2];

async function story(place, scenario) {
  const desk = await desks[stack](place, scenario);
  try {
    const told = new Story(desk);
    await told.play(scenario.story);
    return told.asked;
  } finally {
    await desk.close();
  }
}

async function occurrence({ place, scenarios }) {
  const outcome = { asked: {}, failed: {} };
  const play = stack === "drizzle" ? request : story;
  const one = async (scenario) => {
    try {
      outcome.asked[scenario.name] = await play(place, scenario);
    } catch (failure) {
      outcome.failed[scenario.name] = String(failure.stack ?? failure);
    }
  };
  const quick = scenarios.filter((scenario) => !scenario.slow);
  const work = async () => {
    while (quick.length > 0) await one(quick.shift());
  };
  await Promise.all([...scenarios.filter((scenario) => scenario.slow).map(one), ...Array.from({ length: AT_ONCE }, work)]);
  return outcome;
}

let told;
for await (const line of createInterface({ input: process.stdin })) {
  if (told) console.log(JSON.stringify(await occurrence(told)));
  else told = JSON.parse(line);
}
