// The pages of a running installation: STADION_BASE, and in STADION_CHALLENGE a public challenge whose board has places.
// With STADION_MOVES=1 its board is expected to move while we look.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import {
  assertNoSidewaysScroll, eventually, findings, LANGUAGES, launch, members, quit, rows, SIZES, visit,
} from "./browser.mjs";
import { run, test } from "./cases.mjs";

const base = process.env.STADION_BASE.replace(/\/$/, "");
const challenge = process.env.STADION_CHALLENGE;
const address = (query = "") => `${base}/live/${challenge}${query}`;

async function top() {
  const answer = await fetch(`${base}/v1/boards/${challenge}/top?limit=100`);
  assert.equal(answer.status, 200);
  return (await answer.json()).entries;
}

before(launch);
after(quit);

for (const language of LANGUAGES) {
  test(`${language}: the page is readable at every size and in every scheme`, async () => {
    for (const viewport of Object.values(SIZES)) {
      for (const colorScheme of ["light", "dark"]) {
        await visit(address(`?lang=${language}`), { viewport, colorScheme }, async (page, answer) => {
          assert.equal(answer.status(), 200);
          assert.equal(await page.getAttribute("html", "lang"), language);
          assert.ok((await rows(page)).length > 0, "the board has places");
          await assertNoSidewaysScroll(page);
          assert.deepEqual(await findings(page), []);
        });
      }
    }
  });
}

test("the stream is live and the page agrees with the API", async () => {
  await visit(address(), { viewport: SIZES.desk }, async (page) => {
    await eventually("live", () => page.getAttribute("#link", "data-link"), (link) => link === "live" || link === "closed");
    // A board that moves may move between the two looks: they agree at some moment.
    const both = async () => [await members(page), (await top()).map((entry) => entry.member)];
    await eventually("the same order", both, ([shown, told]) => shown.join() === told.join());
    const told = new Map((await top()).map((entry) => [entry.member, entry.display_name]));
    for (const row of await rows(page)) {
      const name = told.get(row.member);
      if (name !== undefined) assert.equal(row.who, name);
    }
  });
});

if (process.env.STADION_MOVES === "1") {
  test("the board moves while one looks", async () => {
    await visit(address(), { viewport: SIZES.desk }, async (page) => {
      const before = JSON.stringify(await rows(page));
      await eventually("another board", () => rows(page), (now) => JSON.stringify(now) !== before, 60_000);
    });
  });
}

test("a challenge that is not there has a page that says so", async () => {
  const nowhere = `${base}/live/00000000-0000-4000-8000-000000000000`;
  await visit(nowhere, { expected: [/status of 404/] }, async (page, answer) => {
    assert.equal(answer.status(), 404);
    assert.match(answer.headers()["content-security-policy"], /default-src 'none'/);
  });
});

run("the live board of an installation");
