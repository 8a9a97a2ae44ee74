/**
 * The one live line to the device. The browser reconnects by itself with Last-Event-ID; where it
 * gives up (an HTTP error), or where the line is silently dead, a new one is opened from the last id.
 */

import { BASE, ask, ApiProblem } from "./client";
import { EVENT_KINDS, type ServerEvent } from "./types";

export type Line = "connecting" | "live" | "lost";

export interface LineHooks {
  event(event: ServerEvent, id: string): void;
  line(line: Line): void;
  signedOut(): void;
}

const RETRY_MS = 1_500;
/** Keep-alive comments do not reach a page, so a quiet line is checked by a small request. */
const CHECK_EVERY_MS = 10_000;
const CHECK_TIMEOUT_MS = 4_000;

export class LiveLine {
  private source: EventSource | null = null;
  private lastId = "";
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly check: ReturnType<typeof setInterval>;
  private closed = false;

  constructor(private readonly hooks: LineHooks) {
    this.check = setInterval(() => void this.checkLine(), CHECK_EVERY_MS);
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearInterval(this.check);
    clearTimeout(this.retry);
    this.source?.close();
  }

  private connect(): void {
    if (this.closed) return;
    this.source?.close();
    const after = this.lastId === "" ? "" : `?after=${encodeURIComponent(this.lastId)}`;
    const source = new EventSource(`${BASE}/events${after}`);
    this.source = source;
    source.onopen = () => this.hooks.line("live");
    source.onerror = () => {
      if (this.closed || this.source !== source) return;
      this.hooks.line("lost");
      if (source.readyState === EventSource.CLOSED) void this.again();
    };
    for (const kind of EVENT_KINDS) {
      source.addEventListener(kind, (message) => {
        const id = message.lastEventId;
        if (id !== "" && id === this.lastId && kind !== "snapshot") return;
        this.lastId = id;
        this.hooks.line("live");
        this.hooks.event({ kind, body: JSON.parse(message.data as string) } as ServerEvent, id);
      });
    }
  }

  private async again(): Promise<void> {
    clearTimeout(this.retry);
    try {
      await ask({ method: "GET", path: "/session" });
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) {
        this.close();
        this.hooks.signedOut();
        return;
      }
    }
    if (!this.closed) this.retry = setTimeout(() => this.connect(), RETRY_MS);
  }

  private async checkLine(): Promise<void> {
    if (this.source?.readyState !== EventSource.OPEN) return;
    try {
      // Any answer will do, also "503 degraded": it is the line that is asked about.
      await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
    } catch {
      if (this.closed) return;
      this.hooks.line("lost");
      this.retry = setTimeout(() => this.connect(), RETRY_MS);
    }
  }
}
