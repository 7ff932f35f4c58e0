// The tests, collected from their files and run some at a time: most of them wait for a board.

import { describe, it } from "node:test";

const AT_ONCE = 4;
const together = [];
const apart = [];

export const test = (name, act) => together.push([name, act]);

// A test that measures: nothing else runs beside it.
export const alone = (name, act) => apart.push([name, act]);

export function run(name) {
  const all = (cases) => () => cases.forEach(([what, act]) => it(what, act));
  if (apart.length) describe(`${name}, measured`, { concurrency: 1 }, all(apart));
  describe(name, { concurrency: AT_ONCE }, all(together));
}
