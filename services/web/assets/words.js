// How the page speaks: numbers and times as the server writes them, phrases as it gave them.

const fill = (pattern, values) => pattern.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

// A name inside a sentence must not turn the rest of it around.
const isolated = (text) => `\u2068${text}\u2069`;

export class Words {
  constructor(settings) {
    this.settings = settings;
    const decimals = settings.measure === "km" ? 2 : 0;
    this.number = writer(settings.separators, decimals);
    this.whole = writer(settings.separators, 0);
    this.plural = new Intl.PluralRules(settings.language);
    this.clockFormat = clockFormat(settings.time_zone);
  }

  say(id) {
    return this.settings.phrases[id] ?? id;
  }

  count(id, count) {
    const forms = this.settings.plurals[id];
    const form = forms[this.plural.select(count)] ?? forms.other;
    return fill(form, { n: this.whole(count) });
  }

  leads(name, score) {
    return fill(this.say("leads"), { name: isolated(name), score });
  }

  // As numbers.rs writes it: thousandths first, so that both round the same number.
  score(score) {
    const thousandths = Math.round(score * 1000);
    if (this.settings.measure === "time") return duration(Math.floor(thousandths / 1000));
    const kilometres = this.settings.measure === "km";
    const text = this.number(
      kilometres ? Math.round(thousandths / 10_000) / 100 : Math.round(thousandths / 1000),
    );
    return this.settings.unit ? fill(this.settings.unit, { n: text }) : text;
  }

  // `14:05:09 +05`
  clock(milliseconds) {
    const parts = {};
    for (const { type, value } of this.clockFormat.formatToParts(milliseconds)) parts[type] = value;
    const offset = (parts.timeZoneName ?? "").replace("GMT", "").replace(/:00$/, "").replace("\u2212", "-");
    return `${parts.hour}:${parts.minute}:${parts.second} ${offset || "+00"}`;
  }
}

// Digits by Intl, what stands between them by the server: browsers leave out the data of languages that they have no
// menus in, and write their numbers as in none.
function writer(separators, decimals) {
  const format = new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return (number) =>
    format
      .formatToParts(number)
      .map(({ type, value }) => separators[type] ?? value)
      .join("");
}

function duration(seconds) {
  const of = Math.abs(seconds);
  const two = (number) => String(number).padStart(2, "0");
  return `${seconds < 0 ? "-" : ""}${Math.floor(of / 3600)}:${two(Math.floor(of / 60) % 60)}:${two(of % 60)}`;
}

function clockFormat(timeZone) {
  const wanted = {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "longOffset",
  };
  try {
    return new Intl.DateTimeFormat("en-GB", { ...wanted, timeZone });
  } catch {
    // A zone that this browser has not heard of yet.
    return new Intl.DateTimeFormat("en-GB", { ...wanted, timeZone: "UTC" });
  }
}
