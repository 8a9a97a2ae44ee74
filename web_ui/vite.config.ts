import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// One line per page. `member` joins here; each has a budget of its own in scripts/budget.mjs.
const pages = { cashier: here("index.html"), office: here("office.html") };

// `npm run dev` takes the interface from here (see dev/run.mjs).
const device = process.env["COUNTERD_URL"];

export default defineConfig({
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: "false",
    __VUE_PROD_DEVTOOLS__: "false",
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
  },
  build: {
    target: "es2022",
    outDir: here("../daemon/web/static"),
    emptyOutDir: true,
    manifest: "manifest.json",
    // The page runs under a policy without `unsafe-inline` and without `data:` images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: pages },
  },
  server: device === undefined ? {} : { proxy: { "/api": device, "/healthz": device } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
