// One stream to the board. Reopens what broke, after longer and longer waits, each stretched by chance so that a crowd
// does not come back at once.

const FRAMES = ["snapshot", "names", "delta", "me", "overtaken"];
const WAIT_MS_MIN = 1000;
const WAIT_MS_MAX = 30_000;
// After these the board does not move any more.
const FINAL = new Set(["settled", "stopped"]);

export class Stream {
  // `opened()` for every new attempt; `heard(kind, frame)` for every frame; `changed(state)`: connecting, live, lost,
  // off; `ended(code)`: for good.
  constructor(address, { opened, heard, changed, ended }) {
    Object.assign(this, { address, opened, heard, changed, ended });
    this.source = null;
    this.timer = 0;
    this.failures = 0;
    this.state = "off";
  }

  open() {
    this.close();
    this.#become(this.failures ? "lost" : "connecting");
    const source = new EventSource(this.address);
    this.source = source;
    this.opened();
    for (const kind of FRAMES) {
      source.addEventListener(kind, (event) => this.#frame(source, kind, event.data));
    }
    source.addEventListener("closed", (event) => this.#closed(source, event.data));
    source.addEventListener("error", () => source === this.source && this.again());
  }

  // Nobody looks, or nothing is to come.
  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.#become("off");
  }

  // At once, however often it failed: the network is back, say.
  retryNow() {
    if (this.state === "lost") this.open();
  }

  // Later, and not before `waitMs`.
  again(waitMs = 0) {
    this.close();
    const wait = Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 10);
    this.#become("lost");
    this.timer = setTimeout(() => this.open(), Math.max(wait, waitMs) * (1 + Math.random() / 2));
  }

  #frame(source, kind, data) {
    if (source !== this.source) return;
    const frame = parsed(data);
    if (!frame) return;
    this.failures = 0;
    this.#become("live");
    this.heard(kind, frame);
  }

  #closed(source, data) {
    if (source !== this.source) return;
    const { code, retry_ms: retryMs } = parsed(data) ?? {};
    if (FINAL.has(code)) {
      this.close();
      this.ended(code);
    } else {
      this.again(Number.isFinite(retryMs) ? retryMs : 0);
    }
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.changed(state);
  }
}

function parsed(data) {
  try {
    const frame = JSON.parse(data);
    return frame !== null && typeof frame === "object" ? frame : null;
  } catch {
    return null;
  }
}
