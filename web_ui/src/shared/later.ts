/**
 * The parts of a page that come after it. Where the device is away at that moment they do not come,
 * and a browser asks for a failed style sheet only once by itself: a dialog would stay undressed
 * until somebody reloads. So what did not come is remembered here and asked for again.
 */

const failed = new Set<HTMLLinkElement>();

function onError({ target }: Event): void {
  if (target instanceof HTMLLinkElement && target.rel === "stylesheet") failed.add(target);
}

export function watchStyleSheets(): void {
  document.addEventListener("error", onError, true);
}

/** Asks again for the style sheets that did not come. Answers whether all are here now. */
export async function fetchStyleSheets(): Promise<boolean> {
  const links = [...failed];
  failed.clear();
  const came = await Promise.all(
    links.map(
      (link) =>
        new Promise<boolean>((resolve) => {
          const fresh = link.cloneNode() as HTMLLinkElement;
          fresh.onload = () => resolve(true);
          fresh.onerror = () => resolve(false);
          link.replaceWith(fresh);
        }),
    ),
  );
  return came.every(Boolean);
}

/** Fetches all of `parts` and what they wear. Answers whether everything is here. */
export async function fetchParts(parts: readonly (() => Promise<unknown>)[]): Promise<boolean> {
  const got = await Promise.allSettled(parts.map((load) => load()));
  const dressed = await fetchStyleSheets();
  return dressed && got.every((each) => each.status === "fulfilled");
}
