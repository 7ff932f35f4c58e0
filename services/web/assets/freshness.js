// Whether what is shown is still so. A tick of the board lasts two seconds at most; after three without a word we ask,
// for a quiet board sends nothing. No answer: the board is stale, until the next word.

const TICKS_MS = 6000;
const LOOK_MS = 1000;
const ASK_MS_MAX = 60_000;

export class Freshness {
  // `ask()` resolves to whether the board is as shown; `lost()`: it is not; `mark(stale)` shows it.
  constructor({ ask, lost, mark }) {
    Object.assign(this, { ask, lost, mark });
    this.timer = 0;
    this.stale = false;
    this.heard();
  }

  watch() {
    this.heard();
    clearInterval(this.timer);
    this.timer = setInterval(() => this.#look(), LOOK_MS);
  }

  rest() {
    clearInterval(this.timer);
    this.#become(false);
  }

  heard() {
    this.heardAt = performance.now();
    this.quietMs = TICKS_MS;
    this.#become(false);
  }

  async #look() {
    if (this.asking || performance.now() - this.heardAt < this.quietMs) return;
    this.asking = true;
    const asOf = await this.ask().catch(() => null);
    this.asking = false;
    const now = performance.now();
    // A word came meanwhile.
    if (now - this.heardAt < TICKS_MS) return;
    if (asOf) {
      this.heardAt = now;
      // The longer a board is quiet, the rarer the question; stretched by chance, so that a crowd does not ask at once.
      this.quietMs = Math.min(ASK_MS_MAX, this.quietMs * (1.5 + Math.random()));
      this.#become(false);
    } else {
      this.#become(true);
      this.lost();
    }
  }

  #become(stale) {
    if (stale === this.stale) return;
    this.stale = stale;
    this.mark(stale);
  }
}
