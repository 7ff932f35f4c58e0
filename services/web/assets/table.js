// The rows on the page, keyed by member. All that is read is read before anything is written, once before and once
// after the rows change their places.

const MOVE_MS = 180;

export class Table {
  constructor(body, empty, words) {
    this.body = body;
    this.empty = empty;
    this.words = words;
    this.rows = new Map(); // member → { row, rank, score, name }
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    for (const row of body.rows) this.#known(row);
  }

  // What the page holds now, as a model adopts it.
  static told(body) {
    return [...body.rows].map((row) => ({
      member: row.dataset.member,
      rank: Number(row.cells[0].textContent),
      score: Number(row.dataset.score),
      name: row.querySelector("bdi")?.textContent ?? null,
    }));
  }

  // How many members stand otherwise on the page than in `places`.
  behind(places) {
    let behind = this.rows.size;
    for (const place of places) {
      const shown = this.rows.get(place.member);
      if (!shown) behind += 1;
      else if (shown.rank === place.rank && shown.score === place.score && shown.name === place.name) behind -= 1;
    }
    return behind;
  }

  show(places) {
    const before = this.still.matches ? null : this.#tops();
    this.#remove(places);
    places.forEach((place, index) => this.#put(place, index));
    this.empty.hidden = places.length > 0;
    if (before) this.#move(before);
  }

  #known(row) {
    const name = row.querySelector("bdi")?.textContent ?? null;
    const shown = { row, rank: Number(row.cells[0].textContent), score: Number(row.dataset.score), name };
    this.rows.set(row.dataset.member, shown);
  }

  #tops() {
    const tops = new Map();
    for (const [member, { row }] of this.rows) tops.set(member, row.getBoundingClientRect().top);
    return tops;
  }

  #remove(places) {
    const members = new Set(places.map((place) => place.member));
    for (const [member, { row }] of this.rows) {
      if (members.has(member)) continue;
      row.remove();
      this.rows.delete(member);
    }
  }

  #put(place, index) {
    const shown = this.rows.get(place.member) ?? this.#make(place.member);
    const { row } = shown;
    if (shown.rank !== place.rank) row.cells[0].textContent = String((shown.rank = place.rank));
    if (shown.name !== place.name) this.#name(shown, place);
    if (shown.score !== place.score) {
      shown.score = place.score;
      row.dataset.score = String(place.score);
      row.cells[2].textContent = this.words.score(place.score);
    }
    const there = this.body.rows[index];
    if (there !== row) this.body.insertBefore(row, there ?? null);
  }

  #make(member) {
    const row = document.createElement("tr");
    row.dataset.member = member;
    const [rank, name, score] = ["td", "th", "td"].map((kind) => row.appendChild(document.createElement(kind)));
    rank.className = "rank";
    name.scope = "row";
    score.className = "score";
    const shown = { row, rank: null, score: null, name: undefined };
    this.rows.set(member, shown);
    return shown;
  }

  #name(shown, place) {
    shown.name = place.name;
    const element = (kind, className, text) => {
      const made = document.createElement(kind);
      if (className) made.className = className;
      made.textContent = text;
      return made;
    };
    const parts = place.name === null
      ? [element("span", "anonymous", this.words.say("anonymous")), " ", element("span", "member", place.member)]
      : [element("bdi", "", place.name)];
    shown.row.cells[1].replaceChildren(...parts);
  }

  // From where each row was to where it is. Rows out of sight are not worth a frame.
  #move(before) {
    const height = innerHeight;
    const moves = [];
    for (const [member, { row }] of this.rows) {
      const from = before.get(member);
      if (from === undefined) continue;
      for (const running of row.getAnimations()) running.cancel();
      moves.push({ row, from });
    }
    for (const move of moves) move.to = move.row.getBoundingClientRect().top;
    for (const { row, from, to } of moves) {
      const seen = (from > -100 && from < height) || (to > -100 && to < height);
      if (!seen || Math.abs(from - to) < 1) continue;
      const start = { transform: `translateY(${from - to}px)`, zIndex: from > to ? 1 : 0 };
      const end = { transform: "none", zIndex: start.zIndex };
      row.animate([start, end], { duration: MOVE_MS, easing: "ease-out" });
    }
  }
}
