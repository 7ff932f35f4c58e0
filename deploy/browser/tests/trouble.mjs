// What goes wrong: streams that break, an API that does not answer, boards that are not there.

import { test } from "../cases.mjs";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { eventually, findings, members, rows, visit } from "../browser.mjs";
import { frame, Play } from "../stage.mjs";

const THREE = [["m1", 9000, "Ann"], ["m2", 8000, "Bek"], ["m3", 7000, "Cem"]];
const TURNED = [["m3", 9900, "Cem"], ["m1", 9000], ["m2", 8000, "Bek"]];
const REFUSED = { expected: [/status of 503/, /status of 404/] };

test("a stream that breaks leaves the board marked stale, and is opened again", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), REFUSED, async (page) => {
    await play.watched();
    await eventually("live", () => page.textContent("#link"), (text) => text === "live");
    play.status = 503;
    await play.set();
    await play.cut();
    await eventually("reconnecting", () => page.textContent("#link"), (text) => text === "reconnecting…");
    await eventually("stale", () => page.isVisible("#stale"));
    assert.deepEqual(await members(page), ["m1", "m2", "m3"], "old data stays");

    play.status = 200;
    play.entries = TURNED;
    await play.set();
    await play.watched(2);
    await eventually("the new order", () => members(page), (now) => now.join() === "m3,m1,m2");
    assert.equal(await page.isVisible("#stale"), false);
    assert.equal(await page.textContent("#link"), "live");
    // A name that was hidden meanwhile is not kept from before.
    await eventually("the hidden name", () => rows(page), (now) => now[1].who === "anonymous m1");
  });
});

test("a server that goes away on purpose is waited for as long as it says", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), {}, async (page) => {
    await play.watched();
    // Taken before the frame is sent, so that a slow machine only makes the wait longer.
    const from = performance.now();
    await play.send(frame("closed", { code: "shutdown", retry_ms: 2500 }));
    await eventually("reconnecting", () => page.textContent("#link"), (text) => text === "reconnecting…");
    await play.watched(2);
    assert.ok(performance.now() - from >= 2500, "not before its time");
    await eventually("live", () => page.textContent("#link"), (text) => text === "live");
  });
});

test("a quiet board is asked about and not called stale", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), {}, async (page) => {
    await play.watched();
    await page.waitForResponse((response) => response.url().includes("/top?limit=1"), { timeout: 15_000 });
    await new Promise((wake) => setTimeout(wake, 500));
    assert.equal(await page.isVisible("#stale"), false);
    assert.equal((await play.audience()).opened, 1);
  });
});

test("a silent stream that has missed something is opened again", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), {}, async (page) => {
    await play.watched();
    play.entries = TURNED;
    await play.set();
    await play.watched(2);
    await eventually("the new order", () => members(page), (now) => now.join() === "m3,m1,m2");
  });
});

test("a tab that nobody sees keeps no stream", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), {}, async (page) => {
    await play.watched();
    const become = (state) =>
      page.evaluate((state) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => state === "hidden" });
        document.dispatchEvent(new Event("visibilitychange"));
      }, state);
    await become("hidden");
    await eventually("nobody listens", () => play.audience(), ({ streams }) => streams === 0);
    play.entries = TURNED;
    await play.set();
    await become("visible");
    await play.watched(2);
    await eventually("the new order", () => members(page), (now) => now.join() === "m3,m1,m2");
  });
});

test("frames that make no sense change nothing", async () => {
  const play = await Play.of(THREE);
  await visit(play.address(), {}, async (page) => {
    await play.watched();
    await play.send(
      "event: delta\ndata: {\n\nevent: delta\ndata: null\n\nevent: delta\ndata: []\n\nevent: party\ndata: {}\n\n: a comment\n\n" +
        frame("delta", { changes: [{ member: 7, rank: 1, score: 1 }, { member: "m1", rank: "x", score: null }], left: null }) +
        frame("me", { rank: 1, member: "m1", score: 1 }) + frame("overtaken", { rank: 2, by: ["m4"] }),
    );
    await play.move(TURNED);
    await eventually("the new order", () => members(page), (now) => now.join() === "m3,m1,m2");
  });
});

test("a board that is not there has a page that says so", async () => {
  const nowhere = new Play([]);
  for (const language of ["en", "ru", "kk"]) {
    await visit(nowhere.address(`?lang=${language}`), REFUSED, async (page, answer) => {
      assert.equal(answer.status(), 404);
      assert.equal(await page.getAttribute("html", "lang"), language);
      assert.deepEqual(await findings(page), []);
    });
  }
  await visit(nowhere.address().replace(nowhere.id, randomUUID().slice(1)), REFUSED, async (page, answer) => {
    assert.equal(answer.status(), 404);
  });
});

test("an API that does not answer has a page with a way to retry", async () => {
  const play = await Play.of(THREE);
  play.status = 503;
  await play.set();
  await visit(play.address(), REFUSED, async (page, answer) => {
    assert.equal(answer.status(), 503);
    assert.deepEqual(await findings(page), []);
    play.status = 200;
    await play.set();
    await page.click("a.button");
    await eventually("the board", () => members(page), (now) => now.join() === "m1,m2,m3");
  });
});

test("when its time comes the challenge's state turns", async () => {
  const window = { start: "2026-05-01T00:00:00", end: "2026-06-01T00:00:00", clock: "instant", time_zone: "Asia/Almaty" };
  const ends = { ...window, ends_at: new Date(Date.now() + 4000).toISOString() };
  const play = await Play.of(THREE, { window: ends });
  await visit(play.address(), {}, async (page) => {
    assert.equal(await page.textContent("#state"), "Running");
    play.challenge.state = "ended";
    await play.set();
    await eventually("the state", () => page.textContent("#state"), (text) => text.startsWith("Ended"));
    assert.equal(await page.getAttribute("#state", "data-state"), "ended");
    assert.equal(await page.isVisible("#pause"), true);
  });
});
