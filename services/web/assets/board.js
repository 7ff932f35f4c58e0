// The live board: goes on from the page as it was served.

import { Announcer } from "./announcer.js";
import { Freshness } from "./freshness.js";
import { Hold } from "./hold.js";
import { Model } from "./model.js";
import { Stream } from "./stream.js";
import { Table } from "./table.js";
import { Words } from "./words.js";

// A stream that has told a snapshot tells its names within this time, or it has none to tell.
const NAMES_WITHIN_MS = 2000;
// The API turns a challenge's state a moment after its time; a crowd asks spread over some seconds.
const TURN_AFTER_MS = 1000;
const TURN_SPREAD_MS = 5000;
// Served just after such a moment, a page may still have the state before it.
const TURN_LATE_MS = 30_000;
// Timers cannot wait longer than 24 days.
const TURN_MS_MAX = 20 * 24 * 3600 * 1000;
// After this long out of sight the state may be another.
const AWAY_MS = 60_000;

const byId = (id) => document.getElementById(id);

class Board {
  constructor(settings) {
    this.settings = settings;
    this.words = new Words(settings);
    this.table = new Table(byId("rows"), byId("empty"), this.words);
    this.model = new Model(settings.places);
    this.model.adopt(Table.told(byId("rows")));
    this.leader = this.model.first()?.member;
    this.announcer = new Announcer(byId("told"));
    this.hold = new Hold(byId("places"), () => this.held());
    this.stream = new Stream(settings.live, {
      opened: () => this.model.restart(),
      heard: (kind, frame) => this.heard(kind, frame),
      changed: () => this.link(),
      ended: () => this.ended(),
    });
    this.freshness = new Freshness({
      ask: () => this.ask(),
      lost: () => this.stream.state === "live" && this.stream.again(),
      mark: (stale) => (byId("stale").hidden = !stale),
    });
    this.drawing = 0;
    this.asOf = null;
    this.clockAhead = 0;
    this.final = false;
    this.restingAt = Infinity;
  }

  begin() {
    byId("reload").hidden = true;
    byId("tools").hidden = false;
    byId("pause").addEventListener("click", () => this.pause(!this.hold.paused));
    byId("held").addEventListener("click", () => this.letGo());
    document.addEventListener("visibilitychange", () => this.attend());
    addEventListener("pagehide", () => this.rest());
    addEventListener("pageshow", (event) => event.persisted && this.attend());
    addEventListener("online", () => this.stream.retryNow());
    for (const at of this.settings.turns) this.turn(at - Date.now());
    this.attend();
  }

  // A tab that nobody sees keeps no stream.
  attend() {
    if (this.final) return;
    if (document.hidden) this.rest();
    else if (this.stream.state === "off") {
      this.freshness.watch();
      this.stream.open();
      if (Date.now() - this.restingAt > AWAY_MS) this.renew();
    }
  }

  turn(wait) {
    if (wait < -TURN_LATE_MS || wait > TURN_MS_MAX) return;
    setTimeout(() => this.renew(), Math.max(0, wait) + TURN_AFTER_MS + Math.random() * TURN_SPREAD_MS);
  }

  rest() {
    this.restingAt = Date.now();
    this.stream.close();
    this.freshness.rest();
    this.announcer.drop();
  }

  heard(kind, frame) {
    this.freshness.heard();
    if (kind === "snapshot") this.snapshot(frame);
    else if (kind === "delta") this.model.delta(frame);
    else if (kind === "names") this.model.named(frame);
    // What is told to one alone is not for a page that knows nobody.
    else return;
    this.tick(frame.as_of);
    this.lead();
    this.draw();
  }

  snapshot(frame) {
    this.model.snapshot(frame);
    clearTimeout(this.naming);
    this.naming = setTimeout(() => this.model.forgetNamesBefore() && this.draw(), NAMES_WITHIN_MS);
  }

  // Deltas carry no time of their own: the board's clock goes on from the last one that was told.
  tick(told) {
    const at = Date.parse(told ?? "");
    if (Number.isFinite(at)) this.clockAhead = at - Date.now();
    this.asOf = Date.now() + this.clockAhead;
  }

  lead() {
    const first = this.model.first();
    if (!first || first.member === this.leader) return;
    const known = this.leader !== undefined;
    this.leader = first.member;
    if (!known || this.hold.paused) return;
    const name = first.name ?? `${this.words.say("anonymous")} ${first.member}`;
    this.announcer.say(this.words.leads(name, this.words.score(first.score)));
  }

  // At most once a frame of the screen, however many the stream has told.
  draw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      if (this.hold.on) this.count();
      else this.show();
    });
  }

  show() {
    this.table.show(this.model.places());
    byId("held").hidden = true;
    // Before it begins, the page says how many have joined: none of them has a place.
    if (this.model.participants !== null && byId("state").dataset.state !== "scheduled") {
      write(byId("participants"), this.words.count("participants", this.model.participants));
    }
    this.moment();
  }

  count() {
    const behind = this.table.behind(this.model.places());
    const held = byId("held");
    held.hidden = behind === 0;
    write(held, this.words.count("held", behind));
    if (behind === 0) this.moment();
  }

  moment() {
    if (this.asOf === null) return;
    byId("as-of").hidden = false;
    const time = byId("as-of").querySelector("time");
    write(time, this.words.clock(this.asOf));
    time.dateTime = new Date(this.asOf).toISOString();
  }

  pause(paused) {
    this.hold.pause(paused);
    if (paused) this.announcer.drop();
    write(byId("pause"), this.words.say(paused ? "resume" : "pause"));
    this.link();
  }

  // Shows what was held back, and goes on holding where it was asked to.
  letGo() {
    this.show();
    if (this.hold.paused) byId("pause").focus();
  }

  held() {
    this.draw();
  }

  link() {
    const state = this.final ? "closed" : this.hold.paused ? "paused" : this.stream.state;
    const shown = byId("link");
    shown.hidden = state === "off";
    shown.dataset.link = state;
    write(shown, this.words.say(`link-${state}`));
  }

  // Is the first place what it is on the page? Then a silent stream is a quiet board.
  async ask() {
    if (this.stream.state !== "live") return false;
    const answer = await fetch(this.settings.top, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) return false;
    const board = await answer.json();
    const [there, here] = [board.entries?.[0], this.model.first()];
    const same = there?.member === here?.member && there?.score === here?.score;
    if (same) {
      this.tick(board.as_of);
      this.draw();
    }
    return same;
  }

  // How it stands with the challenge now: as the page has it that is served now.
  async renew() {
    const page = await this.served();
    if (!page || this.final) return;
    this.state(page);
    if (JSON.parse(page.getElementById("board").dataset.settings).closed) this.ended();
  }

  // The board stands. Its last word is the page as it is served now.
  async ended() {
    this.final = true;
    this.stream.close();
    this.freshness.rest();
    this.announcer.drop();
    byId("tools").hidden = true;
    this.link();
    const page = await this.served();
    if (page) this.adopt(page);
    this.hold.release();
    this.draw();
  }

  async served() {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const page = answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
      return page?.getElementById("rows") ? page : null;
    } catch {
      return null;
    }
  }

  adopt(page) {
    this.model.adopt(Table.told(page.getElementById("rows")));
    this.state(page);
    const at = Date.parse(page.querySelector("#as-of time").dateTime);
    if (Number.isFinite(at)) this.asOf = at;
    this.model.participants = null;
    write(byId("participants"), page.getElementById("participants").textContent);
  }

  state(page) {
    const [shown, now] = [byId("state"), page.getElementById("state")];
    shown.dataset.state = now.dataset.state;
    write(shown, now.textContent);
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const settings = JSON.parse(byId("board").dataset.settings);
if (!settings.closed) new Board(settings).begin();
