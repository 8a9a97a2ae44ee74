/**
 * A scanner types like a keyboard, only faster, and ends with Enter. Told from a person by timing,
 * so that a scan works also where digits are an amount. Pure but for what it has heard.
 */

/** Nobody types six keys at this pace; scanners need a few milliseconds for each. */
const FASTEST_HAND_MS = 40;
const SHORTEST = 6;

export class Wedge {
  private heard = "";
  private last_ms = 0;

  /** What was scanned, where this Enter ends a scan; else null. */
  press(key: string, at_ms: number): string | null {
    const quick = at_ms - this.last_ms < FASTEST_HAND_MS;
    this.last_ms = at_ms;
    if (key === "Enter") {
      const scanned = quick && this.heard.length >= SHORTEST ? this.heard : null;
      this.heard = "";
      return scanned;
    }
    if (key.length !== 1) {
      this.heard = "";
      return null;
    }
    this.heard = quick ? this.heard + key : key;
    return null;
  }
}
