// The stage: the real pages over an API that plays what we tell it to (services/web/examples/stage.rs).

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { randomUUID } from "node:crypto";
import { eventually } from "./browser.mjs";

let stage;
let base;

export async function open() {
  stage = spawn(process.env.STAGE, { stdio: ["ignore", "pipe", "inherit"] });
  base = await new Promise((ready, failed) => {
    stage.on("error", failed);
    stage.on("exit", (code) => failed(new Error(`the stage ended with ${code}`)));
    createInterface(stage.stdout).on("line", (line) => ready(line.replace("ready ", "")));
  });
}

export function close() {
  stage?.kill();
}

export const frame = (event, data, id) => `event: ${event}\n${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(data)}\n\n`;

// `entries` of [member, score, name] in order, ranked from 1.
export const ranked = (entries) => entries.map(([member, score], index) => ({ rank: index + 1, member, score }));

const named = (entries) =>
  Object.fromEntries(
    entries.map(([member, , name]) => [member, name === undefined ? null : { account_id: member, display_name: name }]),
  );

// A challenge of a test's own.
export class Play {
  constructor(entries, challenge = {}) {
    this.id = randomUUID();
    this.entries = entries;
    this.status = 200;
    this.sequence = 100;
    this.challenge = {
      id: this.id,
      name: { en: "May in Almaty", ru: "Май в Алматы", kk: "Алматыдағы мамыр" },
      metric: "distance_m",
      state: "open",
      public: true,
      participants: entries.length,
      window: { start: "2026-05-01T00:00:00", end: "2026-06-01T00:00:00", clock: "instant", time_zone: "Asia/Almaty" },
      ...challenge,
    };
  }

  static async of(entries, challenge) {
    const play = new Play(entries, challenge);
    await play.set();
    return play;
  }

  address(query = "") {
    return `${base}/live/${this.id}${query}`;
  }

  get snapshot() {
    const entries = ranked(this.entries);
    const told = { sequence: this.sequence, as_of: "2026-05-02T09:05:09Z", segment: "all", participants: this.entries.length, entries };
    return frame("snapshot", told, this.sequence) + frame("names", named(this.entries));
  }

  // What the API answers from now on.
  async set({ opening = this.snapshot } = {}) {
    const entries = ranked(this.entries).map((entry, index) => {
      const name = this.entries[index][2];
      return name === undefined ? entry : { ...entry, display_name: name, account_id: entry.member };
    });
    const top = { sequence: this.sequence, as_of: "2026-05-02T09:05:09Z", participants: this.entries.length, entries };
    await this.#call("PUT", "", { challenge: this.challenge, top, opening, status: this.status });
  }

  // Lets the board become `entries` and tells only what is new.
  async move(entries) {
    const before = new Map(ranked(this.entries).map((entry) => [entry.member, entry]));
    const after = ranked(entries);
    const changes = after.filter(({ member, rank, score }) => {
      const known = before.get(member);
      return known?.rank !== rank || known?.score !== score;
    });
    const members = new Set(after.map((entry) => entry.member));
    const left = [...before.keys()].filter((member) => !members.has(member));
    const fresh = entries.filter(([member]) => !before.has(member));
    this.entries = entries;
    this.sequence += 1;
    await this.set();
    const names = fresh.length ? frame("names", named(fresh)) : "";
    await this.send(names + frame("delta", { sequence: this.sequence, changes, left }, this.sequence));
  }

  send(frames) {
    return this.#call("POST", "/frames", frames);
  }

  cut() {
    return this.#call("POST", "/cut");
  }

  async audience() {
    const answer = await fetch(`${base}/stage/${this.id}`);
    return answer.json();
  }

  // A stream is open, the `nth` since the beginning.
  watched(nth = 1) {
    return eventually("a stream opens", () => this.audience(), ({ streams, opened }) => streams > 0 && opened >= nth, 40_000);
  }

  async #call(method, path, body) {
    const text = typeof body === "string";
    const answer = await fetch(`${base}/stage/${this.id}${path}`, {
      method,
      body: text ? body : JSON.stringify(body),
      headers: text ? {} : { "content-type": "application/json" },
    });
    if (!answer.ok) throw new Error(`the stage answered ${answer.status}: ${await answer.text()}`);
  }
}
