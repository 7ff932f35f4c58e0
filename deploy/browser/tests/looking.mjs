// Languages, sizes, schemes, and the page without its script.

import { test } from "../cases.mjs";
import assert from "node:assert/strict";
import { assertNoSidewaysScroll, eventually, findings, LANGUAGES, rows, SIZES, visit } from "../browser.mjs";
import { frame, Play, ranked } from "../stage.mjs";

const PEOPLE = [
  ["m1", 1_234_567.8, "Әсем Құсайынова-Өтегенқызы"],
  ["m2", 98_765.4, "Иннокентий Константинопольский"],
  ["m3", 5012.3],
  ["m4", 12, "Ĳsbrand"],
];

const SAID = {
  en: { state: "Running", pause: "Pause", held: "4 new", count: "4 participants", first: "1,234.57\u{a0}km", link: "live" },
  ru: { state: "Идёт", pause: "Пауза", held: "4 новых", count: "4 участника", first: "1\u{a0}234,57\u{a0}км", link: "в эфире" },
  kk: { state: "Жүріп жатыр", pause: "Кідірту", held: "4 жаңа", count: "4 қатысушы", first: "1\u{a0}234,57\u{a0}км", link: "тікелей" },
};

for (const language of LANGUAGES) {
  test(`${language}: every size and scheme is readable`, async () => {
    const play = await Play.of(PEOPLE);
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of ["light", "dark"]) {
        await visit(play.address(`?lang=${language}`), { viewport, colorScheme }, async (page) => {
          await eventually("the stream", () => page.textContent("#link"), (text) => text === SAID[language].link);
          await assertNoSidewaysScroll(page);
          assert.deepEqual(await findings(page), [], `${size} ${colorScheme}`);
        });
      }
    }
  });

  test(`${language}: server and script write alike`, async () => {
    const play = await Play.of(PEOPLE);
    const said = SAID[language];
    await visit(play.address(`?lang=${language}`), { viewport: SIZES.desk }, async (page) => {
      const served = await rows(page);
      const clock = await page.textContent("#as-of time");
      assert.equal(served[0].score, said.first);
      assert.equal(await page.textContent("#state"), said.state);
      assert.equal(await page.textContent("#pause"), said.pause);
      await play.watched();
      // The same board told anew under other members: every row is made by the script.
      const other = PEOPLE.map(([member, score, name]) => [`${member}0`, score, name]);
      play.entries = other;
      await play.send(play.snapshot);
      await eventually("other rows", () => rows(page), (now) => now[0]?.member === "m10");
      const made = await rows(page);
      const plain = (row) => [row.rank, row.who.replace(/m\d+$/, ""), row.score];
      assert.deepEqual(made.map(plain), served.map(plain));
      assert.equal(await page.textContent("#participants"), said.count);
      assert.equal(await page.textContent("#as-of time"), clock);
      await page.hover("#rows tr");
      await play.send(frame("delta", { sequence: 1, changes: ranked([...other].reverse()), left: [] }));
      await eventually("what waits", () => page.textContent("#held"), (text) => text === said.held);
    });
  });
}

for (const [metric, score, written] of [
  ["moving_time_s", 36_061.9, "10:01:01"],
  ["fastest_s", 59.5, "0:00:59"],
  ["ascent_m", 12_344.5, "12,345\u{a0}m"],
  ["steps", 1_234_567, "1,234,567"],
  ["xp", 0.5, "1"],
  ["longest_m", 42_195, "42.20\u{a0}km"],
]) {
  test(`${metric} is written alike by server and script`, async () => {
    const play = await Play.of([["m1", score, "Ann"]], { metric });
    await visit(play.address(), {}, async (page) => {
      assert.equal((await rows(page))[0].score, written);
      await play.watched();
      play.entries = [["m2", score, "Bek"]];
      await play.send(play.snapshot);
      await eventually("the script's row", () => rows(page), (now) => now[0]?.member === "m2");
      assert.equal((await rows(page))[0].score, written);
    });
  });
}

test("without a script the board is complete and says how to see newer", async () => {
  const play = await Play.of(PEOPLE);
  await visit(play.address(), { javaScriptEnabled: false }, async (page, answer) => {
    assert.equal(answer.status(), 200);
    assert.equal(await page.locator("#rows tr").count(), 4);
    assert.ok(await page.isVisible("#reload"));
    assert.equal(await page.isVisible("#pause"), false);
    assert.equal((await play.audience()).opened, 0);
  });
});

test("the language switch stays on the board", async () => {
  const play = await Play.of(PEOPLE);
  await visit(play.address(), {}, async (page) => {
    await page.click("text=Қазақша");
    await eventually("Kazakh", () => page.getAttribute("html", "lang"), (lang) => lang === "kk");
    assert.equal(await page.textContent("h1"), "Алматыдағы мамыр");
  });
});

test("targets are large enough for a finger", async () => {
  const play = await Play.of(PEOPLE);
  await visit(play.address(), {}, async (page) => {
    await play.watched();
    await eventually("the tools", () => page.isVisible("#pause"));
    const sizes = await page.$$eval("a, button:not([hidden])", (found) =>
      found.map((one) => [one.textContent, one.getBoundingClientRect().width, one.getBoundingClientRect().height]),
    );
    for (const [what, width, height] of sizes) assert.ok(width >= 44 && height >= 44, `${what}: ${width} × ${height}`);
  });
});
