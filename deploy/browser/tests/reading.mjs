// Nothing moves under a reader's hand, and nobody is shouted at.

import { test } from "../cases.mjs";
import assert from "node:assert/strict";
import { eventually, members, rows, SIZES, visit } from "../browser.mjs";
import { frame, Play } from "../stage.mjs";

const THREE = [["m1", 9000, "Ann"], ["m2", 8000, "Bek"], ["m3", 7000, "Cem"]];
const TURNED = [["m3", 9900, "Cem"], ["m1", 9000, "Ann"], ["m2", 8000, "Bek"]];

test("under the pointer changes wait, counted, and come when it leaves", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), { viewport: SIZES.desk }, async (page) => {
    await play.watched();
    await page.hover("#rows tr");
    await play.move(TURNED);
    await eventually("what waits is counted", () => page.textContent("#held"), (text) => text === "3 new");
    assert.deepEqual(await members(page), ["m1", "m2", "m3"]);
    await page.mouse.move(2, 2);
    await eventually("the new order", () => members(page), (now) => now.join() === "m3,m1,m2");
    assert.equal(await page.isVisible("#held"), false);
  });
});

test("by keyboard the board can be reached, held, paused and let go", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), { viewport: SIZES.desk }, async (page) => {
    await play.watched();
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
    const path = [];
    while (!path.includes("places") && path.length < 12) {
      await page.keyboard.press("Tab");
      path.push(await focused());
    }
    assert.deepEqual(path, ["English", "Русский", "Қазақша", "pause", "places"]);
    await play.move(TURNED);
    await eventually("what waits is counted", () => page.textContent("#held"), (text) => text === "3 new");
    assert.deepEqual(await members(page), ["m1", "m2", "m3"]);

    await page.keyboard.press("Shift+Tab");
    await eventually("the new order", () => members(page), (now) => now.join() === "m3,m1,m2");
    await page.keyboard.press("Enter");
    assert.equal(await page.textContent("#pause"), "Resume");
    assert.equal(await page.textContent("#link"), "paused");
    await play.move(THREE);
    await eventually("what waits is counted", () => page.textContent("#held"), (text) => text === "3 new");
    assert.deepEqual(await members(page), ["m3", "m1", "m2"]);

    // What waits can be taken without going on.
    await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(), "held");
    await page.keyboard.press("Enter");
    await eventually("the newest order", () => members(page), (now) => now.join() === "m1,m2,m3");
    assert.equal(await focused(), "pause");
    await page.keyboard.press("Space");
    assert.equal(await page.textContent("#pause"), "Pause");
    await play.move(TURNED);
    await eventually("it goes on", () => members(page), (now) => now.join() === "m3,m1,m2");
  });
});

test("a new leader is told politely, and not again within ten seconds", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), {}, async (page) => {
    await play.watched();
    await page.evaluate(() => {
      window.__told = [];
      const told = document.getElementById("told");
      new MutationObserver(() => window.__told.push([performance.now(), told.textContent]))
        .observe(told, { childList: true, characterData: true, subtree: true });
    });
    assert.equal(await page.getAttribute("#told", "aria-live"), "polite");
    await play.move(TURNED);
    const told = () => page.evaluate(() => window.__told);
    await eventually("it is told", told, (said) => said.length === 1);
    await play.move(THREE);
    await play.move([["m2", 99_000, "Bek"], ...THREE.slice(0, 1), ...THREE.slice(2)]);
    await eventually("it is told again", told, (said) => said.length === 2, 20_000);
    const [[first, one], [second, other]] = await told();
    assert.equal(one, "\u2068Cem\u2069 leads with 9.90\u{a0}km");
    assert.equal(other, "\u2068Bek\u2069 leads with 99.00\u{a0}km");
    assert.ok(second - first > 9900, `${second - first} ms apart`);
  });
});

test("names can do no harm", async () => {
  const nasty = [
    ["m1", 9000, "<img src=x onerror=\"document.title='harmed'\">"],
    ["m2", 8000, "\u202egnp.exe\u2067\u2067"],
    ["m3", 7000, "\u200b\u200d"],
    ["m4", 6000, "\u0645\u062d\u0645\u062f 12"],
    ["m5", 5000, "W".repeat(200)],
    ["m6", 4000, "{name} </bdi></th><script>document.title='harmed'</script>"],
  ];
  const play = await Play.of(nasty);
  await visit(play.address(), {}, async (page) => {
    await play.watched();
    const turned = [...nasty].reverse().map(([member, , name], index) => [member, 20_000 - index, name]);
    await play.move(turned);
    await eventually("the new order", () => members(page), (now) => now[0] === "m6");
    for (const row of await rows(page)) {
      const [, , name] = nasty.find(([member]) => member === row.member);
      assert.equal(row.who, row.member === "m3" ? "anonymous m3" : name);
      assert.match(row.score, /^2\d\.00\u{a0}km$|^19\.99\u{a0}km$|^20\.00\u{a0}km$/u);
    }
    assert.equal(await page.locator("#rows img, #rows script").count(), 0);
    assert.equal(await page.title(), "May in Almaty · Stadion");
    // A name that turns the direction turns itself only: rank stays left of name, name left of score.
    const orders = await page.$$eval("#rows tr", (found) =>
      found.map((row) => [...row.cells].map((cell) => cell.getBoundingClientRect().left)),
    );
    for (const [rank, who, score] of orders) assert.ok(rank < who && who < score);
  });
});

test("a final frame stops the board and shows it as it is settled", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), {}, async (page) => {
    await play.watched();
    play.challenge.state = "settled";
    play.entries = TURNED;
    await play.set({ opening: "" });
    await play.send(frame("closed", { code: "settled", retry_ms: 0 }));
    await eventually("the final order", () => members(page), (now) => now.join() === "m3,m1,m2");
    assert.equal(await page.textContent("#state"), "Final results");
    assert.equal(await page.textContent("#link"), "final");
    assert.equal(await page.isVisible("#pause"), false);
    await eventually("nobody listens", () => play.audience(), ({ streams }) => streams === 0);
    assert.equal((await play.audience()).opened, 1);
  });
});
