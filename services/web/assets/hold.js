// Nothing moves under a reader's hand: while the pointer rests on the board, while the keyboard is in it, while it is
// paused.

export class Hold {
  // `changed()` whenever it may have begun or ended.
  constructor(element, changed) {
    this.changed = changed;
    this.paused = false;
    this.pointer = false;
    this.focus = false;
    // A finger leaves no pointer behind; what it touches scrolls.
    const hovers = (event) => event.pointerType !== "touch";
    element.addEventListener("pointerenter", (event) => hovers(event) && this.#set("pointer", true));
    element.addEventListener("pointerleave", () => this.#set("pointer", false));
    element.addEventListener("focusin", (event) => this.#set("focus", event.target.matches(":focus-visible")));
    element.addEventListener("focusout", () => this.#set("focus", false));
  }

  get on() {
    return this.paused || this.pointer || this.focus;
  }

  pause(paused) {
    this.#set("paused", paused);
  }

  // Nothing will move any more.
  release() {
    this.paused = this.pointer = this.focus = false;
  }

  #set(reason, on) {
    if (this[reason] === on) return;
    this[reason] = on;
    this.changed();
  }
}
