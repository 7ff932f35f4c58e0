// Every test on the stage, in one browser.

import { after, before } from "node:test";
import { run } from "./cases.mjs";
import { launch, quit } from "./browser.mjs";
import * as stage from "./stage.mjs";

before(async () => {
  await stage.open();
  await launch();
});
after(async () => {
  await quit();
  stage.close();
});

await import("./tests/moving.mjs");
await import("./tests/reading.mjs");
await import("./tests/looking.mjs");
await import("./tests/trouble.mjs");
run("the live board");
