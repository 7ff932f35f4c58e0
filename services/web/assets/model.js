// The board as the stream tells it: places by member, names apart. Knows nothing of the page.

// As pages/live.rs has it: a name that shows nothing is none.
const SHOWS = /[^\p{White_Space}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff0-\ufff8\u{e0000}-\u{e0fff}]/u;

export class Model {
  constructor(placesMax) {
    this.placesMax = placesMax;
    this.entries = new Map(); // member → { rank, score, order }
    this.names = new Map(); // member → name, or null for somebody whom we may not name
    this.namesBefore = null; // of the stream before this one, until this one has told its own
    this.participants = null;
    this.told = 0;
  }

  // A new stream tells every name anew. Those of the last one serve only until then: one may have been hidden since.
  restart() {
    this.namesBefore = new Map([...(this.namesBefore ?? []), ...this.names]);
    this.names = new Map();
  }

  forgetNamesBefore() {
    const had = this.namesBefore !== null;
    this.namesBefore = null;
    return had;
  }

  snapshot(frame) {
    this.entries.clear();
    if (Number.isFinite(frame.participants)) this.participants = frame.participants;
    this.#take(frame.entries);
  }

  delta(frame) {
    for (const member of frame.left ?? []) {
      // Whoever comes back is named anew: it may have been hidden meanwhile.
      this.entries.delete(member);
      this.names.delete(member);
    }
    if (Number.isFinite(frame.participants)) this.participants = frame.participants;
    this.#take(frame.changes);
  }

  named(frame) {
    for (const [member, who] of Object.entries(frame)) {
      const name = who?.display_name;
      this.names.set(member, typeof name === "string" && SHOWS.test(name) ? name : null);
    }
  }

  // A page that was served: its rows are a snapshot with names.
  adopt(rows) {
    this.entries.clear();
    this.names = new Map();
    this.namesBefore = null;
    this.#take(rows);
    for (const { member, name } of rows) this.names.set(member, name);
  }

  // In order; those who share a rank stay in the order in which they were told.
  places() {
    const places = [...this.entries].map(([member, entry]) => ({ member, ...entry, name: this.#name(member) }));
    places.sort((one, other) => one.rank - other.rank || one.order - other.order);
    for (const { member } of places.splice(this.placesMax)) this.entries.delete(member);
    return places;
  }

  first() {
    let first;
    for (const [member, entry] of this.entries) {
      const before = first && (first.rank - entry.rank || first.order - entry.order) <= 0;
      if (!before) first = { member, ...entry };
    }
    return first && { ...first, name: this.#name(first.member) };
  }

  #name(member) {
    if (this.names.has(member)) return this.names.get(member);
    return this.namesBefore?.get(member) ?? null;
  }

  #take(entries) {
    for (const { member, rank, score } of entries ?? []) {
      if (typeof member !== "string" || !Number.isFinite(rank) || !Number.isFinite(score)) continue;
      this.told += 1;
      const known = this.entries.get(member);
      const order = known?.rank === rank ? known.order : this.told;
      this.entries.set(member, { rank, score, order });
    }
  }
}
