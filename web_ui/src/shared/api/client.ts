/** The only door to the device's HTTP interface: JSON in and out, problems as typed errors. */

import type { Facts, Problem } from "./types";

export const BASE = "/api/v1";

/** The device answered, and said no. `key` is what the page translates. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly key: string;
  readonly facts: Facts;

  constructor(problem: Problem) {
    super(`${problem.status} ${problem.key}`);
    this.status = problem.status;
    this.key = problem.key;
    this.facts = problem.facts ?? {};
  }
}

/** No answer that can be relied on: the line, a time-out, or the device in trouble. */
export class NoAnswer extends Error {}

const TIMEOUT_MS = 10_000;

async function problemOf(response: Response): Promise<Problem> {
  const told: unknown = await response.json().catch(() => null);
  const known = typeof told === "object" && told !== null ? (told as Partial<Problem>) : {};
  return {
    ...known,
    status: response.status,
    title: known.title ?? response.statusText,
    key: known.key ?? (response.status === 401 ? "not_signed_in" : `http_${response.status}`),
    // Some problems carry their figures at the top instead of under `facts`.
    facts: { ...(known as unknown as Facts), ...(known.facts ?? {}) },
  };
}

export interface Asked {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  idempotencyKey?: string;
  /** A manager's yes to this one request (see shared/approval). */
  approval?: string;
  /** A file as it is, instead of `body`. */
  file?: Blob;
}

/** A file may take longer than a question. */
const FILE_TIMEOUT_MS = 120_000;

async function send(asked: Asked, accept: string, timeout_ms: number): Promise<Response> {
  const headers: Record<string, string> = { Accept: accept };
  if (asked.body !== undefined) headers["Content-Type"] = "application/json";
  if (asked.file !== undefined) headers["Content-Type"] = "application/octet-stream";
  if (asked.idempotencyKey !== undefined) headers["Idempotency-Key"] = asked.idempotencyKey;
  if (asked.approval !== undefined) headers["Approval"] = asked.approval;
  const body = asked.file ?? (asked.body === undefined ? undefined : JSON.stringify(asked.body));
  let response: Response;
  try {
    response = await fetch(BASE + asked.path, {
      method: asked.method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(timeout_ms),
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    throw new NoAnswer(String(error));
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  // A bare 5xx (no key of ours) or a failure to answer says nothing about what was done.
  const silent = problem.key.startsWith("http_") || problem.key === "internal";
  if (response.status >= 500 && silent) throw new NoAnswer(problem.key);
  throw new ApiProblem(problem);
}

/** @throws {ApiProblem} the device said no  @throws {NoAnswer} it is not known what happened */
export async function ask<T>(asked: Asked): Promise<T> {
  const timeout_ms = asked.file === undefined ? TIMEOUT_MS : FILE_TIMEOUT_MS;
  const response = await send(asked, "application/json", timeout_ms);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw new NoAnswer(String(error));
  }
}

/** The answer as a file. Throws as `ask`. */
export async function askFile(asked: Asked): Promise<Blob> {
  const response = await send(asked, "*/*", FILE_TIMEOUT_MS);
  try {
    return await response.blob();
  } catch (error) {
    throw new NoAnswer(String(error));
  }
}

export const get = <T>(path: string): Promise<T> => ask<T>({ method: "GET", path });
export const post = <T>(path: string, body: unknown = {}): Promise<T> =>
  ask<T>({ method: "POST", path, body });
export const put = <T>(path: string, body: unknown): Promise<T> =>
  ask<T>({ method: "PUT", path, body });
export const del = (path: string): Promise<void> => ask<void>({ method: "DELETE", path });
