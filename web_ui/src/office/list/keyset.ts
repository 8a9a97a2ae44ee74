/**
 * A long list that is read page by page, each page knowing only where the next begins. Any page that
 * was passed can be had again by its cursor, so that few pages need to be held however far one went.
 */

export interface Page<T> {
  rows: T[];
  next: string | null;
}

/** Pages that are held; the others are read again when they come into sight. */
export const MOST_HELD = 12;

export class KeysetPages<T> {
  /** Where each known page begins: its first row and its cursor. The last may not be read yet. */
  private readonly starts: { first: number; after: string | null }[] = [{ first: 0, after: null }];
  private readonly held = new Map<number, T[]>();
  private readonly asked = new Map<number, Promise<void>>();
  /** Rows known to be there; more may follow while `ended` is false. */
  known = 0;
  ended = false;

  constructor(
    private readonly read: (after: string | null) => Promise<Page<T>>,
    private readonly changed: () => void = () => undefined,
  ) {}

  /** The row, if its page is held. */
  row(at: number): T | undefined {
    const page = this.pageOf(at);
    return this.held.get(page)?.[at - (this.starts[page]?.first ?? 0)];
  }

  /** The page that holds a row: the last that does not begin after it. */
  private pageOf(at: number): number {
    let [low, high] = [0, this.starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.starts[middle]?.first ?? Infinity) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Sees to it that the rows from `first` to `last` are held, as far as there are any.
   * Fails as `read` fails; asking again tries again. */
  async want(first: number, last: number): Promise<void> {
    const from = this.pageOf(first);
    for (let page = from; page < this.starts.length; page += 1) {
      if ((this.starts[page]?.first ?? 0) > last) break;
      if (this.ended && page === this.starts.length - 1 && (this.starts[page]?.first ?? 0) >= this.known && this.known > 0) break;
      await this.load(page, from);
    }
  }

  private load(page: number, keep: number): Promise<void> {
    if (this.held.has(page)) return Promise.resolve();
    let asked = this.asked.get(page);
    if (asked === undefined) {
      asked = this.fetch(page, keep).finally(() => this.asked.delete(page));
      this.asked.set(page, asked);
    }
    return asked;
  }

  private async fetch(page: number, keep: number): Promise<void> {
    const start = this.starts[page];
    if (start === undefined) return;
    const { rows, next } = await this.read(start.after);
    this.held.set(page, rows);
    const end = start.first + rows.length;
    if (page === this.starts.length - 1) {
      this.known = end;
      this.ended = next === null;
      if (next !== null) this.starts.push({ first: end, after: next });
    }
    this.drop(keep);
    this.changed();
  }

  private drop(near: number): void {
    const far = [...this.held.keys()].sort((one, other) => Math.abs(other - near) - Math.abs(one - near));
    for (const page of far.slice(0, Math.max(0, this.held.size - MOST_HELD))) this.held.delete(page);
  }
}

/** Browsers draw no box higher than some 33 million pixels; lists above this are scrolled in scale. */
export const TALLEST_PX = 16_000_000;

export interface Window {
  /** First row and the one after the last to draw. */
  first: number;
  end: number;
  /** Where the first drawn row stands, and how high the whole is, in pixels. */
  top_px: number;
  height_px: number;
}

/** Which of `rows` are in sight, `more` to either side drawn with them. */
export function windowOf(rows: number, row_px: number, scroll_px: number, view_px: number, more = 6): Window {
  const whole = rows * row_px;
  const height_px = Math.min(whole, TALLEST_PX);
  const room = Math.max(1, height_px - view_px);
  const share = Math.min(1, Math.max(0, scroll_px / room));
  /** Where the view begins in a list of full height. */
  const at_px = whole <= TALLEST_PX ? scroll_px : share * (whole - view_px);
  const first = Math.max(0, Math.floor(at_px / row_px) - more);
  const end = Math.min(rows, Math.ceil((at_px + view_px) / row_px) + more);
  return { first, end: Math.max(first, end), top_px: Math.max(0, scroll_px + first * row_px - at_px), height_px };
}
