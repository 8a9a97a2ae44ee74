// `npm run dev`: the page from its sources, over the little shop; or, with COUNTERD_URL set, over a
// running device. `node dev/run.mjs --built` serves the built page instead and prints its address.
import { startServer } from "./server.mjs";

if (process.argv.includes("--built")) {
  const server = await startServer(Number(process.env.PORT ?? 0));
  console.log(`http://127.0.0.1:${server.address().port}/`);
} else {
  if (!process.env.COUNTERD_URL) {
    const server = await startServer(0);
    process.env.COUNTERD_URL = `http://127.0.0.1:${server.address().port}`;
  }
  const { createServer } = await import("vite");
  const vite = await createServer();
  await vite.listen();
  vite.printUrls();
}
