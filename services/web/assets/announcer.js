// Tells those who listen that another leads: politely, and at most every ten seconds. Of several changes the last.

const APART_MS = 10_000;

export class Announcer {
  constructor(element) {
    this.element = element;
    this.saidAt = -APART_MS;
    this.timer = 0;
  }

  say(text) {
    clearTimeout(this.timer);
    const wait = this.saidAt + APART_MS - performance.now();
    this.timer = setTimeout(() => {
      this.saidAt = performance.now();
      this.element.textContent = text;
    }, Math.max(0, wait));
  }

  // What was about to be said is not so any more.
  drop() {
    clearTimeout(this.timer);
  }
}
