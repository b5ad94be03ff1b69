/** Builds the web application into dist/web, with a compressed copy of every file beside it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const outDir = join(import.meta.dirname, "dist/web");

export default defineConfig({
  root: join(import.meta.dirname, "web"),
  plugins: [react(), compressed()],
  build: {
    outDir,
    emptyOutDir: true,
    target: ["chrome120", "firefox121", "safari17"],
    // The content security policy allows no inline scripts or data: modules.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: { "/api": "http://127.0.0.1:3000", "/frame": "http://127.0.0.1:3000" } },
});

function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      for (const file of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
        if (!/\.(?:js|css|svg)$/.test(file)) continue;
        const path = join(outDir, file);
        const bytes = readFileSync(path);
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}
